"""Routes: the replay of a stream, uploading a video, stopping its making and trying again."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from server.accounts.model import Role
from server.courses.service import Courses
from server.courses.shape import lesson_shape, summary_shape
from server.http import Routes, answer, require_role
from server.recordings.service import Recordings
from server.recordings.upload import receive_video


def recording_routes(recordings: Recordings, courses: Courses, *, upload_limit_bytes: int, folder: Path) -> Routes:
    """Routes of this noun."""

    async def get_replay(request: web.Request) -> web.Response:
        lesson = await recordings.replay_of(request.match_info["id"])
        return answer({"lesson_id": lesson.id})

    async def upload(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        title, course_id = request.query.get("title", ""), request.query.get("course_id") or None
        await courses.check_upload(host, title, course_id)
        async with receive_video(request, upload_limit_bytes, folder) as video:
            lesson = await recordings.add_upload(host, title, course_id, video.path, video.size)
        return answer(summary_shape(await courses.look(lesson.id, host)), 201)

    async def cancel(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        await recordings.cancel(host, request.match_info["id"])
        return answer(lesson_shape(await courses.look(request.match_info["id"], host), host))

    async def retry(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        await recordings.retry(host, request.match_info["id"])
        return answer(lesson_shape(await courses.look(request.match_info["id"], host), host))

    return [
        web.get("/api/streams/{id}/replay", get_replay),
        web.post("/api/my/lessons", upload),
        web.post("/api/my/lessons/{id}/cancel", cancel),
        web.post("/api/my/lessons/{id}/retry", retry),
    ]
