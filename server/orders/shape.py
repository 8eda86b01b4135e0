"""An order as its buyer and its merchant see it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from server.orders.model import Order, OrderState
from server.wire import iso


def order_shape(order: Order) -> dict[str, Any]:
    """`Order`"""
    created_at = iso(order.created_at)
    return {
        "id": order.id,
        "number": order.number,
        "state": order.state,
        "product": {
            "id": order.product_id,
            "name": order.product_name,
            "picture_url": order.product_picture_url,
            "unit": order.product_unit,
        },
        "sale_id": order.sale_id,
        "quantity": order.quantity,
        "price_fen": order.price_fen,
        "total_fen": order.total_fen,
        "created_at": created_at,
        "hold_until": iso(order.hold_until) if order.state is OrderState.HELD else None,
        "paid_at": iso(order.paid_at),
        "delivery": asdict(order.delivery) if order.delivery else None,
        "shipment": asdict(order.shipment) if order.shipment else None,
        "history": [
            {"state": change.state, "at": created_at if change.at is order.created_at else iso(change.at)}
            for change in order.history
        ],
    }
