"""Stars for a lesson: one vote of each learner who has seen enough of it."""

from __future__ import annotations

from dataclasses import dataclass

from server.courses.model import LessonView
from server.errors import NotAllowed

STARS = range(1, 6)
ENOUGH_SHARE = 0.5  # who has seen half of a lesson knows what it is worth


@dataclass(frozen=True, slots=True)
class Rating:
    """All stars of a lesson; `average` is 0 while there are none."""

    average: float
    count: int


def has_seen_enough(view: LessonView) -> bool:
    """Whether somebody may rate what he looks at."""
    progress, duration_ms = view.progress, view.asset.duration_ms
    return progress is not None and (
        progress.is_done or (duration_ms > 0 and progress.watched_ms >= ENOUGH_SHARE * duration_ms)
    )


def require_rater(view: LessonView, user_id: str) -> None:
    """Raises NotAllowed (`watch_first` for who has not seen enough)."""
    if view.lesson.host_id == user_id:
        raise NotAllowed("this is your own lesson")
    if not has_seen_enough(view):
        raise NotAllowed("watch half of it first", code="watch_first")
