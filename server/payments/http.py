"""Routes: going to pay, and what providers call back."""

from __future__ import annotations

from aiohttp import web

from server.accounts.model import Role
from server.http import Routes, answer, read_limited, require_role, require_user
from server.orders.shape import order_shape, sold_order_shape
from server.payments.service import Payments

CALLBACK_LIMIT_BYTES = 16_000


def payment_routes(payments: Payments) -> Routes:
    """Routes of this noun."""

    async def pay(request: web.Request) -> web.Response:
        url = await payments.begin(require_user(request), request.match_info["id"])
        return answer({"payment_url": url})

    async def callback(request: web.Request) -> web.Response:
        body = await read_limited(request, CALLBACK_LIMIT_BYTES)
        await payments.receive(request.match_info["provider"], request.headers, body)
        return web.Response(status=204)

    async def refund_own(request: web.Request) -> web.Response:
        return answer(order_shape(await payments.refund_own(require_user(request), request.match_info["id"])))

    async def refund_for(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(sold_order_shape(await payments.refund_for(host, request.match_info["id"])))

    return [
        web.post("/api/orders/{id}/refund", refund_own),
        web.post("/api/my/room/orders/{id}/refund", refund_for),
        web.post("/api/orders/{id}/pay", pay),
        web.post("/api/payments/{provider}/callback", callback),
    ]
