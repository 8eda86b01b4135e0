"""What a teacher sees of those who learn from him: numbers, no names."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from server.accounts.model import User
from server.courses.model import LessonView, Progress
from server.quizzes.service import QuizFigures
from server.ratings.model import Rating
from server.teaching.model import LessonFigures, figures_of


class Learners(Protocol):
    """How far everybody is in a lesson."""

    async def progress_in(self, lesson_id: str) -> list[Progress]: ...


class Lessons(Protocol):
    """The lessons."""

    async def look_own(self, lesson_id: str, teacher: User) -> LessonView: ...


class Quizzes(Protocol):
    """How quizzes are answered."""

    async def figures(self, lesson_id: str) -> QuizFigures: ...


class Ratings(Protocol):
    """The stars of lessons."""

    async def of_lesson(self, lesson_id: str) -> Rating: ...


@dataclass(frozen=True, slots=True)
class Report:
    """Everything about one lesson."""

    lesson: LessonFigures
    quiz: QuizFigures
    rating: Rating


class Teaching:
    """A teacher's numbers."""

    def __init__(self, learners: Learners, lessons: Lessons, quizzes: Quizzes, ratings: Ratings) -> None:
        self._learners = learners
        self._lessons = lessons
        self._quizzes = quizzes
        self._ratings = ratings

    async def report(self, teacher: User, lesson_id: str) -> Report:
        """How a lesson is learned from. Raises NotFound, NotAllowed."""
        view = await self._lessons.look_own(lesson_id, teacher)
        histories = await self._learners.progress_in(lesson_id)
        return Report(
            await asyncio.to_thread(figures_of, histories, view.asset.duration_ms),  # thousands of learners
            await self._quizzes.figures(lesson_id),
            await self._ratings.of_lesson(lesson_id),
        )
