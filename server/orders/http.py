"""Routes: ordering, the buyer's orders, the merchant's orders."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from server.accounts.model import Role
from server.addresses.model import Contact
from server.http import Body, Routes, answer, parse_body, require_role, require_user
from server.orders.body import PlaceOrder, wanted
from server.orders.model import Delivery, OrderState, Shipment, check_states
from server.orders.returns import Returns
from server.orders.service import Orders
from server.orders.shape import order_shape, sold_order_shape

QUERY_LIMIT = 200


class DeliverTo(Body):
    """`PUT /api/orders/{id}/delivery`"""

    name: str = Field(max_length=100)
    phone: str = Field(max_length=40)
    address: str = Field(max_length=400)
    invoice_note: str = Field("", max_length=400)


class Ship(Body):
    """`POST /api/my/room/orders/{id}/ship`"""

    carrier: str = Field(max_length=100)
    number: str = Field(max_length=100)


class AskReturn(Body):
    """`POST /api/orders/{id}/return`"""

    reason: str = Field(max_length=400)


class DisputeReturn(Body):
    """`POST /api/my/room/orders/{id}/return/dispute`"""

    reason: str = Field(max_length=400)


class AgreeToReturn(Body):
    """`POST /api/my/room/orders/{id}/return/agree`"""

    name: str = Field(max_length=100)
    phone: str = Field(max_length=40)
    address: str = Field(max_length=400)


class RefuseReturn(Body):
    """`POST /api/my/room/orders/{id}/return/refuse`"""

    answer: str = Field(max_length=400)


def which(request: web.Request) -> tuple[frozenset[OrderState], str | None]:
    """Which orders a list is to have: `?state=paid,shipped&before=<the last one that is known>`."""
    names = request.query.get("state", "")[:QUERY_LIMIT].split(",")
    return check_states(name for name in names if name), request.query.get("before") or None


def order_routes(orders: Orders) -> Routes:
    """Routes of this noun for those who buy."""

    async def place(request: web.Request) -> web.Response:
        buyer = require_user(request)
        return answer(order_shape(await orders.place(buyer, wanted(await parse_body(request, PlaceOrder)))), 201)

    async def list_own(request: web.Request) -> web.Response:
        found = await orders.of_buyer(require_user(request), *which(request))
        return answer({"items": [order_shape(order) for order in found]})

    async def get_own(request: web.Request) -> web.Response:
        return answer(order_shape(await orders.get(require_user(request), request.match_info["id"])))

    async def cancel(request: web.Request) -> web.Response:
        return answer(order_shape(await orders.cancel(require_user(request), request.match_info["id"])))

    async def deliver_to(request: web.Request) -> web.Response:
        delivery = Delivery(**(await parse_body(request, DeliverTo)).model_dump())
        return answer(order_shape(await orders.deliver_to(require_user(request), request.match_info["id"], delivery)))

    async def receive(request: web.Request) -> web.Response:
        return answer(order_shape(await orders.receive(require_user(request), request.match_info["id"])))

    return [
        web.post("/api/orders", place),
        web.get("/api/orders", list_own),
        web.get("/api/orders/{id}", get_own),
        web.post("/api/orders/{id}/cancel", cancel),
        web.put("/api/orders/{id}/delivery", deliver_to),
        web.post("/api/orders/{id}/receive", receive),
    ]


def return_routes(returns: Returns) -> Routes:
    """Sending back: the buyer's routes and the merchant's."""

    async def ask(request: web.Request) -> web.Response:
        buyer, body = require_user(request), await parse_body(request, AskReturn)
        return answer(order_shape(await returns.ask(buyer, request.match_info["id"], body.reason)))

    async def withdraw(request: web.Request) -> web.Response:
        return answer(order_shape(await returns.withdraw(require_user(request), request.match_info["id"])))

    async def send_back(request: web.Request) -> web.Response:
        buyer = require_user(request)
        parcel = Shipment(**(await parse_body(request, Ship)).model_dump())
        return answer(order_shape(await returns.send_back(buyer, request.match_info["id"], parcel)))

    async def agree(request: web.Request) -> web.Response:
        host, body = require_role(request, Role.HOST), await parse_body(request, AgreeToReturn)
        back_to = Contact(**body.model_dump())
        return answer(sold_order_shape(await returns.agree(host, request.match_info["id"], back_to)))

    async def refuse(request: web.Request) -> web.Response:
        host, body = require_role(request, Role.HOST), await parse_body(request, RefuseReturn)
        return answer(sold_order_shape(await returns.refuse(host, request.match_info["id"], body.answer)))

    async def dispute(request: web.Request) -> web.Response:
        host, body = require_role(request, Role.HOST), await parse_body(request, DisputeReturn)
        return answer(sold_order_shape(await returns.dispute(host, request.match_info["id"], body.reason)))

    return [
        web.post("/api/my/room/orders/{id}/return/dispute", dispute),
        web.post("/api/orders/{id}/return", ask),
        web.post("/api/orders/{id}/return/withdraw", withdraw),
        web.post("/api/orders/{id}/return/parcel", send_back),
        web.post("/api/my/room/orders/{id}/return/agree", agree),
        web.post("/api/my/room/orders/{id}/return/refuse", refuse),
    ]


def shop_order_routes(orders: Orders) -> Routes:
    """Routes of this noun for those who sell."""

    async def list_for_host(request: web.Request) -> web.Response:
        found = await orders.of_host(require_role(request, Role.HOST), *which(request))
        return answer({"items": [sold_order_shape(order) for order in found]})

    async def get_for_host(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(sold_order_shape(await orders.of_shop(host, request.match_info["id"])))

    async def ship(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        shipment = Shipment(**(await parse_body(request, Ship)).model_dump())
        return answer(sold_order_shape(await orders.ship(host, request.match_info["id"], shipment)))

    return [
        web.get("/api/my/room/orders", list_for_host),
        web.get("/api/my/room/orders/{id}", get_for_host),
        web.post("/api/my/room/orders/{id}/ship", ship),
    ]
