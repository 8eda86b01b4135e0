"""Routes: halls."""

from __future__ import annotations

from aiohttp import web

from server.http import Routes, answer
from server.showroom.service import Showroom
from server.showroom.shape import full_hall_shape, hall_shape


def showroom_routes(showroom: Showroom) -> Routes:
    """Routes of this noun."""

    async def list_halls(_: web.Request) -> web.Response:
        return answer({"items": [hall_shape(hall) for hall in await showroom.browse()]})

    async def get_hall(request: web.Request) -> web.Response:
        hall, booths = await showroom.look(request.match_info["id"])
        return answer(full_hall_shape(hall, booths))

    return [web.get("/api/halls", list_halls), web.get("/api/halls/{id}", get_hall)]
