"""WHEP (draft-ietf-wish-whep): `/whep/{slug}`, where anybody plays."""

from __future__ import annotations

from aiohttp import web

from media.http import SessionRoutes, client_address, created, read_offer
from media.node import Node


def add_whep(app: web.Application, node: Node) -> None:
    """Add the routes."""

    async def post(request: web.Request) -> web.Response:
        offer = await read_offer(request)
        client = client_address(request, node.settings.trusted_proxy_hops)
        return created(request, node.play(request.match_info["slug"], offer, client), node.settings)

    SessionRoutes(node, needs_key=False).add_to(app, "whep", post)
