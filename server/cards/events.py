"""Socket.IO events: pin, unpin, explain."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from server.cards.service import Cards
from server.cards.shape import card_shape
from server.http import Body
from server.rooms.service import Rooms
from server.sio import Event, Peer, Reply


class Pin(Body):
    """`pin`"""

    product_id: str | None = Field(None, max_length=40)
    lesson_id: str | None = Field(None, max_length=40)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.product_id is None) == (self.lesson_id is None):
            raise ValueError("either a product or a lesson")
        return self


class Unpin(Body):
    """`unpin`"""


class Explain(Body):
    """`explain`"""

    explaining: bool = Field(strict=True)


def card_events(cards: Cards, rooms: Rooms) -> list[Event[Any]]:
    """Events of this noun."""

    async def pin(peer: Peer, fields: Pin) -> Reply:
        host = peer.require_host()
        room = (await rooms.own(host)).room
        if fields.lesson_id is not None:
            return {"card": card_shape(await cards.pin_lesson(room.id, fields.lesson_id))}
        return {"card": card_shape(await cards.pin(room.id, room.merchant_id, fields.product_id or ""))}

    async def unpin(peer: Peer, _: Unpin) -> Reply:
        peer.require_host()
        await cards.unpin(peer.require_room())
        return {}

    async def explain(peer: Peer, fields: Explain) -> Reply:
        peer.require_host()
        return {"card": card_shape(await cards.explain(peer.require_room(), is_explaining=fields.explaining))}

    return [Event("pin", Pin, pin), Event("unpin", Unpin, unpin), Event("explain", Explain, explain)]
