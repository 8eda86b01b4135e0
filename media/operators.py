"""What operators and the server may ask a node, with INTERNAL_SECRET: every session, one by one."""

from __future__ import annotations

import hmac

from aiohttp import web

from media.http import bearer
from media.node import Node
from media.problems import Problem


def add_operators(app: web.Application, node: Node) -> None:
    """Add `GET /internal/sessions`."""
    secret = node.settings.internal_secret.get_secret_value().encode()

    async def sessions(request: web.Request) -> web.Response:
        if not hmac.compare_digest(bearer(request).encode(), secret):
            raise Problem(403, "not_allowed", "this is for the installation's own processes")
        body = {"node_id": node.settings.node_id, "items": await node.presence.sessions()}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    app.router.add_get("/internal/sessions", sessions)
