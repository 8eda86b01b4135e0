"""A poll as the page sees it: counts, nobody's vote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.polls.model import Poll
from server.wire import iso


def poll_shape(poll: Poll, counts: Mapping[int, int]) -> dict[str, Any]:
    """`Poll`"""
    return {
        "id": poll.id,
        "question": poll.question,
        "options": [{"text": text, "votes": counts.get(place, 0)} for place, text in enumerate(poll.options)],
        "votes": sum(counts.values()),
        "opened_at": iso(poll.opened_at),
        "closed_at": iso(poll.closed_at),
    }
