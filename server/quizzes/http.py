"""Routes: a lesson's quiz for those who learn and for who wrote it."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from server.http import USER, Body, Routes, answer, parse_body, require_user
from server.ids import new_id
from server.quizzes.model import MAX_QUESTIONS, OPTION_COUNT, USUAL_PASS_PERCENT, Question, Quiz, Standing
from server.quizzes.service import Judged, Quizzes
from server.wire import iso

Id = Annotated[str, Field(max_length=40, pattern=r"^[\w-]+$")]
Chosen = Annotated[list[Annotated[int, Field(ge=0, lt=OPTION_COUNT.stop)]], Field(max_length=OPTION_COUNT.stop)]


class QuestionFields(Body):
    """A question as its teacher writes it; without an id it is a new one."""

    id: Id | None = None
    at_ms: int | None = None
    text: str = Field(max_length=400)
    options: list[Annotated[str, Field(max_length=200)]] = Field(max_length=OPTION_COUNT.stop)
    right: Chosen
    why: str = Field("", max_length=600)


class QuizFields(Body):
    """`PUT /api/my/lessons/{id}/quiz`"""

    version: int = Field(ge=0, le=2**31)
    questions: list[QuestionFields] = Field(max_length=MAX_QUESTIONS)
    pass_percent: int = USUAL_PASS_PERCENT


class OneAnswer(Body):
    """`POST /api/lessons/{id}/quiz/answers`"""

    question_id: Id
    chosen: Chosen


class AllAnswers(Body):
    """`POST /api/lessons/{id}/quiz/attempts`"""

    version: int = Field(ge=0, le=2**31)
    answers: dict[Id, Chosen] = Field(max_length=MAX_QUESTIONS)


def quiz_routes(quizzes: Quizzes) -> Routes:
    """Routes of this noun."""

    async def get_quiz(request: web.Request) -> web.Response:
        quiz, standing = await quizzes.look(request.match_info["id"], request.get(USER))
        questions = [_asked_shape(question) for question in quiz.questions]
        return answer({**_quiz_shape(quiz), "questions": questions, "mine": _standing_shape(standing)})

    async def answer_one(request: web.Request) -> web.Response:
        user = require_user(request)
        body = await parse_body(request, OneAnswer)
        judged = await quizzes.answer(user, request.match_info["id"], body.question_id, body.chosen)
        return answer(_judged_shape(judged), 201)

    async def answer_all(request: web.Request) -> web.Response:
        user = require_user(request)
        body = await parse_body(request, AllAnswers)
        judged = await quizzes.finish(user, request.match_info["id"], body.version, body.answers)
        return answer(_judged_shape(judged), 201)

    async def get_own(request: web.Request) -> web.Response:
        return answer(_own_shape(await quizzes.look_own(require_user(request), request.match_info["id"])))

    async def write(request: web.Request) -> web.Response:
        teacher = require_user(request)
        body = await parse_body(request, QuizFields)
        questions = [
            Question(
                question.id or new_id(),
                question.at_ms,
                question.text,
                tuple(question.options),
                tuple(question.right),
                question.why,
            )
            for question in body.questions
        ]
        lesson_id = request.match_info["id"]
        return answer(_own_shape(await quizzes.write(teacher, lesson_id, body.version, questions, body.pass_percent)))

    return [
        web.get("/api/lessons/{id}/quiz", get_quiz),
        web.post("/api/lessons/{id}/quiz/answers", answer_one),
        web.post("/api/lessons/{id}/quiz/attempts", answer_all),
        web.get("/api/my/lessons/{id}/quiz", get_own),
        web.put("/api/my/lessons/{id}/quiz", write),
    ]


def _quiz_shape(quiz: Quiz) -> dict[str, Any]:
    return {"version": quiz.version, "pass_percent": quiz.pass_percent}


def _asked_shape(question: Question) -> dict[str, Any]:
    """A question without what gives the answer away, but for how many are right: one or several."""
    return {
        "id": question.id,
        "at_ms": question.at_ms,
        "text": question.text,
        "options": [*question.options],
        "several": len(question.right) > 1,
    }


def _own_shape(quiz: Quiz) -> dict[str, Any]:
    questions = [
        {
            "id": question.id,
            "at_ms": question.at_ms,
            "text": question.text,
            "options": [*question.options],
            "right": [*question.right],
            "why": question.why,
        }
        for question in quiz.questions
    ]
    return {**_quiz_shape(quiz), "questions": questions}


def _standing_shape(standing: Standing) -> dict[str, Any]:
    return {
        "right_ids": sorted(standing.right_ids),
        "attempts": standing.attempts,
        "passed_at": iso(standing.passed_at),
    }


def _judged_shape(judged: Judged) -> dict[str, Any]:
    """What is right is told of what was answered rightly, and of all once it is passed: a second try has to think."""
    by_id = {question.id: question for question in judged.questions}
    return {
        "passed": judged.attempt.is_passed,
        "answers": [
            {
                "question_id": given.question_id,
                "chosen": [*given.chosen],
                "is_right": given.is_right,
                "right": [*by_id[given.question_id].right] if judged.tells(given) else None,
                "why": by_id[given.question_id].why if judged.tells(given) else None,
            }
            for given in judged.attempt.answers
        ],
        "mine": _standing_shape(judged.standing),
    }
