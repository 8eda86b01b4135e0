"""An audit as the operator sees it."""

from __future__ import annotations

from typing import Any

from server.auditing.model import Audit, Names
from server.rooms.shape import room_name_shape
from server.wire import iso


def audit_shape(found: Audit, names: Names) -> dict[str, Any]:
    """`SaleAudit`"""
    sale = found.sale
    return {
        "sale_id": sale.id,
        "room_id": sale.room_id,
        "product_id": sale.product_id,
        "room": room_name_shape(names.rooms.get(sale.room_id)),
        "product_name": names.products.get(sale.product_id),
        "state": sale.state,
        "opens_at": iso(sale.opens_at),
        "closes_at": iso(sale.closes_at),
        "quantity": sale.quantity,
        "available": sale.available,
        "held": sale.held,
        "sold": sale.sold,
        "returned": sale.returned,
        "held_by_orders": found.held_by_orders,
        "sold_to_orders": found.sold_to_orders,
        "faults": list(found.faults),
        "checked_at": iso(found.checked_at),
    }
