"""Routes: a host's figures."""

from __future__ import annotations

from aiohttp import web

from server.accounts.model import Role
from server.figures.service import HostFigures
from server.figures.shape import figures_shape
from server.http import Routes, answer, require_role


def figure_routes(figures: HostFigures) -> Routes:
    """Routes of this noun."""

    async def look(request: web.Request) -> web.Response:
        return answer(figures_shape(await figures.look(require_role(request, Role.HOST))))

    return [web.get("/api/my/room/figures", look)]
