"""What people do with certificates: see what is missing, take one, print it, check another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.certificates.model import (
    Certificate,
    Step,
    check_holder,
    new_code,
    read_code,
    require_finished,
    steps_of,
)
from server.courses.model import Course, LessonView
from server.errors import NotFound

PRINTING = "6/minute"


class Store(Protocol):
    """What this service keeps."""

    async def add(self, certificate: Certificate) -> Certificate: ...
    async def get(self, code: str) -> Certificate | None: ...
    async def of(self, user_id: str, course_id: str) -> Certificate | None: ...
    async def all_of(self, user_id: str) -> list[Certificate]: ...


class Courses(Protocol):
    """Courses with how far somebody is in them."""

    async def look_course(self, course_id: str, user: User | None) -> tuple[Course, list[LessonView]]: ...


class Quizzes(Protocol):
    """Who has passed what."""

    async def with_quiz(self, lesson_ids: list[str]) -> set[str]: ...
    async def lacking(self, user: User, lesson_ids: list[str]) -> set[str]: ...


class Printer(Protocol):
    """Makes the paper."""

    async def print(self, certificate: Certificate, seen_at: str) -> bytes: ...


class Limits(Protocol):
    """Counts what somebody does."""

    async def check(self, limit: str, *who: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Way:
    """How far somebody is on the way to a course's certificate."""

    steps: tuple[Step, ...]
    certificate: Certificate | None


class Certificates:
    """Certificates of courses."""

    def __init__(
        self, store: Store, courses: Courses, quizzes: Quizzes, printer: Printer, limits: Limits, clock: Clock
    ) -> None:
        self._store = store
        self._courses = courses
        self._quizzes = quizzes
        self._printer = printer
        self._limits = limits
        self._clock = clock

    async def way(self, user: User, course_id: str) -> Way:
        """What is done and what is missing. Raises NotFound."""
        _, views = await self._courses.look_course(course_id, user)
        return Way(await self._steps(user, views), await self._store.of(user.id, course_id))

    async def take(self, user: User, course_id: str, name: str) -> Certificate:
        """Take the certificate of a course; again: the same one.

        Raises:
            BadRequest, NotFound, Conflict (`no_certificate`, `not_finished`)
        """
        holder_name = check_holder(name)
        if (kept := await self._store.of(user.id, course_id)) is not None:
            return kept
        course, views = await self._courses.look_course(course_id, user)
        require_finished(course, await self._steps(user, views))
        return await self._store.add(
            Certificate(
                code=new_code(),
                user_id=user.id,
                holder_name=holder_name,
                course_id=course.id,
                course_title=course.title,
                teacher_name=course.teacher_name,
                lesson_count=len(views),
                total_ms=sum(view.asset.duration_ms for view in views),
                issued_at=self._clock.now(),
            )
        )

    async def mine(self, user: User) -> list[Certificate]:
        """What somebody has earned, newest first."""
        return await self._store.all_of(user.id)

    async def check(self, typed: str) -> Certificate:
        """What a code certifies. Raises NotFound (`mistyped_code` where no certificate can have it)."""
        code = read_code(typed)
        if code is None:
            raise NotFound("no certificate has such a code; look at it again", code="mistyped_code")
        found = await self._store.get(code)
        if found is None:
            raise NotFound("there is no certificate with this code")
        return found

    async def paper(self, user: User, typed: str, seen_at: str) -> bytes:
        """The PDF, for its owner; `seen_at`: his way to the page. Raises NotFound, TooManyRequests, Unavailable."""
        certificate = await self.check(typed)
        if certificate.user_id != user.id:
            raise NotFound("this is not one of your certificates")
        await self._limits.check(PRINTING, "print a certificate", user.id)
        return await self._printer.print(certificate, seen_at)

    async def _steps(self, user: User, views: list[LessonView]) -> tuple[Step, ...]:
        lesson_ids = [view.lesson.id for view in views]
        return steps_of(
            views, await self._quizzes.with_quiz(lesson_ids), await self._quizzes.lacking(user, lesson_ids)
        )
