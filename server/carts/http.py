"""Routes: one's own cart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from server.carts.model import MOST_LINES, ShownLine, Wish
from server.carts.service import Carts
from server.catalog.shape import product_shape
from server.http import Body, Routes, answer, parse_body, require_user
from server.wire import iso

Whole = Annotated[int, Field(strict=True)]


class PutLine(Body):
    """So many pieces of a product."""

    product_id: str = Field(max_length=40)
    quantity: Whole


class PutInCart(Body):
    """`PUT /api/cart`"""

    lines: list[PutLine] = Field(min_length=1, max_length=MOST_LINES)


class BroughtLine(PutLine):
    """The same, with the price that a guest has seen."""

    price_fen: Whole | None = None


class BringCart(Body):
    """`POST /api/cart`"""

    lines: list[BroughtLine] = Field(min_length=1, max_length=MOST_LINES)


def cart_shapes(lines: Sequence[ShownLine]) -> list[dict[str, Any]]:
    """Items of `CartLine`"""
    return [
        {
            "product": product_shape(shown.product),
            "quantity": shown.line.quantity,
            "price_fen": shown.line.price_fen,
            "added_at": iso(shown.line.added_at),
        }
        for shown in lines
    ]


def cart_routes(carts: Carts) -> Routes:
    """Routes of this noun. Whoever changes something hears how all of it is now."""

    async def mine(request: web.Request) -> web.Response:
        return answer({"items": cart_shapes(await carts.mine(require_user(request)))})

    async def put(request: web.Request) -> web.Response:
        owner = require_user(request)
        body = await parse_body(request, PutInCart)
        wishes = [Wish(line.product_id, line.quantity) for line in body.lines]
        return answer({"items": cart_shapes(await carts.put(owner, wishes))})

    async def bring(request: web.Request) -> web.Response:
        owner = require_user(request)
        body = await parse_body(request, BringCart)
        wishes = [Wish(line.product_id, line.quantity, line.price_fen) for line in body.lines]
        return answer({"items": cart_shapes(await carts.bring(owner, wishes))})

    return [web.get("/api/cart", mine), web.put("/api/cart", put), web.post("/api/cart", bring)]
