"""Routes of a teacher: his courses, his lessons, how they are learned from."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from server.accounts.model import Role
from server.courses.editing import CourseChange, CourseEditing
from server.courses.model import MAX_CHAPTERS, MAX_LESSONS, MAX_TAGS, CourseChapter, CourseState, Tags
from server.courses.shape import own_course_shape, summary_shape
from server.errors import BadRequest
from server.http import Body, Routes, answer, parse_body, require_role, require_user
from server.teaching.service import Report, Teaching

Id = Annotated[str, Field(max_length=40)]
Line = Annotated[str, Field(max_length=200)]
TagList = Annotated[list[Annotated[str, Field(max_length=40)]], Field(max_length=MAX_TAGS)]
PICTURES = "/files/public/"


class NewCourse(Body):
    """`POST /api/my/courses`"""

    title: Line
    summary: str = Field("", max_length=2000)


class TagsFields(Body):
    """`Tags`"""

    crops: TagList = Field(default_factory=list)
    seasons: TagList = Field(default_factory=list)
    counties: TagList = Field(default_factory=list)

    @property
    def tags(self) -> Tags:
        """As the course keeps them."""
        return Tags(tuple(self.crops), tuple(self.seasons), tuple(self.counties))


class ChangedCourse(Body):
    """`PATCH /api/my/courses/{id}`"""

    version: int = Field(ge=0, le=2**31)
    title: Line | None = None
    summary: str | None = Field(None, max_length=2000)
    cover_url: Annotated[str, Field(max_length=300)] | None = None
    tags: TagsFields | None = None
    no_skip: bool | None = None


class ChapterFields(Body):
    """A chapter of `PUT …/lessons`"""

    title: Line
    lesson_ids: list[Id] = Field(max_length=MAX_LESSONS)


class Outline(Body):
    """`PUT /api/my/courses/{id}/lessons`"""

    version: int = Field(ge=0, le=2**31)
    chapters: list[ChapterFields] = Field(max_length=MAX_CHAPTERS)


class Publishing(Body):
    """`PUT /api/my/courses/{id}/state`"""

    state: CourseState


class NewTitle(Body):
    """`PATCH /api/my/lessons/{id}`"""

    title: Line
    title_was: Line | None = None


def teaching_routes(editing: CourseEditing, teaching: Teaching) -> Routes:
    """Routes of this noun."""

    async def list_courses(request: web.Request) -> web.Response:
        teacher = require_role(request, Role.HOST)
        return answer({"items": [own_course_shape(course, count) for course, count in await editing.mine(teacher)]})

    async def list_lessons(request: web.Request) -> web.Response:
        teacher = require_role(request, Role.HOST)
        return answer({"items": [summary_shape(view) for view in await editing.lessons(teacher)]})

    async def begin(request: web.Request) -> web.Response:
        teacher = require_role(request, Role.HOST)
        body = await parse_body(request, NewCourse)
        return answer(own_course_shape(*await editing.begin(teacher, body.title, body.summary)), 201)

    async def change(request: web.Request) -> web.Response:
        teacher = require_user(request)
        body = await parse_body(request, ChangedCourse)
        if body.cover_url is not None and not body.cover_url.startswith(PICTURES):
            raise BadRequest("cover_url: a picture that is kept here")
        wanted = CourseChange(
            body.version,
            body.title,
            body.summary,
            body.cover_url,
            None if body.tags is None else body.tags.tags,
            body.no_skip,
        )
        return answer(own_course_shape(*await editing.change(teacher, request.match_info["id"], wanted)))

    async def arrange(request: web.Request) -> web.Response:
        teacher = require_user(request)
        body = await parse_body(request, Outline)
        chapters = [CourseChapter(chapter.title, tuple(chapter.lesson_ids)) for chapter in body.chapters]
        arranged = await editing.arrange(teacher, request.match_info["id"], body.version, chapters)
        return answer(own_course_shape(*arranged))

    async def publish(request: web.Request) -> web.Response:
        user = require_user(request)
        body = await parse_body(request, Publishing)
        return answer(own_course_shape(*await editing.publish(user, request.match_info["id"], body.state)))

    async def rename(request: web.Request) -> web.Response:
        teacher = require_user(request)
        body = await parse_body(request, NewTitle)
        renamed = await editing.rename_lesson(teacher, request.match_info["id"], body.title, body.title_was)
        return answer(summary_shape(renamed))

    async def report(request: web.Request) -> web.Response:
        teacher = require_user(request)
        return answer(_report_shape(await teaching.report(teacher, request.match_info["id"])))

    return [
        web.get("/api/my/courses", list_courses),
        web.post("/api/my/courses", begin),
        web.patch("/api/my/courses/{id}", change),
        web.put("/api/my/courses/{id}/lessons", arrange),
        web.put("/api/my/courses/{id}/state", publish),
        web.get("/api/my/lessons", list_lessons),
        web.patch("/api/my/lessons/{id}", rename),
        web.get("/api/my/lessons/{id}/figures", report),
    ]


def _report_shape(report: Report) -> dict[str, Any]:
    """`LessonFigures`"""
    lesson, quiz, rating = report.lesson, report.quiz, report.rating
    return {
        "learners": lesson.learners,
        "done": lesson.done,
        "mean_watched_ms": lesson.mean_watched_ms,
        "part_ms": lesson.part_ms,
        "parts": [*lesson.parts],
        "quiz": {
            "passed": quiz.passed,
            "questions": [
                {"id": question.id, "text": question.text, "asked": asked, "right": right}
                for question, asked, right in quiz.questions
            ],
        },
        "rating": {"average": rating.average, "count": rating.count},
    }
