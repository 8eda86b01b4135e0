"""What teachers do with their courses: make one out of replays and uploads, put it in order, publish it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from config.clock import Clock
from server.accounts.model import Role, User
from server.courses.model import (
    Course,
    CourseChapter,
    CourseState,
    Lesson,
    LessonView,
    Tags,
    check_chapters,
    check_summary,
    check_tags,
    check_title,
    require_editor,
    require_publisher,
)
from server.errors import BadRequest, Conflict, NotAllowed, NotFound
from server.ids import new_id

MAX_COURSES = 100  # of one teacher

Counted = tuple[Course, int]  # a course with its number of lessons


class Store(Protocol):
    """What this service keeps."""

    async def add_course(self, course: Course) -> Course: ...
    async def get_course(self, course_id: str) -> Course | None: ...
    async def courses_of(self, teacher_id: str) -> list[Course]: ...
    async def change_course(self, course: Course, version: int) -> bool: ...
    async def arrange(self, course: Course, version: int, home_id: str | None) -> bool: ...
    async def lesson_counts(self, course_ids: list[str]) -> dict[str, int]: ...
    async def lessons_in(self, course_id: str) -> list[Lesson]: ...
    async def lessons_of(self, host_id: str) -> list[Lesson]: ...
    async def many_lessons(self, lesson_ids: list[str]) -> dict[str, Lesson]: ...
    async def rename_lesson(self, lesson_id: str, title: str, title_was: str | None) -> bool: ...


class Lessons(Protocol):
    """Shows lessons, and must know when something else is to be said about them."""

    async def look_own(self, lesson_id: str, teacher: User) -> LessonView: ...
    async def look_many(self, lesson_ids: list[str], user: User | None) -> list[LessonView]: ...
    async def texts_changed(self, lesson_ids: list[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class CourseChange:
    """What a teacher wants otherwise; `version` is the course as he saw it."""

    version: int
    title: str | None = None
    summary: str | None = None
    cover_url: str | None = None
    tags: Tags | None = None
    no_skip: bool | None = None


class CourseEditing:
    """Courses in the hands of their teachers."""

    def __init__(self, store: Store, lessons: Lessons, clock: Clock) -> None:
        self._store = store
        self._lessons = lessons
        self._clock = clock

    async def mine(self, teacher: User) -> list[Counted]:
        """A teacher's courses with their number of lessons, newest first."""
        courses = await self._store.courses_of(teacher.id)
        counts = await self._store.lesson_counts([course.id for course in courses])
        return [(course, counts.get(course.id, 0)) for course in courses]

    async def lessons(self, teacher: User) -> list[LessonView]:
        """Everything that a teacher can put into courses, newest first."""
        found = await self._store.lessons_of(teacher.id)
        return await self._lessons.look_many([lesson.id for lesson in found], teacher)

    async def begin(self, teacher: User, title: str, summary: str) -> Counted:
        """A new course that only its teacher sees. Raises BadRequest, NotAllowed, Conflict."""
        if Role.HOST not in teacher.roles:
            raise NotAllowed("only a host may teach")
        if len(await self._store.courses_of(teacher.id)) >= MAX_COURSES:
            raise Conflict("at most 100 courses of one teacher", code="too_many_courses")
        course = await self._store.add_course(
            Course(
                id=new_id(),
                title=check_title(title),
                summary=check_summary(summary),
                teacher_id=teacher.id,
                teacher_name=teacher.display_name,
                is_replays=False,
                created_at=self._clock.now(),
                state=CourseState.DRAFT,
            )
        )
        return course, 0

    async def change(self, teacher: User, course_id: str, change: CourseChange) -> Counted:
        """Change what a course says about itself. Raises BadRequest, NotFound, NotAllowed, Conflict."""
        course = await self._own(course_id, teacher)
        tags = change.tags
        changed = replace(
            course,
            title=course.title if change.title is None else check_title(change.title),
            summary=course.summary if change.summary is None else check_summary(change.summary),
            cover_url=change.cover_url or course.cover_url,
            tags=course.tags if tags is None else checked_tags(tags),
            no_skip=course.no_skip if change.no_skip is None else change.no_skip,
            version=change.version + 1,
        )
        self._keep(await self._store.change_course(changed, change.version))
        lessons = await self._store.lessons_in(course_id)
        if (changed.title, changed.tags) != (course.title, course.tags):  # what the search knows of a course
            await self._lessons.texts_changed([lesson.id for lesson in lessons])
        return changed, len(lessons)

    async def arrange(
        self, teacher: User, course_id: str, version: int, chapters: Sequence[CourseChapter]
    ) -> Counted:
        """Say which lessons a course has, and in which order.

        Raises:
            BadRequest, NotFound, NotAllowed, Conflict
        """
        course = await self._own(course_id, teacher)
        checked = check_chapters(chapters)
        found = await self._store.many_lessons([one for chapter in checked for one in chapter.lesson_ids])
        if any(lesson.host_id != teacher.id for lesson in found.values()):
            raise BadRequest("chapters: only lessons of your own")
        # A page that was opened before may still name one that was taken away.
        checked = tuple(replace(one, lesson_ids=tuple(filter(found.__contains__, one.lesson_ids))) for one in checked)
        named = [lesson_id for chapter in checked for lesson_id in chapter.lesson_ids]
        before = [lesson.id for lesson in await self._store.lessons_in(course_id)]
        changed = replace(course, chapters=checked, version=version + 1)
        replays = next((other for other in await self._store.courses_of(teacher.id) if other.is_replays), None)
        self._keep(await self._store.arrange(changed, version, replays.id if replays else None))
        await self._lessons.texts_changed([*{*before, *named}])
        return changed, len(named)

    async def publish(self, user: User, course_id: str, state: CourseState) -> Counted:
        """Show a course to everybody, or to its teacher alone. Raises NotFound, NotAllowed, Conflict."""
        course = await self._find(course_id)
        require_publisher(course, user)
        count = len(await self._store.lessons_in(course_id))
        if course.state is state:
            return course, count
        if state is CourseState.PUBLISHED and not count:
            raise Conflict("put a lesson into it first", code="course_is_empty")
        changed = replace(course, state=state, version=course.version + 1)
        self._keep(await self._store.change_course(changed, course.version))
        return changed, count

    async def rename_lesson(
        self, teacher: User, lesson_id: str, title: str, title_was: str | None = None
    ) -> LessonView:
        """Rename a lesson; `title_was`: the title he saw. Raises BadRequest, NotFound, NotAllowed, Conflict."""
        await self._lessons.look_own(lesson_id, teacher)
        if not await self._store.rename_lesson(lesson_id, check_title(title), title_was):
            raise Conflict(
                "the lesson was renamed on another page meanwhile; please look again", code="lesson_changed"
            )
        await self._lessons.texts_changed([lesson_id])
        return await self._lessons.look_own(lesson_id, teacher)

    async def _own(self, course_id: str, teacher: User) -> Course:
        course = await self._find(course_id)
        require_editor(course, teacher)
        return course

    async def _find(self, course_id: str) -> Course:
        course = await self._store.get_course(course_id)
        if course is None:
            raise NotFound("there is no such course")
        return course

    @staticmethod
    def _keep(is_kept: bool) -> None:
        if not is_kept:
            raise Conflict(
                "the course was changed on another page meanwhile; please look again", code="course_changed"
            )


def checked_tags(tags: Tags) -> Tags:
    """Tags of all kinds. Raises BadRequest."""
    return Tags(check_tags(tags.crops), check_tags(tags.seasons), check_tags(tags.counties))
