"""Socket.IO events: ordering in a sale."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from server.http import Body
from server.orders.service import Orders
from server.orders.shape import order_shape
from server.sio import Event, Peer, Reply


class PlaceOrder(Body):
    """`order`"""

    sale_id: str = Field(max_length=40)
    request_id: str = Field(max_length=64)
    quantity: Annotated[int, Field(strict=True)]


def order_events(orders: Orders) -> list[Event[Any]]:
    """Events of this noun."""

    async def place(peer: Peer, fields: PlaceOrder) -> Reply:
        buyer = peer.require_user()
        order = await orders.place_in_sale(buyer, fields.sale_id, fields.request_id, fields.quantity, peer.sid)
        return {"order": order_shape(order)}

    return [Event("order", PlaceOrder, place)]
