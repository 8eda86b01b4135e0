"""Routes: questions about a lesson, answers, what waits for somebody."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from server.accounts.model import User
from server.courses.intervals import LONGEST_MS
from server.http import USER, Body, Routes, answer, parse_body, require_user
from server.lesson_questions.model import LessonQuestion
from server.lesson_questions.service import LessonQuestions
from server.wire import iso


class Asking(Body):
    """`POST /api/lessons/{id}/questions`"""

    text: str = Field(max_length=1000)
    at_ms: Annotated[int, Field(ge=0, le=LONGEST_MS)] | None = None


class Answering(Body):
    """`PUT /api/my/lesson-questions/{id}/answer`"""

    text: str = Field(max_length=1000)


def lesson_question_routes(questions: LessonQuestions) -> Routes:
    """Routes of this noun."""

    async def of_lesson(request: web.Request) -> web.Response:
        user, before = request.get(USER), request.query.get("before", "")[:40]
        return answer(_items(await questions.of_lesson(request.match_info["id"], user, before), user))

    async def ask(request: web.Request) -> web.Response:
        user = require_user(request)
        body = await parse_body(request, Asking)
        asked = await questions.ask(user, request.match_info["id"], body.text, body.at_ms)
        return answer(_shape(asked, user), 201)

    async def answer_one(request: web.Request) -> web.Response:
        teacher = require_user(request)
        body = await parse_body(request, Answering)
        return answer(_shape(await questions.answer(teacher, request.match_info["id"], body.text), teacher))

    async def remove(request: web.Request) -> web.Response:
        await questions.remove(require_user(request), request.match_info["id"])
        return web.Response(status=204)

    async def waiting(request: web.Request) -> web.Response:
        user = require_user(request)
        return answer(_items(await questions.waiting(user), user))

    async def mine(request: web.Request) -> web.Response:
        user = require_user(request)
        return answer(_items(await questions.mine(user), user))

    async def notices(request: web.Request) -> web.Response:
        found = await questions.notices(require_user(request))
        return answer({"open_questions": found.open_questions, "new_answers": found.new_answers})

    return [
        web.get("/api/lessons/{id}/questions", of_lesson),
        web.post("/api/lessons/{id}/questions", ask),
        web.get("/api/my/lesson-questions", waiting),
        web.put("/api/my/lesson-questions/{id}/answer", answer_one),
        web.delete("/api/lesson-questions/{id}", remove),
        web.get("/api/my/asked-questions", mine),
        web.get("/api/my/notices", notices),
    ]


def _items(found: list[LessonQuestion], user: User | None) -> dict[str, Any]:
    return {"items": [_shape(question, user) for question in found]}


def _shape(question: LessonQuestion, user: User | None) -> dict[str, Any]:
    return {
        "id": question.id,
        "lesson_id": question.lesson_id,
        "lesson_title": question.lesson_title,
        "author_name": question.author_name,
        "is_mine": user is not None and user.id == question.author_id,
        "text": question.text,
        "at_ms": question.at_ms,
        "asked_at": iso(question.asked_at),
        "answer": question.answer,
        "answered_at": iso(question.answered_at),
    }
