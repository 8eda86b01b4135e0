"""Routes: what anybody needs to check a draw."""

from __future__ import annotations

from aiohttp import web

from server.draws.service import Draws
from server.http import Routes, answer


def draw_routes(draws: Draws) -> Routes:
    """Routes of this noun."""

    async def check(request: web.Request) -> web.Response:
        return answer(await draws.check(request.match_info["id"]))

    return [web.get("/api/draws/{id}", check)]
