"""Socket.IO events: pin, unpin."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from server.cards.service import Cards
from server.cards.shape import card_shape
from server.http import Body
from server.rooms.service import Rooms
from server.sio import Event, Peer, Reply


class Pin(Body):
    """`pin`"""

    product_id: str = Field(max_length=40)


class Unpin(Body):
    """`unpin`"""


def card_events(cards: Cards, rooms: Rooms) -> list[Event[Any]]:
    """Events of this noun."""

    async def pin(peer: Peer, fields: Pin) -> Reply:
        host = peer.require_host()
        room = (await rooms.own(host)).room
        return {"card": card_shape(await cards.pin(room.id, room.merchant_id, fields.product_id))}

    async def unpin(peer: Peer, _: Unpin) -> Reply:
        peer.require_host()
        await cards.unpin(peer.require_room())
        return {}

    return [Event("pin", Pin, pin), Event("unpin", Unpin, unpin)]
