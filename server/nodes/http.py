"""Routes: media nodes, for operators."""

from __future__ import annotations

from aiohttp import web

from server.accounts.model import Role
from server.http import Routes, answer, require_role
from server.nodes.service import MediaNodes


def node_routes(nodes: MediaNodes) -> Routes:
    """Routes of this noun."""

    async def list_nodes(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        response = answer((await nodes.look()).model_dump())
        response.enable_compression()  # a thousand sessions that look alike, every few seconds, to a phone
        return response

    return [web.get("/api/operators/nodes", list_nodes)]
