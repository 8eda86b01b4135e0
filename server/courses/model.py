"""Courses, lessons, and how far a learner has come: the union of what was really watched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from server.accounts.model import Role, User
from server.courses.intervals import (
    LONGEST_MS,
    Interval,
    began_before,
    covered_ms,
    from_the_start,
    longer_than_possible,
    union,
)
from server.errors import BadRequest, Conflict, NotAllowed
from server.making.model import WorkState
from server.recordings.inserts import Inserts
from server.recordings.model import Asset

TITLE_LENGTH = range(1, 61)
SUMMARY_LENGTH = range(501)
TAG_LENGTH = range(1, 13)
MAX_TAGS = 8  # of one kind
MAX_CHAPTERS = 30
MAX_LESSONS = 200
DONE_SHARE = 0.9  # the rest is greetings and good-byes


class TooFast(Conflict):
    """Somebody reports more than he can have watched."""

    code = "too_fast"


class CourseState(StrEnum):
    """Who sees a course: its teacher alone, or everybody."""

    DRAFT = "draft"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Tags:
    """What a course is for: 柑橘, 春季, 岳阳县."""

    crops: tuple[str, ...] = ()
    seasons: tuple[str, ...] = ()
    counties: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CourseChapter:
    """Lessons that stand together under a heading."""

    title: str
    lesson_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """Lessons that belong together. `is_replays`: the one that gathers its teacher's broadcasts.

    A lesson belongs to the course that it names itself; `chapters` only put lessons in order. `version` counts
    changes.
    """

    id: str
    title: str
    summary: str
    teacher_id: str
    teacher_name: str
    is_replays: bool
    created_at: datetime
    cover_url: str | None = None
    state: CourseState = CourseState.PUBLISHED
    chapters: tuple[CourseChapter, ...] = ()
    tags: Tags = Tags()
    no_skip: bool = False
    version: int = 0


@dataclass(frozen=True, slots=True)
class Lesson:
    """An asset that people can find and learn from. `subtitles`: which version of them it has, 0 for none."""

    id: str
    asset_id: str
    course_id: str | None
    title: str
    host_id: str
    host_name: str
    created_at: datetime
    is_replay: bool = False
    subtitles: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far somebody has come in a lesson. `version` counts changes, `began_at` is the first report's time."""

    position_ms: int = 0
    intervals: tuple[Interval, ...] = ()
    is_done: bool = False
    version: int = 0
    began_at: datetime | None = None

    @property
    def watched_ms(self) -> int:
        """How much was watched, nothing counted twice."""
        return covered_ms(self.intervals)


@dataclass(frozen=True, slots=True)
class ProgressReport:
    """What a page says was watched; `inserts`: so many had been put into what it played, None: all that there are.

    `position_ms` None: it was watched before, and says nothing of where somebody is now.
    """

    position_ms: int | None
    intervals: tuple[Interval, ...]
    inserts: int | None = None

    def moved(self, inserts: Inserts) -> ProgressReport:
        """The same in the longer video; who watched over a cut is not asked for what is there now."""
        intervals = tuple((inserts.place(start), inserts.end(end)) for start, end in self.intervals if start < end)
        position_ms = None if self.position_ms is None else inserts.place(self.position_ms)
        return ProgressReport(position_ms, intervals)


@dataclass(frozen=True, slots=True)
class LessonView:
    """A lesson with its asset and course, and how far the one who looks has come."""

    lesson: Lesson
    asset: Asset
    progress: Progress | None
    course: Course | None = None

    @property
    def is_watchable(self) -> bool:
        """Whether there is something to play."""
        return self.asset.playlist_key is not None

    @property
    def no_skip(self) -> bool:
        """Whether it counts only what is watched in order."""
        return self.course is not None and self.course.no_skip

    def is_seen_by(self, user_id: str | None) -> bool:
        """Uploads that are in no published course are their teacher's alone; replays were seen by all before."""
        is_published = self.course is not None and self.course.state is CourseState.PUBLISHED
        return self.lesson.is_replay or is_published or self.lesson.host_id == user_id

    def is_listed_for(self, user_id: str | None) -> bool:
        """Uploads that failed are shown to nobody but their host."""
        is_fine = self.is_watchable or self.asset.work.state is not WorkState.FAILED
        return self.is_seen_by(user_id) and (is_fine or self.lesson.host_id == user_id)


