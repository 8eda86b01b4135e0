"""Routes: what is missing of a host's broadcast, bringing files of his own recording, having them filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, Field

from config.clock import Clock
from server.accounts.model import Role
from server.errors import BadRequest, BodyTooLarge
from server.fills.model import LARGEST_FILE_BYTES, LONGEST_FILE_MS, FillView, HostFile
from server.fills.service import Fills
from server.http import Routes, answer, parse, require_role
from server.recordings.upload import receive_video
from server.wire import iso


class FileFacts(BaseModel):
    """What a page says of a file: `started_ms` of the server's clock, as it knows it."""

    started_ms: Annotated[int, Field(ge=0, le=10**13)]
    duration_ms: Annotated[int, Field(ge=1, le=LONGEST_FILE_MS)]


def fill_routes(fills: Fills, clock: Clock, folder: Path) -> Routes:
    """Routes of this noun."""

    async def look(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(fill_shape(await fills.look(host, request.match_info["id"])))

    async def put_file(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        if not request.content_length:
            raise BadRequest("Content-Length: how large the file is")
        facts = parse(FileFacts, dict(request.query))
        file = HostFile(
            stream_id=request.match_info["id"],
            name=str(facts.started_ms),
            started_at=datetime.fromtimestamp(facts.started_ms / 1000, UTC),
            duration_ms=facts.duration_ms,
            bytes=request.content_length,
            added_at=clock.now(),
        )
        if file.bytes > LARGEST_FILE_BYTES:
            raise BodyTooLarge("the file is too large")
        async with fills.place_for(host, file), receive_video(request, file.bytes, folder) as received:
            await fills.put_file(file, received.path)
        return web.Response(status=204)

    async def begin(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(fill_shape(await fills.begin(host, request.match_info["id"])))

    return [
        web.get("/api/my/streams/{id}/fill", look),
        web.put("/api/my/streams/{id}/fill/files", put_file),
        web.post("/api/my/streams/{id}/fill", begin),
    ]


def fill_shape(view: FillView) -> dict[str, Any]:
    """`Fill`"""
    return {
        "state": view.state,
        "holes": [{"from": iso(start), "to": iso(end)} for start, end in view.holes],
        "files": [*view.files],
    }
