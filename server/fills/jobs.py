"""Name and priority of the job that this noun sends; the payload is `{"id": stream_id}`."""

from __future__ import annotations

FILL = "fills.fill"
SOON = 0  # it takes seconds, and the ladder that is being made meanwhile is made again after it
