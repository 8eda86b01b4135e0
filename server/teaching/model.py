"""How a lesson is learned from: who came, who finished, and where they left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from server.courses.intervals import watched_at
from server.courses.model import Progress

PARTS = 40
SHORTEST_PART_MS = 1_000


@dataclass(frozen=True, slots=True)
class LessonFigures:
    """`parts`: how many learners saw each of the equal parts; each is `part_ms` long."""

    learners: int
    done: int
    mean_watched_ms: int
    part_ms: int
    parts: tuple[int, ...]


def figures_of(histories: Sequence[Progress], duration_ms: int) -> LessonFigures:
    """What learners' progress says about a lesson."""
    count = max(1, min(PARTS, duration_ms // SHORTEST_PART_MS))
    watched = [progress.watched_ms for progress in histories]
    return LessonFigures(
        learners=len(histories),
        done=sum(progress.is_done for progress in histories),
        mean_watched_ms=round(sum(watched) / len(watched)) if watched else 0,
        part_ms=round(duration_ms / count),
        parts=tuple(watched_at((progress.intervals for progress in histories), duration_ms, count)),
    )
