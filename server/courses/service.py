"""What people do with courses and lessons: look, search, go on where they stopped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from config.clock import Clock
from server.accounts.model import User
from server.courses.model import (
    Course,
    Lesson,
    LessonView,
    Progress,
    ProgressReport,
    TooFast,
    begun,
    check_title,
    in_order,
    may_see,
    watched,
)
from server.courses.shape import file_url, public_shape
from server.errors import Conflict, NotAllowed, NotFound
from server.ids import new_id
from server.infra.announce import lesson_channel
from server.making.model import WorkState
from server.recordings.inserts import Inserts
from server.recordings.model import Asset

PROGRESS_TRIES = 5  # two open pages of one learner report at the same time


class Store(Protocol):
    """What this service keeps."""

    async def add_course(self, course: Course) -> Course: ...
    async def get_course(self, course_id: str) -> Course | None: ...
    async def courses(self) -> list[Course]: ...
    async def set_cover_if_missing(self, course_id: str, cover_url: str) -> None: ...
    async def lesson_counts(self, course_ids: list[str]) -> dict[str, int]: ...
    async def text_changes(self, lesson_ids: list[str]) -> None: ...
    async def set_subtitles(self, lesson_id: str, version: int) -> None: ...
    async def add_lesson(self, lesson: Lesson) -> Lesson: ...
    async def get_lesson(self, lesson_id: str) -> Lesson | None: ...
    async def of_asset(self, asset_id: str) -> Lesson | None: ...
    async def many_courses(self, course_ids: list[str]) -> dict[str, Course]: ...
    async def newest_lessons(self) -> list[Lesson]: ...
    async def many_lessons(self, lesson_ids: list[str]) -> dict[str, Lesson]: ...
    async def lessons_in(self, course_id: str) -> list[Lesson]: ...
    async def delete_lesson(self, lesson_id: str) -> None: ...
    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None: ...
    async def is_stretched(self, lesson_id: str, mark: str) -> bool: ...
    async def set_stretched(self, lesson_id: str, mark: str) -> None: ...
    async def progress_of(self, user_id: str, lesson_ids: list[str]) -> dict[str, Progress]: ...
    async def set_progress(self, user_id: str, lesson_id: str, before: Progress, after: Progress) -> bool: ...


class Assets(Protocol):
    """The videos of lessons."""

    async def get(self, asset_id: str) -> Asset | None: ...
    async def many(self, asset_ids: list[str]) -> dict[str, Asset]: ...


class Voice(Protocol):
    """Tells those who watch a lesson."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...


class Search(Protocol):
    """Knows what is said in lessons."""

    async def refresh(self) -> None: ...


class Kept(Protocol):
    """Keeps something about lessons, that goes when they go."""

    async def forget(self, lesson_id: str) -> None: ...


class Placed(Protocol):
    """Keeps something that has a place in a lesson's video."""

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None: ...


