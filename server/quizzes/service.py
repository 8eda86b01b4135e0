"""What people do with quizzes: a teacher writes one, learners answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.courses.model import LessonView
from server.errors import Conflict, NotFound, TooManyRequests
from server.ids import new_id
from server.quizzes.model import (
    ATTEMPTS_A_DAY,
    Answer,
    Attempt,
    AttemptKind,
    Question,
    Quiz,
    Standing,
    check_quiz,
    gained,
    is_enough,
    is_passed,
    judge,
)
from server.recordings.inserts import Inserts

DAY = timedelta(days=1)
ANSWERING = "30/minute"


class Store(Protocol):
    """What this service keeps."""

    async def get(self, lesson_id: str) -> Quiz | None: ...
    async def with_quiz(self, lesson_ids: list[str]) -> set[str]: ...
    async def put(self, quiz: Quiz, version: int) -> bool: ...
    async def add_attempt(self, attempt: Attempt) -> None: ...
    async def ends_since(self, user_id: str, lesson_id: str, since: datetime) -> int: ...
    async def gain(self, user_id: str, lesson_id: str, right_ids: frozenset[str], *, end: bool) -> None: ...
    async def standing(self, user_id: str, lesson_id: str) -> Standing: ...
    async def passed(self, user_id: str, lesson_ids: list[str]) -> set[str]: ...
    async def set_passed(self, user_id: str, lesson_id: str, at: datetime) -> None: ...
    async def count_passed(self, lesson_id: str) -> int: ...
    async def answered(self, lesson_id: str) -> dict[str, tuple[int, int]]: ...
    async def forget(self, lesson_id: str) -> None: ...
    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None: ...


class Lessons(Protocol):
    """The lessons."""

    async def look(self, lesson_id: str, user: User | None) -> LessonView: ...
    async def look_own(self, lesson_id: str, teacher: User) -> LessonView: ...


class Limits(Protocol):
    """Counts what somebody does."""

    async def check(self, limit: str, *who: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Judged:
    """Answers with what would have been right, and how far one is now."""

    attempt: Attempt
    questions: tuple[Question, ...]
    standing: Standing

    def tells(self, given: Answer) -> bool:
        """Whether he may learn what is right: he knows it, or has passed."""
        return given.is_right or self.attempt.is_passed or self.standing.passed_at is not None


@dataclass(frozen=True, slots=True)
class QuizFigures:
    """How a quiz is answered: who passed, and by question how often it was answered and how often rightly."""

    passed: int
    questions: tuple[tuple[Question, int, int], ...]


class Quizzes:
    """The quizzes of lessons."""

    def __init__(self, store: Store, lessons: Lessons, limits: Limits, clock: Clock) -> None:
        self._store = store
        self._lessons = lessons
        self._limits = limits
        self._clock = clock

    async def look(self, lesson_id: str, user: User | None) -> tuple[Quiz, Standing]:
        """A lesson's quiz, without questions if it has none. Raises NotFound."""
        await self._lessons.look(lesson_id, user)
        quiz = await self._quiz(lesson_id)
        return quiz, await self._store.standing(user.id, lesson_id) if user else Standing()

    async def look_own(self, teacher: User, lesson_id: str) -> Quiz:
        """A quiz with its answers, for who wrote it. Raises NotFound, NotAllowed."""
        await self._lessons.look_own(lesson_id, teacher)
        return await self._quiz(lesson_id)

    async def write(
        self, teacher: User, lesson_id: str, version: int, questions: Sequence[Question], pass_percent: int
    ) -> Quiz:
        """Put a quiz into a lesson; who has passed before stays passed.

        Raises:
            BadRequest, NotFound, NotAllowed, Conflict
        """
        view = await self._lessons.look_own(lesson_id, teacher)
        quiz = check_quiz(Quiz(lesson_id, tuple(questions), pass_percent, version + 1), view.asset.duration_ms)
        if not await self._store.put(quiz, version):
            raise Conflict("the quiz was changed on another page meanwhile; look again", code="quiz_changed")
        return quiz

    async def answer(self, user: User, lesson_id: str, question_id: str, chosen: Sequence[int]) -> Judged:
        """Answer a question in the lesson. Raises NotFound, TooManyRequests."""
        await self._lessons.look(lesson_id, user)
        quiz = await self._quiz(lesson_id)
        asked = tuple(question for question in quiz.in_video if question.id == question_id)
        if not asked:
            raise NotFound("there is no such question in this lesson")
        await self._limits.check(ANSWERING, "answer a quiz", user.id)
        return await self._judge(user, quiz, AttemptKind.ONE, asked, {question_id: chosen})

    async def finish(self, user: User, lesson_id: str, version: int, chosen: Mapping[str, Sequence[int]]) -> Judged:
        """Answer all questions at the end. Raises NotFound, Conflict, TooManyRequests."""
        await self._lessons.look(lesson_id, user)
        quiz = await self._quiz(lesson_id)
        if not quiz.at_end:
            raise NotFound("this lesson has no questions at its end")
        if quiz.version != version:
            raise Conflict("the teacher has changed the questions; look again", code="quiz_changed")
        await self._limits.check(ANSWERING, "answer a quiz", user.id)
        since = self._clock.now() - DAY
        if await self._store.ends_since(user.id, lesson_id, since) >= ATTEMPTS_A_DAY:
            raise TooManyRequests("at most 20 tries a day; watch it once more", code="too_many_attempts")
        return await self._judge(user, quiz, AttemptKind.END, quiz.at_end, chosen)

    async def lacking(self, user: User, lesson_ids: list[str]) -> set[str]:
        """Lessons whose quiz somebody has not passed yet."""
        return await self._store.with_quiz(lesson_ids) - await self._store.passed(user.id, lesson_ids)

    async def with_quiz(self, lesson_ids: list[str]) -> set[str]:
        """Which of these lessons have a quiz."""
        return await self._store.with_quiz(lesson_ids)

    async def figures(self, lesson_id: str) -> QuizFigures:
        """How the quiz of a lesson is answered."""
        quiz = await self._quiz(lesson_id)
        answered = await self._store.answered(lesson_id)
        rows = tuple((question, *answered.get(question.id, (0, 0))) for question in quiz.questions)
        return QuizFigures(await self._store.count_passed(lesson_id), rows)

    async def forget(self, lesson_id: str) -> None:
        """A lesson goes."""
        await self._store.forget(lesson_id)

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None:
        """Something was put into the lesson's video."""
        await self._store.stretch(lesson_id, mark, inserts)

    async def _judge(
        self,
        user: User,
        quiz: Quiz,
        kind: AttemptKind,
        asked: tuple[Question, ...],
        chosen: Mapping[str, Sequence[int]],
    ) -> Judged:
        answers = judge(asked, chosen)
        now = self._clock.now()
        enough = is_enough(answers, quiz.pass_percent)
        attempt = Attempt(new_id(), user.id, quiz.lesson_id, kind, quiz.version, answers, enough, now)
        await self._store.add_attempt(attempt)
        right_ids, end = gained(attempt)
        if right_ids or end:
            await self._store.gain(user.id, quiz.lesson_id, right_ids, end=end)
        standing = await self._store.standing(user.id, quiz.lesson_id)
        if standing.passed_at is None and is_passed(quiz, standing):
            await self._store.set_passed(user.id, quiz.lesson_id, now)
            standing = await self._store.standing(user.id, quiz.lesson_id)
        return Judged(attempt, asked, standing)

    async def _quiz(self, lesson_id: str) -> Quiz:
        return await self._store.get(lesson_id) or Quiz(lesson_id, ())
