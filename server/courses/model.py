"""Courses, lessons, and how far a learner has come: the union of what was really watched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from server.errors import BadRequest
from server.making.model import WorkState
from server.recordings.model import Asset

TITLE_LENGTH = range(1, 61)
DONE_SHARE = 0.9  # the rest is greetings and good-byes
MAX_INTERVALS = 500
LONGEST_MS = 24 * 3_600_000

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Course:
    """Lessons that belong together. `is_replays`: the one that gathers its teacher's broadcasts."""

    id: str
    title: str
    summary: str
    teacher_id: str
    teacher_name: str
    is_replays: bool
    created_at: datetime
    cover_url: str | None = None


@dataclass(frozen=True, slots=True)
class Lesson:
    """An asset that people can find and learn from."""

    id: str
    asset_id: str
    course_id: str | None
    title: str
    host_id: str
    host_name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody has come in a lesson. `version` counts changes."""

    position_ms: int = 0
    intervals: tuple[Interval, ...] = ()
    is_done: bool = False
    version: int = 0

    @property
    def watched_ms(self) -> int:
        """How much was watched, nothing counted twice."""
        return covered_ms(self.intervals)


@dataclass(frozen=True, slots=True)
class LessonView:
    """A lesson with its asset, and how far the one who looks has come."""

    lesson: Lesson
    asset: Asset
    progress: Progress | None

    @property
    def is_watchable(self) -> bool:
        """Whether there is something to play."""
        return self.asset.playlist_key is not None

    def is_listed_for(self, user_id: str | None) -> bool:
        """Uploads that failed are shown to nobody but their host."""
        return self.is_watchable or self.asset.work.state is not WorkState.FAILED or self.lesson.host_id == user_id


def check_title(title: str) -> str:
    """A title, one line. Raises BadRequest."""
    cleaned = " ".join("".join(ch for ch in title if ch.isprintable()).split())
    if len(cleaned) not in TITLE_LENGTH:
        raise BadRequest("title: 1 to 60 characters")
    return cleaned


def union(intervals: Iterable[Interval], limit_ms: int, most: int = MAX_INTERVALS) -> tuple[Interval, ...]:
    """Intervals in order, overlapping and touching ones joined, cut to [0, limit_ms], at most `most` of them.

    Where there are too many the shortest are dropped: nobody is credited with what he did not watch.
    """
    joined: list[Interval] = []
    for start, end in sorted((max(0, start), min(end, limit_ms)) for start, end in intervals):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    if len(joined) > most:
        joined = sorted(sorted(joined, key=lambda interval: interval[0] - interval[1])[:most])
    return tuple(joined)


def covered_ms(intervals: Iterable[Interval]) -> int:
    """The length of intervals that do not overlap."""
    return sum(end - start for start, end in intervals)


def watched(before: Progress, position_ms: int, intervals: Iterable[Interval], duration_ms: int) -> Progress:
    """Progress after more was watched, in any order and as often as told; once done it stays done."""
    limit_ms = duration_ms or LONGEST_MS
    merged = union([*before.intervals, *intervals], limit_ms)
    is_done = before.is_done or (duration_ms > 0 and covered_ms(merged) >= DONE_SHARE * duration_ms)
    return Progress(max(0, min(position_ms, limit_ms)), merged, is_done, before.version + 1)
