"""What answers are worth, and which quizzes make sense."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from server.errors import BadRequest
from server.quizzes.model import (
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

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
STOP = Question("stop", 30_000, "先看什么？", ("树势", "天气"), (0,))
END = Question("end", None, "剪哪些？", ("枯枝", "病枝", "果枝"), (0, 1))
QUIZ = Quiz("lesson", (STOP, END))


@pytest.mark.parametrize(
    ("chosen", "is_right"), [([0, 1], True), ([1, 0, 0], True), ([0], False), ([0, 1, 2], False), ([], False)]
)
def test_of_several_right_options_all_and_no_others_are_wanted(chosen: list[int], is_right: bool) -> None:
    assert judge([END], {"end": chosen})[0].is_right == is_right


def test_what_is_left_out_is_wrong_and_what_was_not_asked_counts_nothing() -> None:
    assert judge([END], {"other": [0]}) == (Answer("end", (), False),)


@pytest.mark.parametrize(
    ("right", "percent", "enough"), [(4, 80, True), (3, 80, False), (3, 60, True), (5, 100, True)]
)
def test_a_share_of_right_answers_is_enough(right: int, percent: int, enough: bool) -> None:
    answers = [Answer(str(number), (), number < right) for number in range(5)]
    assert is_enough(answers, percent) == enough


def test_a_quiz_is_passed_by_every_stop_and_one_good_end() -> None:
    assert not is_passed(QUIZ, Standing(frozenset({"stop"})))
    assert not is_passed(QUIZ, Standing(has_passed_end=True))
    assert is_passed(QUIZ, Standing(frozenset({"stop"}), has_passed_end=True))
    assert is_passed(Quiz("lesson", (STOP,)), Standing(frozenset({"stop"})))


def test_a_right_answer_in_the_lesson_gains_its_question_and_a_good_end_the_end() -> None:
    def attempt(kind: AttemptKind, *, is_right: bool) -> Attempt:
        return Attempt("1", "u", "lesson", kind, 1, (Answer("stop", (0,), is_right),), is_right, NOW)

    assert gained(attempt(AttemptKind.ONE, is_right=True)) == (frozenset({"stop"}), False)
    assert gained(attempt(AttemptKind.ONE, is_right=False)) == (frozenset(), False)
    assert gained(attempt(AttemptKind.END, is_right=True)) == (frozenset(), True)
    assert gained(attempt(AttemptKind.END, is_right=False)) == (frozenset(), False)


def test_questions_come_in_the_order_of_the_lesson_the_end_last() -> None:
    early = replace(STOP, id="early", at_ms=5)
    assert [q.id for q in check_quiz(Quiz("l", (END, STOP, early)), 60_000).questions] == ["early", "stop", "end"]


@pytest.mark.parametrize(
    "question",
    [
        replace(STOP, text=" "),
        replace(STOP, text="问" * 121),
        replace(STOP, options=("一个",)),
        replace(STOP, options=("同", "同")),
        replace(STOP, options=("", "空")),
        replace(STOP, right=()),
        replace(STOP, right=(2,)),
        replace(STOP, right=(-1,)),
        replace(STOP, at_ms=-1),
        replace(STOP, at_ms=60_001),
        replace(STOP, why="因" * 201),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(question: Question) -> None:
    with pytest.raises(BadRequest):
        check_quiz(Quiz("lesson", (question,)), 60_000)


def test_a_question_is_asked_once() -> None:
    with pytest.raises(BadRequest):
        check_quiz(Quiz("lesson", (STOP, STOP)), 60_000)
