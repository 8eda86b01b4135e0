"""An order as its buyer and as its merchant see it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from server.orders.model import BOUGHT, RETURN_WAITS, Line, Order, OrderState, Return
from server.wire import iso


def order_shape(order: Order) -> dict[str, Any]:
    """`Order`; its words are plain strings, which are written twice as fast as members of an enumeration."""
    created_at = iso(order.created_at)
    return {
        "id": order.id,
        "number": order.number,
        "state": order.state.value,
        "merchant_id": order.merchant_id,
        "lines": [_line_shape(line) for line in order.lines],
        "coupon_id": order.coupon_id,
        "discount_fen": order.discount_fen,
        "total_fen": order.total_fen,
        "created_at": created_at,
        "hold_until": iso(order.hold_until) if order.state is OrderState.HELD else None,
        "paid_at": iso(order.paid_at),
        "receive_at": iso(order.receive_at) if order.state is OrderState.SHIPPED else None,
        "delivery": asdict(order.delivery) if order.delivery else None,
        "shipment": asdict(order.shipment) if order.shipment else None,
        "sent_back": None if order.sent_back is None else _return_shape(order.sent_back, order),
        "history": [
            {
                "state": change.state.value,
                "at": created_at if change.at is order.created_at else iso(change.at),
                "by": None if change.by is None else change.by.value,
            }
            for change in order.history
        ],
    }


def sold_order_shape(order: Order) -> dict[str, Any]:
    """`Order` for its merchant, who learns where a parcel goes once there is one to send."""
    shape = order_shape(order)
    return shape if order.state in BOUGHT else {**shape, "delivery": None}


def _return_shape(sent_back: Return, order: Order) -> dict[str, Any]:
    return {**asdict(sent_back), "until": iso(order.return_until) if order.state in RETURN_WAITS else None}


def _line_shape(line: Line) -> dict[str, Any]:
    return {
        "product": {
            "id": line.product_id,
            "name": line.product_name,
            "picture_url": line.product_picture_url,
            "unit": line.product_unit,
        },
        "sale_id": line.sale_id,
        "quantity": line.quantity,
        "price_fen": line.price_fen,
    }
