"""A question about a lesson, and its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from server.accounts.model import Role, User
from server.courses.model import Lesson, clean_line
from server.errors import BadRequest, NotAllowed

TEXT_LENGTH = range(1, 301)


@dataclass(frozen=True, slots=True)
class LessonQuestion:
    """`at_ms`: the place that it is about. `is_seen`: its author has seen the answer."""

    id: str
    lesson_id: str
    lesson_title: str
    teacher_id: str
    author_id: str
    author_name: str
    text: str
    at_ms: int | None
    asked_at: datetime
    answer: str | None = None
    answered_at: datetime | None = None
    is_seen: bool = False


@dataclass(frozen=True, slots=True)
class Notices:
    """What waits for somebody: questions to answer, answers to read."""

    open_questions: int
    new_answers: int


def check_text(text: str) -> str:
    """One line. Raises BadRequest."""
    cleaned = clean_line(text)
    if len(cleaned) not in TEXT_LENGTH:
        raise BadRequest("text: 1 to 300 characters")
    return cleaned


def require_asker(lesson: Lesson, user: User) -> None:
    """A teacher does not ask himself. Raises NotAllowed."""
    if lesson.host_id == user.id:
        raise NotAllowed("this is your own lesson")


def require_remover(question: LessonQuestion, user: User) -> None:
    """Its author, the teacher and operators take a question away. Raises NotAllowed."""
    if user.id not in {question.author_id, question.teacher_id} and Role.OPERATOR not in user.roles:
        raise NotAllowed("this question is somebody else's")
