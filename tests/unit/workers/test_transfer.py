"""Which recorded parts are fetched: those of the span, and what a decoder needs before them."""

from __future__ import annotations

import pytest

from server.recordings.take import Part, Run, Take
from workers.transfer import parts_between


def make_take(*parts: tuple[int, bool]) -> Take:
    """Parts of two seconds: the run of each, and whether it begins with a keyframe."""
    made = [
        Part(name=f"part-{n}", run=run, start_ms=2000 * n, duration_ms=2000, bytes=1, keyframe=keyframe)
        for n, (run, keyframe) in enumerate(parts)
    ]
    return Take(stream_id="s", duration_ms=2000 * len(made), parts=tuple(made), runs=(Run(init="a"), Run(init="b")))


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "expected"),
    [
        (0, 1, "0"),
        (2500, 4500, "12"),
        (6000, 8000, "123"),
        (8500, 9000, "4"),
        (10_000, 10_500, "45"),
        (20_000, 21_000, ""),
    ],
)
def test_a_span_is_fetched_from_where_a_decoder_can_begin(start_ms: int, end_ms: int, expected: str) -> None:
    take = make_take((0, True), (0, True), (0, False), (0, False), (1, False), (1, False))
    found = parts_between(take, start_ms, end_ms)
    assert "".join(part.name[-1] for part in found) == expected
