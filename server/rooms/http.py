"""Routes: rooms for viewers, the own room for hosts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web
from pydantic import AwareDatetime, Field

from server.accounts.model import Role
from server.http import Body, Routes, answer, parse_body, require_role
from server.rooms.service import Rooms, RoomView
from server.streams.service import Streams
from server.streams.shape import stream_shape
from server.wire import iso


class EditRoom(Body):
    """`PATCH /api/my/room`"""

    title: str | None = Field(None, max_length=100)
    scheduled_at: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class MediaAddress:
    """Where browsers find the media node: a fixed address, or the request's own host with another port."""

    public_url: str
    port: int

    def base(self, scheme: str, host: str) -> str:
        """The address without a slash at its end."""
        if self.public_url:
            return self.public_url.rstrip("/")
        name = host if host.endswith("]") else host.rsplit(":", 1)[0] if ":" in host else host
        return f"{scheme}://{name}:{self.port}"


def summary_shape(view: RoomView) -> dict[str, Any]:
    """`RoomSummary`"""
    room = view.room
    return {
        "id": room.id,
        "slug": room.slug,
        "title": room.title,
        "host_name": room.host_name,
        "cover_url": room.cover_url,
        "state": view.state,
        "viewers": view.viewers,
        "scheduled_at": iso(room.scheduled_at),
    }


def room_shape(view: RoomView, media_base: str) -> dict[str, Any]:
    """`Room`"""
    return {
        **summary_shape(view),
        "merchant_id": view.room.merchant_id,
        "stream": stream_shape(view.stream),
        "last_stream": stream_shape(view.last_stream),
        "whep_url": f"{media_base}/whep/{view.room.slug}",
        "slow_mode_seconds": view.room.slow_mode_seconds,
    }


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

    async def list_rooms(_: web.Request) -> web.Response:
        return answer({"items": [summary_shape(view) for view in await rooms.list()]})

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

    return [
        web.get("/api/rooms", list_rooms),
        web.get("/api/rooms/{slug}", get_room),
        web.get("/api/my/room", get_own),
        web.patch("/api/my/room", edit_own),
        web.post("/api/my/room/stream-key", renew_key),
        web.post("/api/my/room/end", end_stream),
    ]
