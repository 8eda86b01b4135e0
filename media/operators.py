"""What the server may ask a node for an operator: every session, one by one."""

from __future__ import annotations

import time

from aiohttp import web

from media.cluster.presence import internal_url
from media.cluster.signature import HEADER, Signer
from media.node import Node
from media.problems import Problem


def add_operators(app: web.Application, node: Node, signer: Signer) -> None:
    """Add `GET /internal/sessions`."""

    async def sessions(request: web.Request) -> web.Response:
        # Of the whole address: what was signed for somebody who only says that he is this node is good for nothing.
        address = f"{internal_url(node.settings, node.http_port)}{request.path}"
        if signer.read(request.headers.get(HEADER), request.method, address, time.time()) is None:
            raise Problem(403, "not_allowed", "this is for the installation's own processes")
        body = {"node_id": node.settings.node_id, "items": await node.presence.sessions()}
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    app.router.add_get("/internal/sessions", sessions)