class Courses:
    """Courses and lessons for those who learn and those who teach."""

    def __init__(self, store: Store, assets: Assets, voice: Voice, clock: Clock) -> None:
        self._store = store
        self._assets = assets
        self._voice = voice
        self._clock = clock
        self._search: Search | None = None
        self._kept: tuple[Kept, ...] = ()
        self._placed: tuple[Placed, ...] = ()

    def tell_texts_to(self, search: Search) -> None:
        """Whom to tell of lessons that come and change; it reads lessons, so it is built after this."""
        self._search = search

    def take_along(self, *kept: Kept) -> None:
        """What goes when a lesson goes."""
        self._kept = kept

    def move_along(self, *placed: Placed) -> None:
        """What moves when something is put into a lesson's video."""
        self._placed = placed

    async def browse(self) -> list[tuple[Course, int]]:
        """Courses with their number of lessons, newest first."""
        courses = await self._store.courses()
        counts = await self._store.lesson_counts([course.id for course in courses])
        return [(course, counts.get(course.id, 0)) for course in courses]

    async def look_course(self, course_id: str, user: User | None) -> tuple[Course, list[LessonView]]:
        """A course with its lessons in order. Raises NotFound."""
        course = await self._store.get_course(course_id)
        if course is None or not may_see(course, user):
            raise NotFound("there is no such course")
        return course, await self._views(in_order(course, await self._store.lessons_in(course_id)), user)

    async def newest(self, user: User | None) -> list[LessonView]:
        """Lessons, newest first."""
        return await self._views(await self._store.newest_lessons(), user)

    async def look_many(self, lesson_ids: list[str], user: User | None) -> list[LessonView]:
        """Those of these lessons that somebody may see, in this order."""
        found = await self._store.many_lessons(lesson_ids)
        return await self._views([found[lesson_id] for lesson_id in lesson_ids if lesson_id in found], user)

    async def look(self, lesson_id: str, user: User | None) -> LessonView:
        """One lesson. Raises NotFound, also while its course is in preparation."""
        view = await self.read(lesson_id, user)
        if view is None or not view.is_seen_by(user.id if user else None):
            raise NotFound("there is no such lesson")
        return view

    async def read(self, lesson_id: str, user: User | None = None) -> LessonView | None:
        """One lesson, whoever may see it."""
        lesson = await self._store.get_lesson(lesson_id)
        asset = await self._assets.get(lesson.asset_id) if lesson else None
        if lesson is None or asset is None:
            return None
        course = await self._store.get_course(lesson.course_id) if lesson.course_id else None
        return LessonView(lesson, asset, await self._progress(user, lesson_id) if user else None, course)

    async def look_own(self, lesson_id: str, teacher: User) -> LessonView:
        """A lesson of this teacher. Raises NotFound, NotAllowed."""
        view = await self.look(lesson_id, teacher)
        if view.lesson.host_id != teacher.id:
            raise NotAllowed("this lesson belongs to another teacher")
        return view

    async def note_progress(self, user: User, lesson_id: str, report: ProgressReport) -> Progress:
        """Add what somebody has watched. Raises NotFound, Conflict (also `too_fast`).

        A first report that is too much starts the clock nevertheless, so that it counts when it is told again later.
        """
        for _ in range(PROGRESS_TRIES):
            view = await self.look(lesson_id, user)
            before = view.progress or Progress()
            now = self._clock.now()
            told = await self._in_this_edition(report, view)
            duration_ms = view.asset.duration_ms
            try:
                after = watched(before, told.position_ms, told.intervals, duration_ms, now, no_skip=view.no_skip)
            except TooFast:
                if before.began_at or await self._store.set_progress(user.id, lesson_id, before, begun(before, now)):
                    raise
                continue
            if await self._store.set_progress(user.id, lesson_id, before, after):
                return after
        raise Conflict("another page of yours reports at the same time; please try again")

    async def _in_this_edition(self, report: ProgressReport, view: LessonView) -> ProgressReport:
        """What was watched of an edition of before, where it is now. Until all has moved it moves with the rest."""
        inserts, known = view.asset.inserts, report.inserts
        if known is None or known >= len(inserts):
            return report
        has_moved = await self._store.is_stretched(view.lesson.id, view.asset.source.ref)
        return report.moved(Inserts(inserts[known:])) if has_moved else report

    async def add_course(
        self, teacher: User, title: str, summary: str, *, cover_url: str | None = None, course_id: str | None = None
    ) -> Course:
        """Make a course; with an id that is there already, answer that. Raises BadRequest."""
        return await self._store.add_course(
            Course(
                id=course_id or new_id(),
                title=check_title(title),
                summary=summary,
                teacher_id=teacher.id,
                teacher_name=teacher.display_name,
                is_replays=False,
                created_at=self._clock.now(),
                cover_url=cover_url,
            )
        )

    async def check_upload(self, host_id: str, title: str, course_id: str | None) -> None:
        """Whether a host may add such a lesson. Raises BadRequest, NotFound, NotAllowed."""
        check_title(title)
        if course_id is None:
            return
        course = await self._store.get_course(course_id)
        if course is None:
            raise NotFound("there is no such course")
        if course.teacher_id != host_id:
            raise NotAllowed("this course belongs to another teacher")

    async def add_upload(self, asset: Asset, title: str, host_name: str, course_id: str | None) -> Lesson:
        """Make the lesson of an uploaded video that was checked. Safe to call twice. Raises BadRequest."""
        return await self._add_lesson(asset, check_title(title), host_name, course_id, is_replay=False)

    async def add_replay(self, asset: Asset, title: str, host_name: str) -> Lesson:
        """Make the lesson of a broadcast, in the course that gathers the host's. Safe to call twice."""
        course = await self._store.add_course(
            Course(
                id=new_id(),
                title=f"{host_name}的直播课",
                summary=f"{host_name}的直播回放",
                teacher_id=asset.host_id,
                teacher_name=host_name,
                is_replays=True,
                created_at=self._clock.now(),
            )
        )
        return await self._add_lesson(asset, title, host_name, course.id, is_replay=True)

    async def of_asset(self, asset_id: str) -> Lesson | None:
        """The lesson of an asset."""
        return await self._store.of_asset(asset_id)

    async def is_taught(self, lesson: Lesson) -> bool:
        """Whether its teacher has put a lesson into a course that he made himself, be it in preparation."""
        course = await self._store.get_course(lesson.course_id) if lesson.course_id else None
        return course is not None and not course.is_replays

    async def remove(self, lesson_id: str) -> None:
        """Take a lesson out of the library."""
        for kept in self._kept:
            await kept.forget(lesson_id)
        await self._store.delete_lesson(lesson_id)

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None:
        """Something was put into a lesson's video: all that has a place in it moves, once for each mark.

        Safe to do again after a crash: each record notes its mark as it moves, and the lesson at the end. What is
        kept after that is of the longer video already.
        """
        if await self._store.is_stretched(lesson_id, mark):
            return
        for placed in (self._store, *self._placed):
            await placed.stretch(lesson_id, mark, inserts)
        await self.texts_changed([lesson_id])
        await self._store.set_stretched(lesson_id, mark)

    async def texts_changed(self, lesson_ids: list[str]) -> None:
        """What is said in or about these lessons is another text now: the search reads it again."""
        await self._store.text_changes(lesson_ids)
        if self._search is not None:
            await self._search.refresh()

    async def subtitles_changed(self, lesson_id: str, version: int) -> None:
        """A lesson has other subtitles, or none any more (0)."""
        await self._store.set_subtitles(lesson_id, version)
        await self.texts_changed([lesson_id])

    async def asset_changed(self, asset: Asset) -> None:
        """Tell those who watch the lesson; a course without a cover takes the first poster."""
        lesson = await self._store.of_asset(asset.id)
        if lesson is None:
            return
        poster_url = file_url(asset.poster_key)
        if asset.work.state is WorkState.READY and lesson.course_id and poster_url:
            await self._store.set_cover_if_missing(lesson.course_id, poster_url)
        course = await self._store.get_course(lesson.course_id) if lesson.course_id else None
        view = LessonView(lesson, asset, None, course)
        await self._voice.tell(lesson_channel(lesson.id), "lesson", {"lesson": public_shape(view)})

    async def _add_lesson(
        self, asset: Asset, title: str, host_name: str, course_id: str | None, *, is_replay: bool
    ) -> Lesson:
        lesson = await self._store.add_lesson(
            Lesson(
                id=new_id(),
                asset_id=asset.id,
                course_id=course_id,
                title=title,
                host_id=asset.host_id,
                host_name=host_name,
                created_at=asset.created_at,
                is_replay=is_replay,
            )
        )
        await self.texts_changed([lesson.id])
        return lesson

    async def _views(self, lessons: Iterable[Lesson], user: User | None) -> list[LessonView]:
        found = [*lessons]
        assets = await self._assets.many([lesson.asset_id for lesson in found])
        courses = await self._store.many_courses([*{lesson.course_id for lesson in found if lesson.course_id}])
        progress = await self._store.progress_of(user.id, [lesson.id for lesson in found]) if user else {}
        views = (
            LessonView(
                lesson,
                assets[lesson.asset_id],
                progress.get(lesson.id),
                courses.get(lesson.course_id) if lesson.course_id else None,
            )
            for lesson in found
            if lesson.asset_id in assets
        )
        return [view for view in views if view.is_listed_for(user.id if user else None)]

    async def _progress(self, user: User, lesson_id: str) -> Progress:
        return (await self._store.progress_of(user.id, [lesson_id])).get(lesson_id, Progress())
