"""Drops and coupons as the page sees them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from server.coupons.model import Coupon, Drop
from server.wire import iso


def drop_shape(drop: Drop) -> dict[str, Any]:
    """`Drop`"""
    return {
        "id": drop.id,
        "value_fen": drop.value_fen,
        "min_total_fen": drop.min_total_fen,
        "quota": drop.quota,
        "left": drop.quota - drop.taken,
        "per_user": drop.per_user,
        "opens_at": iso(drop.opens_at),
        "closes_at": iso(drop.closes_at),
        "valid_until": iso(drop.valid_until),
    }


def coupon_shape(coupon: Coupon, now: datetime) -> dict[str, Any]:
    """`Coupon`"""
    return {
        "id": coupon.id,
        "drop_id": coupon.drop_id,
        "merchant_id": coupon.merchant_id,
        "room_slug": coupon.room_slug,
        "host_name": coupon.host_name,
        "value_fen": coupon.value_fen,
        "min_total_fen": coupon.min_total_fen,
        "valid_until": iso(coupon.valid_until),
        "taken_at": iso(coupon.taken_at),
        "state": coupon.state if coupon.order_id or now < coupon.valid_until else "over",
        "order_id": coupon.order_id,
    }