def clean_line(text: str) -> str:
    """One line without control characters."""
    return " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())


def check_title(title: str) -> str:
    """A title, one line. Raises BadRequest."""
    cleaned = clean_line(title)
    if len(cleaned) not in TITLE_LENGTH:
        raise BadRequest("title: 1 to 60 characters")
    return cleaned


def check_summary(text: str) -> str:
    """What a course teaches, on few lines. Raises BadRequest."""
    cleaned = "\n".join(filter(None, map(clean_line, text.splitlines())))
    if len(cleaned) not in SUMMARY_LENGTH:
        raise BadRequest("summary: at most 500 characters")
    return cleaned


def check_tags(words: Sequence[str]) -> tuple[str, ...]:
    """Tags of one kind, each once. Raises BadRequest."""
    cleaned = tuple(dict.fromkeys(filter(None, map(clean_line, words))))
    if len(cleaned) > MAX_TAGS or any(len(word) not in TAG_LENGTH for word in cleaned):
        raise BadRequest("tags: at most 8 of a kind, 1 to 12 characters each")
    return cleaned


def check_chapters(chapters: Sequence[CourseChapter]) -> tuple[CourseChapter, ...]:
    """Chapters with titles, each lesson in one place. Raises BadRequest."""
    lesson_ids = [lesson_id for chapter in chapters for lesson_id in chapter.lesson_ids]
    if len(chapters) > MAX_CHAPTERS or len(lesson_ids) > MAX_LESSONS:
        raise BadRequest("chapters: at most 30 with 200 lessons")
    if len(set(lesson_ids)) < len(lesson_ids):
        raise BadRequest("chapters: each lesson in one place")
    return tuple(CourseChapter(check_title(chapter.title), chapter.lesson_ids) for chapter in chapters)


def may_see(course: Course, user: User | None) -> bool:
    """A course in preparation is seen by its teacher alone."""
    return course.state is CourseState.PUBLISHED or (user is not None and user.id == course.teacher_id)


def require_editor(course: Course, user: User) -> None:
    """Only its teacher changes a course, and nobody the one that gathers replays. Raises NotAllowed, Conflict."""
    if course.teacher_id != user.id:
        raise NotAllowed("this course belongs to another teacher")
    if course.is_replays:
        raise Conflict("replays gather here by themselves; make a course of your own", code="replays_course")


def require_publisher(course: Course, user: User) -> None:
    """Its teacher, and operators, say whether everybody sees a course. Raises NotAllowed, Conflict."""
    if Role.OPERATOR not in user.roles or course.is_replays:
        require_editor(course, user)


def in_order(course: Course, lessons: Sequence[Lesson]) -> list[Lesson]:
    """The lessons as the chapters say; those that no chapter names come last, oldest first."""
    named = [lesson_id for chapter in course.chapters for lesson_id in chapter.lesson_ids]
    place = {lesson_id: number for number, lesson_id in enumerate(named)}
    return sorted(lessons, key=lambda lesson: place.get(lesson.id, len(place)))


def begun(before: Progress, now: datetime) -> Progress:
    """Progress of before, with the time since which its learner can have watched."""
    began_at = before.began_at or began_before(before.intervals, now)
    return replace(before, began_at=began_at, version=before.version + 1)


def watched(
    before: Progress,
    position_ms: int | None,
    intervals: Iterable[Interval],
    duration_ms: int,
    now: datetime,
    *,
    no_skip: bool = False,
) -> Progress:
    """Progress after more was watched, in any order and as often as told; once done it stays done.

    Without a `position_ms` he stays where he was.
    Nobody watches more than time allows, offline or not: all there is to go by is the time since the first report.
    With `no_skip` only what was watched from the start on makes it done.

    Raises:
        TooFast: nothing of this report counts; told again later it may.
    """
    limit_ms = duration_ms or LONGEST_MS
    merged = union([*before.intervals, *intervals], limit_ms)
    began_at = before.began_at or began_before(before.intervals, now)
    if longer_than_possible(covered_ms(merged), began_at, now):
        raise TooFast("that is more than can have been watched meanwhile")
    counted_ms = from_the_start(merged) if no_skip else covered_ms(merged)
    is_done = before.is_done or (duration_ms > 0 and counted_ms >= DONE_SHARE * duration_ms)
    place = before.position_ms if position_ms is None else max(0, min(position_ms, limit_ms))
    return Progress(place, merged, is_done, before.version + 1, began_at)
