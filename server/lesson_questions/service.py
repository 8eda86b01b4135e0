"""What people do with questions about lessons: ask, answer, read what waits for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from config.clock import Clock
from server.accounts.model import User
from server.courses.model import LessonView
from server.errors import BadRequest, NotAllowed, NotFound
from server.ids import new_id
from server.infra.announce import user_channel
from server.lesson_questions.model import LessonQuestion, Notices, check_text, require_asker, require_remover
from server.recordings.inserts import Inserts

ASKING = "10/hour"
FORBIDDEN = "words_not_allowed"


class Store(Protocol):
    """What this service keeps."""

    async def add(self, question: LessonQuestion) -> None: ...
    async def get(self, question_id: str) -> LessonQuestion | None: ...
    async def of_lesson(self, lesson_id: str, before: str) -> list[LessonQuestion]: ...
    async def open_for(self, teacher_id: str) -> list[LessonQuestion]: ...
    async def of_author(self, author_id: str) -> list[LessonQuestion]: ...
    async def answer(self, question_id: str, text: str, at: datetime) -> LessonQuestion | None: ...
    async def see_answers(self, author_id: str) -> None: ...
    async def notices(self, user_id: str) -> Notices: ...
    async def delete(self, question_id: str) -> None: ...
    async def forget(self, lesson_id: str) -> None: ...
    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None: ...


class Lessons(Protocol):
    """The lessons."""

    async def look(self, lesson_id: str, user: User | None) -> LessonView: ...


class Door(Protocol):
    """Knows who may write, and what nobody may write anywhere."""

    async def require_not_banned(self, user: User) -> None: ...
    async def are_forbidden(self, text: str) -> bool: ...


class Limits(Protocol):
    """Counts what somebody does."""

    async def check(self, limit: str, *who: str) -> None: ...


class Voice(Protocol):
    """Tells somebody's open pages."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...


class LessonQuestions:
    """Questions to teachers."""

    def __init__(
        self, store: Store, lessons: Lessons, door: Door, limits: Limits, voice: Voice, clock: Clock
    ) -> None:
        self._store = store
        self._lessons = lessons
        self._door = door
        self._limits = limits
        self._voice = voice
        self._clock = clock

    async def of_lesson(self, lesson_id: str, user: User | None, before: str) -> list[LessonQuestion]:
        """The questions about a lesson, newest first. Raises NotFound."""
        await self._lessons.look(lesson_id, user)
        return await self._store.of_lesson(lesson_id, before)

    async def ask(self, user: User, lesson_id: str, text: str, at_ms: int | None) -> LessonQuestion:
        """Ask the teacher. Raises BadRequest, NotFound, NotAllowed (also `banned`), TooManyRequests."""
        view = await self._lessons.look(lesson_id, user)
        require_asker(view.lesson, user)
        await self._door.require_not_banned(user)
        if at_ms is not None and at_ms > max(view.asset.duration_ms, 0):
            raise BadRequest("at_ms: a place in the lesson")
        cleaned = check_text(text)
        if await self._door.are_forbidden(cleaned):
            raise BadRequest("these words may not be used here", code=FORBIDDEN)
        await self._limits.check(ASKING, "ask a teacher", user.id)
        question = LessonQuestion(
            id=new_id(),
            lesson_id=lesson_id,
            lesson_title=view.lesson.title,
            teacher_id=view.lesson.host_id,
            author_id=user.id,
            author_name=user.display_name,
            text=cleaned,
            at_ms=at_ms,
            asked_at=self._clock.now(),
        )
        await self._store.add(question)
        await self._notify(question.teacher_id)
        return question

    async def answer(self, teacher: User, question_id: str, text: str) -> LessonQuestion:
        """Answer, or answer anew. Raises BadRequest, NotFound, NotAllowed (also `banned`)."""
        question = await self._find(question_id)
        if question.teacher_id != teacher.id:
            raise NotAllowed("another teacher was asked")
        await self._door.require_not_banned(teacher)
        answered = await self._store.answer(question_id, check_text(text), self._clock.now())
        if answered is None:
            raise NotFound("there is no such question")
        await self._notify(answered.author_id)
        return answered

    async def remove(self, user: User, question_id: str) -> None:
        """Take a question away. Raises NotFound, NotAllowed."""
        require_remover(await self._find(question_id), user)
        await self._store.delete(question_id)

    async def waiting(self, teacher: User) -> list[LessonQuestion]:
        """What a teacher has not answered, newest first."""
        return await self._store.open_for(teacher.id)

    async def mine(self, user: User) -> list[LessonQuestion]:
        """What somebody asked, newest first; from now on he has seen the answers."""
        found = await self._store.of_author(user.id)
        await self._store.see_answers(user.id)
        return found

    async def notices(self, user: User) -> Notices:
        """How much waits for somebody."""
        return await self._store.notices(user.id)

    async def forget(self, lesson_id: str) -> None:
        """A lesson goes."""
        await self._store.forget(lesson_id)

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None:
        """Something was put into the lesson's video."""
        await self._store.stretch(lesson_id, mark, inserts)

    async def _notify(self, user_id: str) -> None:
        found = await self._store.notices(user_id)
        data = {"open_questions": found.open_questions, "new_answers": found.new_answers}
        await self._voice.tell(user_channel(user_id), "notices", data)

    async def _find(self, question_id: str) -> LessonQuestion:
        question = await self._store.get(question_id)
        if question is None:
            raise NotFound("there is no such question")
        return question
