"""Routes: one's own addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aiohttp import web
from pydantic import Field

from server.addresses.model import Address
from server.addresses.service import Addresses
from server.http import Body, Routes, answer, parse_body, require_user


class KeepAddress(Body):
    """`POST /api/addresses`, `PUT /api/addresses/{id}`"""

    name: str = Field(max_length=100)
    phone: str = Field(max_length=40)
    address: str = Field(max_length=400)
    is_default: bool = Field(False, strict=True)


def address_shapes(addresses: Sequence[Address]) -> list[dict[str, Any]]:
    """Items of `Address`"""
    return [{"id": one.id, **asdict(one.contact), "is_default": place == 0} for place, one in enumerate(addresses)]


def address_routes(addresses: Addresses) -> Routes:
    """Routes of this noun. Whoever changes something hears how all of them are now."""

    async def items(request: web.Request, status: int = 200) -> web.Response:
        return answer({"items": address_shapes(await addresses.mine(require_user(request)))}, status)

    async def mine(request: web.Request) -> web.Response:
        return await items(request)

    async def add(request: web.Request) -> web.Response:
        owner = require_user(request)
        await addresses.add(owner, **(await parse_body(request, KeepAddress)).model_dump())
        return await items(request, 201)

    async def change(request: web.Request) -> web.Response:
        owner = require_user(request)
        body = await parse_body(request, KeepAddress)
        await addresses.change(owner, request.match_info["id"], **body.model_dump())
        return await items(request)

    async def remove(request: web.Request) -> web.Response:
        await addresses.remove(require_user(request), request.match_info["id"])
        return await items(request)

    return [
        web.get("/api/addresses", mine),
        web.post("/api/addresses", add),
        web.put("/api/addresses/{id}", change),
        web.delete("/api/addresses/{id}", remove),
    ]
