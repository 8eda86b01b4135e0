"""A moment: the span of a stream during which a product or a lesson was pinned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """`end_ms` is None while the card is pinned; both are on the stream's own timeline.

    It has a product or a lesson. `is_explaining`: the host is talking about it right now.
    """

    id: str
    stream_id: str
    room_id: str
    product_id: str | None
    title: str
    pinned_at: datetime
    start_ms: int
    end_ms: int | None = None
    lesson_id: str | None = None
    is_explaining: bool = True
