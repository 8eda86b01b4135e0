"""WHIP (RFC 9725): `/whip/{slug}`, where a host publishes with a stream key."""

from __future__ import annotations

from aiohttp import web

from media.http import SessionRoutes, bearer, created, read_offer
from media.node import Node


def add_whip(app: web.Application, node: Node) -> None:
    """Add the routes."""

    async def post(request: web.Request) -> web.Response:
        key = bearer(request)
        offer = await read_offer(request)
        wants_takeover = request.query.get("takeover") == "1"
        resource = await node.publish(request.match_info["slug"], key, offer, wants_takeover)
        return created(request, resource, node.settings)

    SessionRoutes(node, needs_key=True).add_to(app, "whip", post)
