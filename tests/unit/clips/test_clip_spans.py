"""Which part of a stream a clip shows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from server.cards.model import Moment
from server.clips.model import clip_span


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "span"),
    [
        (1000, 20_000, (1000, 20_000)),
        (1000, 200_000, (1000, 61_000)),  # a minute at most
        (1000, 1200, (1000, 4000)),  # at least three seconds…
        (98_000, 98_100, (98_000, 100_000)),  # …if they were recorded
        (90_000, None, (90_000, 100_000)),  # pinned to the end
        (100_000, None, None),
        (200_000, 210_000, None),
    ],
)
def test_a_moment_of_a_stream_of_a_hundred_seconds(
    start_ms: int, end_ms: int | None, span: tuple[int, int] | None
) -> None:
    moment = Moment("m", "s", "r", "p", "茶", datetime(2026, 11, 22, tzinfo=UTC), start_ms, end_ms)
    assert clip_span(moment, 100_000) == span
