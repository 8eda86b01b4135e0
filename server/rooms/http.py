"""Routes: rooms for viewers, the own room for hosts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import AwareDatetime, Field

from server.accounts.model import Role
from server.http import Body, Routes, answer, parse_body, read_limited, require_role
from server.rooms.service import Rooms, RoomView
from server.rooms.shape import MediaAddress, room_shape, summary_shape
from server.streams.service import Streams
from server.streams.shape import audience_shape, stream_shape

UPLOAD_CHECK_LIMIT_BYTES = 512_000  # a second of a good line; the page sends half of it


class EditRoom(Body):
    """`PATCH /api/my/room`"""

    title: str | None = Field(None, max_length=100)
    scheduled_at: AwareDatetime | None = None


def room_routes(rooms: Rooms, streams: Streams, media: MediaAddress) -> Routes:
    """Routes of this noun."""

    def base(request: web.Request) -> str:
        return media.base(request.scheme, request.host)

    def host_shape(request: web.Request, view: RoomView) -> dict[str, Any]:
        return {
            **room_shape(view, base(request)),
            "whip_url": f"{base(request)}/whip/{view.room.slug}",
            "stream_key": rooms.key_of(view.room),
        }

    async def list_rooms(request: web.Request) -> web.Response:
        views = await rooms.list(request.query.get("merchant_id") or None)
        return answer({"items": [summary_shape(view) for view in views]})

    async def get_room(request: web.Request) -> web.Response:
        return answer(room_shape(await rooms.look(request.match_info["slug"]), base(request)))

    async def get_own(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(host_shape(request, await rooms.own(host)))

    async def edit_own(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        body = await parse_body(request, EditRoom)
        changes: dict[str, str | datetime | None] = body.model_dump(exclude_unset=True)
        return answer(host_shape(request, await rooms.edit(host, changes)))

    async def renew_key(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(host_shape(request, await rooms.renew_key(host)))

    async def end_stream(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        view = await rooms.own(host)
        return answer({"stream": stream_shape(await streams.end_by_host(view.room.id))})

    async def check_upload(request: web.Request) -> web.Response:
        """Before going live the page times how long its line takes; the bytes are thrown away."""
        require_role(request, Role.HOST)
        await read_limited(request, UPLOAD_CHECK_LIMIT_BYTES)
        return web.Response(status=204)

    return [
        web.get("/api/rooms", list_rooms),
        web.get("/api/rooms/{slug}", get_room),
        web.get("/api/my/room", get_own),
        web.patch("/api/my/room", edit_own),
        web.post("/api/my/room/stream-key", renew_key),
        web.post("/api/my/room/end", end_stream),
        web.post("/api/my/room/upload-check", check_upload),
    ]


def audience_routes(rooms: Rooms, streams: Streams) -> Routes:
    """What the viewers of a room get: for its host, and for operators."""

    async def own_audience(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(await audience_in(await rooms.own(host)))

    async def any_audience(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        return answer(await audience_in(await rooms.look(request.match_info["slug"])))

    async def audience_in(view: RoomView) -> dict[str, Any]:
        return {"audience": audience_shape(await streams.audience_in(view.room.id))}

    return [
        web.get("/api/my/room/audience", own_audience),
        web.get("/api/rooms/{slug}/audience", any_audience),
    ]
