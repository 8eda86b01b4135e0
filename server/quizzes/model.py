"""A quiz: questions at a second of a lesson or at its end, and what answers are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from server.courses.intervals import LONGEST_MS
from server.courses.model import clean_line
from server.errors import BadRequest

MAX_QUESTIONS = 50
TEXT_LENGTH = range(1, 121)
OPTION_LENGTH = range(1, 61)
OPTION_COUNT = range(2, 7)
WHY_LENGTH = range(201)
PASS_PERCENT = range(1, 101)
USUAL_PASS_PERCENT = 80
ATTEMPTS_A_DAY = 20  # at the end of one lesson: enough to learn, too few to guess

Chosen = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """`at_ms`: where the lesson stops for it, None: after the end. `right`: places of the right options."""

    id: str
    at_ms: int | None
    text: str
    options: tuple[str, ...]
    right: Chosen
    why: str = ""


@dataclass(frozen=True, slots=True)
class Quiz:
    """All questions of a lesson; `version` counts changes."""

    lesson_id: str
    questions: tuple[Question, ...]
    pass_percent: int = USUAL_PASS_PERCENT
    version: int = 0

    @property
    def in_video(self) -> tuple[Question, ...]:
        """Those at which the lesson stops."""
        return tuple(question for question in self.questions if question.at_ms is not None)

    @property
    def at_end(self) -> tuple[Question, ...]:
        """Those that come after it."""
        return tuple(question for question in self.questions if question.at_ms is None)


class AttemptKind(StrEnum):
    """What was answered."""

    ONE = "one"  # a question in the lesson
    END = "end"  # all questions at the end


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody chose, and whether it is right."""

    question_id: str
    chosen: Chosen
    is_right: bool


@dataclass(frozen=True, slots=True)
class Attempt:
    """Answers that were given together; they are kept for good."""

    id: str
    user_id: str
    lesson_id: str
    kind: AttemptKind
    version: int
    answers: tuple[Answer, ...]
    is_passed: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """How far somebody is with a quiz: kept beside his attempts, of which there may be any number.

    `right_ids`: questions in the lesson that he has answered rightly; `attempts`: at its end.
    """

    right_ids: frozenset[str] = frozenset()
    has_passed_end: bool = False
    attempts: int = 0
    passed_at: datetime | None = None


def check_question(question: Question) -> Question:
    """A question that can be answered. Raises BadRequest."""
    text = clean_line(question.text)
    options = tuple(map(clean_line, question.options))
    if len(text) not in TEXT_LENGTH:
        raise BadRequest("question: 1 to 120 characters")
    if len(options) not in OPTION_COUNT or any(len(option) not in OPTION_LENGTH for option in options):
        raise BadRequest("options: 2 to 6 of 1 to 60 characters")
    if len(set(options)) < len(options):
        raise BadRequest("options: no two the same")
    if not question.right or any(place not in range(len(options)) for place in question.right):
        raise BadRequest("right: places of right options, at least one")
    if question.at_ms is not None and question.at_ms not in range(LONGEST_MS):
        raise BadRequest("at_ms: a place in the lesson")
    why = clean_line(question.why)
    if len(why) not in WHY_LENGTH:
        raise BadRequest("why: at most 200 characters")
    return replace(question, text=text, options=options, right=tuple(sorted({*question.right})), why=why)


def check_quiz(quiz: Quiz, duration_ms: int) -> Quiz:
    """A quiz with its questions in the order in which they come. Raises BadRequest."""
    if len(quiz.questions) > MAX_QUESTIONS or quiz.pass_percent not in PASS_PERCENT:
        raise BadRequest("at most 50 questions, to be passed with 1 to 100 percent")
    checked = [check_question(question) for question in quiz.questions]
    if duration_ms and any(question.at_ms is not None and question.at_ms > duration_ms for question in checked):
        raise BadRequest("at_ms: a question comes after the end of the lesson")
    if len({question.id for question in checked}) < len(checked):
        raise BadRequest("questions: each once")
    ordered = sorted(checked, key=lambda question: LONGEST_MS if question.at_ms is None else question.at_ms)
    return replace(quiz, questions=tuple(ordered))


def judge(questions: Sequence[Question], chosen: Mapping[str, Sequence[int]]) -> tuple[Answer, ...]:
    """Each question with what was chosen; what was left out is wrong."""
    answers = []
    for question in questions:
        places = tuple(sorted({*chosen.get(question.id, ())}))
        answers.append(Answer(question.id, places, places == question.right))
    return tuple(answers)


def is_enough(answers: Sequence[Answer], pass_percent: int) -> bool:
    """Whether so many are right."""
    return sum(answer.is_right for answer in answers) * 100 >= pass_percent * len(answers)


def gained(attempt: Attempt) -> tuple[frozenset[str], bool]:
    """What an attempt adds to a standing for good: questions in the lesson that are right now; the end."""
    if attempt.kind is AttemptKind.END:
        return frozenset(), attempt.is_passed
    return frozenset(answer.question_id for answer in attempt.answers if answer.is_right), False


def is_passed(quiz: Quiz, standing: Standing) -> bool:
    """All questions in the lesson were answered rightly once, and the end was passed once."""
    in_video = {question.id for question in quiz.in_video} <= standing.right_ids
    return in_video and (standing.has_passed_end or not quiz.at_end)
