"""A sale as the page sees it."""

from __future__ import annotations

from typing import Any

from server.catalog.shape import product_shape
from server.flash.model import SaleView
from server.wire import iso


def sale_shape(view: SaleView) -> dict[str, Any]:
    """`Sale`"""
    sale = view.sale
    return {
        "id": sale.id,
        "room_id": sale.room_id,
        "product": product_shape(view.product),
        "price_fen": sale.price_fen,
        "quantity": sale.quantity,
        "per_buyer": sale.per_buyer,
        "per_order": sale.per_order,
        "hold_seconds": sale.hold_seconds,
        "state": sale.state,
        "available": sale.available,
        "held": sale.held,
        "sold": sale.sold,
        "returned": sale.returned,
        "planned": sale.is_planned,
        "opens_at": iso(sale.opens_at),
        "closes_at": iso(sale.closes_at),
    }
