"""Name and priority of the job that this noun sends; the payload is `{"id": clip_id}`."""

from __future__ import annotations

CUT_CLIP = "clips.cut"
SOON = 0  # a clip takes seconds, a ladder takes minutes: clips go first
