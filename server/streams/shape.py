"""A stream and its audience as the page sees them."""

from __future__ import annotations

from typing import Any

from server.streams.audience import Audience
from server.streams.model import Stream
from server.wire import iso


def stream_shape(stream: Stream | None) -> dict[str, Any] | None:
    """`Stream`"""
    if stream is None:
        return None
    return {
        "id": stream.id,
        "room_id": stream.room_id,
        "state": stream.state,
        "started_at": iso(stream.started_at),
        "ended_at": iso(stream.ended_at),
        "lesson_id": stream.lesson_id,
    }


def audience_shape(audience: Audience | None) -> dict[str, Any] | None:
    """`Audience`"""
    return None if audience is None else audience.model_dump()
