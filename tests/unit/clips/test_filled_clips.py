"""Which clips are cut anew when a gap of their broadcast was filled in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from server.clips.model import Clip, Shown, lacks_filled
from server.making.model import WorkState, begin
from server.recordings.take import Part, Run, Take

NOW = datetime(2026, 11, 28, tzinfo=UTC)
FILLED = Take(
    stream_id="s",
    duration_ms=10_000,
    parts=(
        Part(name="0.m4s", run=0, start_ms=0, duration_ms=4000, bytes=1),
        Part(name="fill-1-0-0.m4s", run=1, start_ms=4000, duration_ms=3000, bytes=1),
        Part(name="1.m4s", run=0, start_ms=7000, duration_ms=3000, bytes=1),
    ),
    runs=(Run(init="init.mp4"), Run(init="fill-1-0-init.mp4")),
)


def clip(start_ms: int, end_ms: int, state: WorkState, shown_ms: int | None = None, error: str | None = None) -> Clip:
    shown = None if shown_ms is None else Shown(1, shown_ms, has_poster=False, at_ms=start_ms, start_ms=start_ms)
    work = replace(begin(NOW), state=state, error=error)
    return Clip("c", "s", "l", None, None, "茶", start_ms, end_ms, NOW, work, shown=shown)


@pytest.mark.parametrize(
    ("one", "lacks"),
    [
        (clip(3000, 8000, WorkState.READY, 2000), True),
        (clip(3000, 8000, WorkState.READY, 4960), False),  # was cut anew, to the picture
        (clip(1000, 4000, WorkState.READY, 3000), False),  # ends where the gap began
        (clip(7000, 9000, WorkState.READY, 2000), False),
        (clip(3000, 8000, WorkState.WORKING), True),  # the worker may have read the take before
        (clip(3000, 8000, WorkState.WAITING), False),  # whoever takes it reads the take as it is
        (clip(4500, 6500, WorkState.FAILED, error="not_recorded"), True),  # all of it was missing
        (clip(3000, 8000, WorkState.FAILED, 2000, error="cancelled"), False),
        (replace(clip(3000, 8000, WorkState.READY, 2000), removed=True), False),
    ],
)
def test_a_clip_of_a_broadcast_whose_gap_from_4_to_7_s_is_filled(one: Clip, lacks: bool) -> None:
    assert lacks_filled(one, FILLED) is lacks
