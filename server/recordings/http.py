"""Routes: the replay of a stream, stopping the making of a video, trying again, taking it away."""

from __future__ import annotations

from aiohttp import web

from server.accounts.model import Role
from server.courses.service import Courses
from server.courses.shape import lesson_shape
from server.http import Routes, answer, require_role
from server.recordings.service import Recordings


def recording_routes(recordings: Recordings, courses: Courses) -> Routes:
    """Routes of this noun."""

    async def get_replay(request: web.Request) -> web.Response:
        lesson = await recordings.replay_of(request.match_info["id"])
        return answer({"lesson_id": lesson.id})

    async def cancel(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        await recordings.cancel(host, request.match_info["id"])
        return answer(lesson_shape(await courses.look(request.match_info["id"], host), host))

    async def retry(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        await recordings.retry(host, request.match_info["id"])
        return answer(lesson_shape(await courses.look(request.match_info["id"], host), host))

    async def remove(request: web.Request) -> web.Response:
        await recordings.remove(require_role(request, Role.HOST), request.match_info["id"])
        return web.Response(status=204)

    return [
        web.get("/api/streams/{id}/replay", get_replay),
        web.delete("/api/my/lessons/{id}", remove),
        web.post("/api/my/lessons/{id}/cancel", cancel),
        web.post("/api/my/lessons/{id}/retry", retry),
    ]
