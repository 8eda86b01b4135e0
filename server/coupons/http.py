"""Routes: one's own coupons."""

from __future__ import annotations

from aiohttp import web

from config.clock import Clock
from server.coupons.service import Coupons
from server.coupons.shape import coupon_shape
from server.http import Routes, answer, require_user


def coupon_routes(coupons: Coupons, clock: Clock) -> Routes:
    """Routes of this noun."""

    async def mine(request: web.Request) -> web.Response:
        found = await coupons.mine(require_user(request))
        return answer({"items": [coupon_shape(coupon, clock.now()) for coupon in found]})

    return [web.get("/api/coupons", mine)]
