"""Routes: going to pay, and what providers call back."""

from __future__ import annotations

from typing import Annotated, Literal

import segno
from aiohttp import web
from pydantic import Field

from server.accounts.model import Role
from server.catalog.service import Catalog
from server.errors import DomainError
from server.http import Body, Routes, answer, parse_body, read_limited, require_role, require_user
from server.orders.returns import Returns
from server.orders.shape import order_shape, sold_order_shape
from server.payments.model import Checkout, Payer
from server.payments.returns import ReturnedParcels
from server.payments.service import Payments

CALLBACK_LIMIT_BYTES = 16_000
PHONE = "Mobi"  # the word by which browsers of phones say that they are one, as MDN advises


class Pay(Body):
    """`POST /api/orders/{id}/pay`"""

    provider: str | None = Field(None, max_length=40)


def checkout_shape(way: str, checkout: Checkout) -> dict[str, str | None]:
    """`Checkout`"""
    picture = None
    if checkout.by_scanning:  # on white, whatever the page's ground is
        picture = segno.make(checkout.url, error="m").svg_data_uri(scale=8, border=4, light="white")
    return {"provider": way, "payment_url": checkout.url, "qr_url": picture}


class ParcelArrived(Body):
    """`POST /api/my/room/orders/{id}/return/arrived`"""

    restock: Annotated[bool, Field(strict=True)]


def returned_parcel_routes(parcels: ReturnedParcels) -> Routes:
    """The end of a return."""

    async def arrived(request: web.Request) -> web.Response:
        host, body = require_role(request, Role.HOST), await parse_body(request, ParcelArrived)
        order = await parcels.arrived(host, request.match_info["id"], restock=body.restock)
        return answer(sold_order_shape(order))

    return [web.post("/api/my/room/orders/{id}/return/arrived", arrived)]


class Decide(Body):
    """`POST /api/operators/disputes/{id}`"""

    in_favour_of: Literal["buyer", "merchant"]
    decision: str = Field(max_length=400)


def dispute_routes(returns: Returns, parcels: ReturnedParcels, catalog: Catalog) -> Routes:
    """Parcels that came back or did not: operators decide."""

    async def list_disputes(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        orders = await returns.disputed()
        merchants = await catalog.get_merchants([order.merchant_id for order in orders])
        names = {merchant_id: merchant.name for merchant_id, merchant in merchants.items()}
        items = [{"order": order_shape(order), "merchant_name": names.get(order.merchant_id)} for order in orders]
        return answer({"items": items})

    async def decide(request: web.Request) -> web.Response:
        require_role(request, Role.OPERATOR)
        body = await parse_body(request, Decide)
        work = parcels.pay_back if body.in_favour_of == "buyer" else returns.reject
        return answer(order_shape(await work(request.match_info["id"], body.decision)))

    return [
        web.get("/api/operators/disputes", list_disputes),
        web.post("/api/operators/disputes/{id}", decide),
    ]


def payment_routes(payments: Payments) -> Routes:
    """Routes of this noun."""

    async def ways(_: web.Request) -> web.Response:
        return answer({"items": [{"provider": way} for way in payments.ways]})

    async def pay(request: web.Request) -> web.Response:
        buyer = require_user(request)
        body = await parse_body(request, Pay) if request.body_exists else Pay(provider=None)
        payer = Payer(PHONE in request.headers.get("User-Agent", ""), request.remote or "")
        checkout = await payments.begin(buyer, request.match_info["id"], body.provider, payer)
        return answer(checkout_shape(body.provider or payments.ways[0], checkout))

    async def callback(request: web.Request) -> web.Response:
        provider = request.match_info["provider"]
        refused: DomainError | None = None
        try:
            await payments.receive(provider, request.headers, await read_limited(request, CALLBACK_LIMIT_BYTES))
        except DomainError as error:
            refused = error
        told = payments.answer(provider, refused)
        return web.Response(status=told.status, text=told.text or None, content_type=told.content_type)

    async def refund_own(request: web.Request) -> web.Response:
        return answer(order_shape(await payments.refund_own(require_user(request), request.match_info["id"])))

    async def refund_for(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(sold_order_shape(await payments.refund_for(host, request.match_info["id"])))

    return [
        web.post("/api/orders/{id}/refund", refund_own),
        web.post("/api/my/room/orders/{id}/refund", refund_for),
        web.post("/api/orders/{id}/pay", pay),
        web.get("/api/payments", ways),
        web.post("/api/payments/{provider}/callback", callback),
    ]
