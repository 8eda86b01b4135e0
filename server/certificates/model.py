"""A certificate: what it says, its code, and when somebody has earned one."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from server.courses.model import Course, CourseState, LessonView, clean_line
from server.errors import BadRequest, Conflict

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0, 1, I, L, O: read out on the phone, written by hand
CODE_LENGTH = 11  # 31 ** 11: nobody guesses one
GROUP = 4
NAME_LENGTH = range(1, 25)


@dataclass(frozen=True, slots=True)
class Certificate:
    """That somebody has finished a course, as it was on that day."""

    code: str
    user_id: str
    holder_name: str
    course_id: str
    course_title: str
    teacher_name: str
    lesson_count: int
    total_ms: int
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """A lesson on the way to a certificate; `is_quiz_passed` is None where there is no quiz."""

    lesson_id: str
    is_watched: bool
    is_quiz_passed: bool | None

    @property
    def is_done(self) -> bool:
        """Whether nothing of it is left to do."""
        return self.is_watched and self.is_quiz_passed is not False


def new_code() -> str:
    """A code that nobody can guess, with a check character at its end."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    return body + _check_character(body)


def read_code(text: str) -> str | None:
    """A code as it was typed: any case, with or without dashes and spaces; None if it can't be one."""
    plain = "".join(ch for ch in text.upper() if ch.isalnum())
    is_code = len(plain) == CODE_LENGTH + 1 and all(ch in ALPHABET for ch in plain)
    return plain if is_code and plain[-1] == _check_character(plain[:-1]) else None


def written(code: str) -> str:
    """A code for people: ABCD-EFGH-JKMN."""
    return "-".join(code[start : start + GROUP] for start in range(0, len(code), GROUP))


def masked(name: str) -> str:
    """A name that tells its owner that it is his, and nobody else whose it is."""
    return name[:1] + "*" * max(1, len(name) - 1)


def check_holder(name: str) -> str:
    """The name on the paper, one line. Raises BadRequest."""
    cleaned = clean_line(name)
    if len(cleaned) not in NAME_LENGTH:
        raise BadRequest("name: 1 to 24 characters")
    return cleaned


def steps_of(views: Sequence[LessonView], with_quiz: set[str], lacking: set[str]) -> tuple[Step, ...]:
    """What a course asks for, lesson by lesson."""
    return tuple(
        Step(
            view.lesson.id,
            view.progress is not None and view.progress.is_done,
            view.lesson.id not in lacking if view.lesson.id in with_quiz else None,
        )
        for view in views
    )


def require_finished(course: Course, steps: Iterable[Step]) -> None:
    """Raises Conflict (`no_certificate`, `not_finished`)."""
    wanted = [*steps]
    if course.is_replays or course.state is not CourseState.PUBLISHED or not wanted:
        raise Conflict("there are certificates only for courses that a teacher has published", code="no_certificate")
    if not all(step.is_done for step in wanted):
        raise Conflict("first watch all lessons and pass their quizzes", code="not_finished")


def _check_character(body: str) -> str:
    """Tells one wrong character, and two that changed places: each place has another weight, 31 is prime."""
    total = sum((place + 1) * ALPHABET.index(ch) for place, ch in enumerate(body))
    return ALPHABET[total % len(ALPHABET)]
