"""Routes: subtitles as a file for players, and as lines for a transcript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from server.http import USER, Routes, answer, read_limited, require_user
from server.subtitles.model import LIMIT_BYTES, Line, write_webvtt
from server.subtitles.service import Subtitles

# Another version has another address; a lesson in preparation is for its teacher alone.
KEPT_BY_BROWSER = "private, max-age=31536000, immutable"


def subtitle_routes(subtitles: Subtitles) -> Routes:
    """Routes of this noun."""

    async def get_file(request: web.Request) -> web.Response:
        lines = await subtitles.read(request.match_info["id"], request.get(USER))
        cached = KEPT_BY_BROWSER if "v" in request.query else "no-cache"
        return web.Response(
            text=write_webvtt(lines),
            content_type="text/vtt",
            charset="utf-8",
            headers={"Cache-Control": cached, "X-Content-Type-Options": "nosniff"},
        )

    async def get_lines(request: web.Request) -> web.Response:
        return answer(_lines_shape(await subtitles.read(request.match_info["id"], request.get(USER))))

    async def upload(request: web.Request) -> web.Response:
        teacher = require_user(request)
        raw = await read_limited(request, LIMIT_BYTES)
        return answer(_lines_shape(await subtitles.upload(teacher, request.match_info["id"], raw)))

    async def remove(request: web.Request) -> web.Response:
        await subtitles.remove(require_user(request), request.match_info["id"])
        return web.Response(status=204)

    return [
        web.get("/api/lessons/{id}/subtitles.vtt", get_file),
        web.get("/api/lessons/{id}/subtitles", get_lines),
        web.put("/api/my/lessons/{id}/subtitles", upload),
        web.delete("/api/my/lessons/{id}/subtitles", remove),
    ]


def _lines_shape(lines: Sequence[Line]) -> dict[str, Any]:
    return {"items": [{"start_ms": line.start_ms, "end_ms": line.end_ms, "text": line.text} for line in lines]}
