"""Socket.IO events: ordering."""

from __future__ import annotations

from typing import Any

from server.orders.body import PlaceOrder, wanted
from server.orders.service import Orders
from server.orders.shape import order_shape
from server.sio import Event, Peer, Reply


def order_events(orders: Orders) -> list[Event[Any]]:
    """Events of this noun."""

    async def place(peer: Peer, fields: PlaceOrder) -> Reply:
        return {"order": order_shape(await orders.place(peer.require_user(), wanted(fields), peer.sid))}

    return [Event("order", PlaceOrder, place)]
