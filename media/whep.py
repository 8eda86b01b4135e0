"""WHEP (draft-ietf-wish-whep): `/whep/{slug}`, where anybody plays."""

from __future__ import annotations

from aiohttp import web

from media.cluster.signature import sender_of
from media.extensions import Extensions, extension_links
from media.http import SessionRoutes, client_address, created, location_of, read_offer
from media.node import Node


def add_whep(app: web.Application, node: Node) -> None:
    """Add the routes."""

    async def post(request: web.Request) -> web.Response:
        offer = await read_offer(request)
        client = client_address(request, node.settings.trusted_proxy_hops)
        sender = sender_of(request)
        is_copy = sender is not None and sender.is_copy
        shown = request.query.get("pass", "")
        resource = await node.play(request.match_info["slug"], offer, client, shown, is_copy=is_copy)
        return created(request, resource, node.settings, extension_links(location_of(request, resource)))

    SessionRoutes(node, needs_key=False).add_to(app, "whep", post)
    Extensions(node).add_to(app)
