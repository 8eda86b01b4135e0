"""Routes: going to pay, and what providers call back."""

from __future__ import annotations

from aiohttp import web

from server.http import Routes, answer, read_limited, require_user
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

    return [
        web.post("/api/orders/{id}/pay", pay),
        web.post("/api/payments/{provider}/callback", callback),
    ]
