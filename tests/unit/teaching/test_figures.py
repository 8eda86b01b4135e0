"""What learners' progress says about a lesson."""

from __future__ import annotations

from server.courses.intervals import watched_at
from server.courses.model import Progress
from server.teaching.model import PARTS, figures_of

MINUTE_MS = 60_000


def test_each_part_is_counted_by_who_saw_its_middle() -> None:
    histories = [Progress(intervals=((0, MINUTE_MS),), is_done=True), Progress(intervals=((0, 30_000),)), Progress()]
    figures = figures_of(histories, MINUTE_MS)
    assert (figures.learners, figures.done, figures.mean_watched_ms) == (3, 1, 30_000)
    assert figures.parts == (2,) * (PARTS // 2) + (1,) * (PARTS // 2)


def test_counting_looks_at_each_interval_once() -> None:
    class Counted(tuple[tuple[int, int], ...]):
        """Intervals that count how often they are gone through."""

        __slots__ = ()
        looks = 0

        def __iter__(self):  # type: ignore[no-untyped-def]
            type(self).looks += 1
            return super().__iter__()

    assert watched_at([Counted([(0, 25), (50, 100)])], 100, 4) == [1, 0, 1, 1]
    assert Counted.looks == 1
