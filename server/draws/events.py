"""Socket.IO events: open a draw, enter it, draw now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from server.draws.service import Draws
from server.http import Body
from server.sio import Event, Peer, Reply


class OpenDraw(Body):
    """`open_draw`"""

    title: str = Field(max_length=100)
    places: int = Field(1, strict=True)
    minutes: int = Field(5, strict=True)


class DrawId(Body):
    """`enter_draw`, `draw_now`"""

    draw_id: str = Field(max_length=40)


def draw_events(draws: Draws, address_of: Callable[[Peer], str]) -> list[Event[Any]]:
    """Events of this noun."""

    async def open_draw(peer: Peer, fields: OpenDraw) -> Reply:
        host, room_id = peer.require_user(), peer.require_room()
        return {"draw": await draws.open(host, room_id, fields.title, fields.places, fields.minutes)}

    async def enter(peer: Peer, fields: DrawId) -> Reply:
        user, room_id = peer.require_user(), peer.require_room()
        return {"draw": await draws.enter(user, room_id, fields.draw_id, address_of(peer))}

    async def draw_now(peer: Peer, fields: DrawId) -> Reply:
        return {"draw": await draws.draw_now(peer.require_user(), peer.require_room(), fields.draw_id)}

    return [
        Event("open_draw", OpenDraw, open_draw),
        Event("enter_draw", DrawId, enter),
        Event("draw_now", DrawId, draw_now),
    ]
