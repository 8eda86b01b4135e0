"""Names and priorities of the jobs that this noun sends; the payload is `{"id": clip_id}`."""

from __future__ import annotations

CUT_CLIP = "showroom.cut_clip"
SOON = 0  # a clip takes seconds, a ladder takes minutes: clips go first
