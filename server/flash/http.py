"""Routes: sales of the own room for hosts, one sale for everybody."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from server.accounts.model import Role
from server.flash.model import HOLD_SECONDS_DEFAULT, SaleChanges, SaleTerms
from server.flash.service import Sales
from server.flash.shape import sale_shape
from server.http import Body, Routes, answer, parse_body, require_role

Whole = Annotated[int, Field(strict=True)]


class OpenSale(Body):
    """`POST /api/my/room/sales`"""

    product_id: str = Field(max_length=40)
    price_fen: Whole
    quantity: Whole
    per_buyer: Whole
    duration_seconds: Whole
    hold_seconds: Whole = HOLD_SECONDS_DEFAULT
    per_order: Whole | None = None
    starts_in_seconds: Whole = 0


class ChangeSale(Body):
    """`PATCH /api/sales/{id}`"""

    price_fen: Whole | None = None
    per_buyer: Whole | None = None
    per_order: Whole | None = None
    hold_seconds: Whole | None = None
    remaining_seconds: Whole | None = None
    more: Whole | None = None


def sale_routes(sales: Sales) -> Routes:
    """Routes of this noun."""

    async def open_sale(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        body = await parse_body(request, OpenSale)
        return answer(sale_shape(await sales.open(host, SaleTerms(**body.model_dump()))), 201)

    async def change_sale(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        body = await parse_body(request, ChangeSale)
        changes = SaleChanges(**body.model_dump())
        return answer(sale_shape(await sales.change(host, request.match_info["id"], changes)))

    async def close_sale(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(sale_shape(await sales.close(host, request.match_info["id"])))

    async def get_sale(request: web.Request) -> web.Response:
        return answer(sale_shape(await sales.get(request.match_info["id"])))

    async def list_of_stream(request: web.Request) -> web.Response:
        return answer({"items": [sale_shape(view) for view in await sales.of_stream(request.match_info["id"])]})

    return [
        web.get("/api/streams/{id}/sales", list_of_stream),
        web.post("/api/my/room/sales", open_sale),
        web.patch("/api/sales/{id}", change_sale),
        web.post("/api/sales/{id}/close", close_sale),
        web.get("/api/sales/{id}", get_sale),
    ]
