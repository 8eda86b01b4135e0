"""Routes: courses, lessons, the search, a learner's progress."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from server.courses.intervals import LONGEST_MS, MAX_INTERVALS
from server.courses.model import ProgressReport
from server.courses.service import Courses
from server.courses.shape import course_shape, lesson_shape, outline_shape, progress_shape, summary_shape
from server.errors import BadRequest, Conflict
from server.http import USER, Body, Routes, answer, parse_body, require_user
from server.search.service import Search
from server.search.shape import found_shape

Place = Annotated[int, Field(ge=0, le=LONGEST_MS)]


class Watched(Body):
    """`PUT /api/lessons/{id}/progress`; `learner_id`: whose it is, as the page knows; `inserts`: how many the edition
    had that was watched; `position_ms` None: he is elsewhere by now."""

    learner_id: str | None = Field(None, max_length=40)
    position_ms: Place | None
    intervals: list[tuple[Place, Place]] = Field(max_length=MAX_INTERVALS)
    inserts: int | None = Field(None, ge=0)


def course_routes(courses: Courses, search: Search) -> Routes:
    """Routes of this noun."""

    async def list_courses(_: web.Request) -> web.Response:
        return answer({"items": [course_shape(course, count) for course, count in await courses.browse()]})

    async def get_course(request: web.Request) -> web.Response:
        course, views = await courses.look_course(request.match_info["id"], request.get(USER))
        shape: dict[str, Any] = course_shape(course, len(views))
        lessons = [summary_shape(view) for view in views]
        return answer({**shape, "chapters": outline_shape(course, views), "lessons": lessons})

    async def list_lessons(request: web.Request) -> web.Response:
        text, user = request.query.get("q", "").strip(), request.get(USER)
        if text:
            hits = await search.find(text, user, request.remote or "")
            return answer({"items": [found_shape(found) for found in hits]})
        return answer({"items": [summary_shape(view) for view in await courses.newest(user)]})

    async def get_lesson(request: web.Request) -> web.Response:
        user = request.get(USER)
        return answer(lesson_shape(await courses.look(request.match_info["id"], user), user))

    async def put_progress(request: web.Request) -> web.Response:
        user = require_user(request)
        body = await parse_body(request, Watched)
        if body.learner_id not in {None, user.id}:
            raise Conflict("somebody else is signed in by now", code="another_learner")
        if any(start > end for start, end in body.intervals):
            raise BadRequest("intervals: each goes from an earlier to a later place")
        told = ProgressReport(body.position_ms, tuple(body.intervals), body.inserts)
        progress = await courses.note_progress(user, request.match_info["id"], told)
        return answer(progress_shape(progress))

    return [
        web.get("/api/courses", list_courses),
        web.get("/api/courses/{id}", get_course),
        web.get("/api/lessons", list_lessons),
        web.get("/api/lessons/{id}", get_lesson),
        web.put("/api/lessons/{id}/progress", put_progress),
    ]
