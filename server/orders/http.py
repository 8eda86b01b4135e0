"""Routes: buying at the normal price, the buyer's orders, the merchant's orders."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from server.accounts.model import Role
from server.http import Body, Routes, answer, parse_body, require_role, require_user
from server.orders.model import Delivery, Order, Shipment
from server.orders.service import Orders
from server.orders.shape import order_shape

Whole = Annotated[int, Field(strict=True)]


class Buy(Body):
    """`POST /api/orders`"""

    product_id: str = Field(max_length=40)
    quantity: Whole
    request_id: str = Field(max_length=64)


class DeliverTo(Body):
    """`PUT /api/orders/{id}/delivery`"""

    name: str = Field(max_length=100)
    phone: str = Field(max_length=40)
    address: str = Field(max_length=400)
    invoice_note: str = Field("", max_length=200)


class Ship(Body):
    """`POST /api/my/room/orders/{id}/ship`"""

    carrier: str = Field(max_length=100)
    number: str = Field(max_length=100)


def order_routes(orders: Orders) -> Routes:
    """Routes of this noun."""

    def items(found: list[Order]) -> web.Response:
        return answer({"items": [order_shape(order) for order in found]})

    async def buy(request: web.Request) -> web.Response:
        buyer = require_user(request)
        body = await parse_body(request, Buy)
        order = await orders.buy(buyer, body.product_id, body.request_id, body.quantity)
        return answer(order_shape(order), 201)

    async def list_own(request: web.Request) -> web.Response:
        return items(await orders.of_buyer(require_user(request)))

    async def get_own(request: web.Request) -> web.Response:
        return answer(order_shape(await orders.get(require_user(request), request.match_info["id"])))

    async def cancel(request: web.Request) -> web.Response:
        return answer(order_shape(await orders.cancel(require_user(request), request.match_info["id"])))

    async def list_for_host(request: web.Request) -> web.Response:
        return items(await orders.of_host(require_role(request, Role.HOST)))

    async def deliver_to(request: web.Request) -> web.Response:
        delivery = Delivery(**(await parse_body(request, DeliverTo)).model_dump())
        return answer(order_shape(await orders.deliver_to(require_user(request), request.match_info["id"], delivery)))

    async def receive(request: web.Request) -> web.Response:
        return answer(order_shape(await orders.receive(require_user(request), request.match_info["id"])))

    async def ship(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        shipment = Shipment(**(await parse_body(request, Ship)).model_dump())
        return answer(order_shape(await orders.ship(host, request.match_info["id"], shipment)))

    return [
        web.put("/api/orders/{id}/delivery", deliver_to),
        web.post("/api/orders/{id}/receive", receive),
        web.post("/api/my/room/orders/{id}/ship", ship),
        web.post("/api/orders", buy),
        web.get("/api/orders", list_own),
        web.get("/api/orders/{id}", get_own),
        web.post("/api/orders/{id}/cancel", cancel),
        web.get("/api/my/room/orders", list_for_host),
    ]
