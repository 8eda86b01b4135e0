"""Routes: products and merchants for everybody, the shelf for hosts, pictures and reports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from aiohttp import web
from pydantic import Field

from server.accounts.model import Role
from server.catalog.model import Product, ProductChanges
from server.catalog.pictures import Pictures
from server.catalog.service import Catalog
from server.catalog.shape import merchant_shape, own_product_shape, product_shape
from server.http import USER, Body, Routes, answer, parse_body, read_limited, require_role

PICTURE_LIMIT_BYTES = 10_000_000
QUERY_LIMIT = 64
Whole = Annotated[int, Field(strict=True)]


class NewProduct(Body):
    """`POST /api/my/products`"""

    name: str = Field(max_length=200)
    description: str = Field("", max_length=10_000)
    price_fen: Whole
    unit: str = Field(max_length=50)
    stock: Whole
    origin: str = Field("", max_length=200)
    picture_url: str | None = Field(None, max_length=300)
    report_url: str | None = Field(None, max_length=300)


class EditProduct(Body):
    """`PATCH /api/my/products/{id}`"""

    name: str | None = Field(None, max_length=200)
    description: str | None = Field(None, max_length=10_000)
    price_fen: Whole | None = None
    unit: str | None = Field(None, max_length=50)
    stock: Whole | None = None
    stock_was: Whole | None = None
    origin: str | None = Field(None, max_length=200)
    picture_url: str | None = Field(None, max_length=300)
    report_url: str | None = Field(None, max_length=300)
    withdrawn: bool | None = Field(None, strict=True)


class EditMerchant(Body):
    """`PATCH /api/my/merchant`"""

    summary: str = Field(max_length=10_000)


def catalog_routes(catalog: Catalog, pictures: Pictures) -> Routes:
    """Routes of this noun."""

    def items(products: Sequence[Product]) -> web.Response:
        return answer({"items": [product_shape(product) for product in products]})

    async def list_products(request: web.Request) -> web.Response:
        asked = request.query.get("ids")
        if asked is not None:
            return items(await catalog.some(asked.split(",")))
        query = request.query.get("q", "")[:QUERY_LIMIT]
        merchant_id = request.query.get("merchant_id") or None
        return items(await catalog.search(merchant_id, query, request.get(USER), request.remote or ""))

    async def get_product(request: web.Request) -> web.Response:
        return answer(product_shape(await catalog.get(request.match_info["id"])))

    async def list_shelf(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer({"items": [own_product_shape(product) for product in await catalog.shelf_of(host)]})

    async def add_product(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        body = await parse_body(request, NewProduct)
        product = await catalog.add_product(await catalog.merchant_of(host), **body.model_dump())
        return answer(own_product_shape(product), 201)

    async def edit_product(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        body = await parse_body(request, EditProduct)
        changes = ProductChanges(**body.model_dump(exclude={"withdrawn"}), is_withdrawn=body.withdrawn)
        return answer(own_product_shape(await catalog.edit(host, request.match_info["id"], changes)))

    async def add_picture(request: web.Request) -> web.Response:
        require_role(request, Role.HOST)
        return answer({"picture_url": await pictures.add(await read_limited(request, PICTURE_LIMIT_BYTES))}, 201)

    async def add_report(request: web.Request) -> web.Response:
        require_role(request, Role.HOST)
        return answer(
            {"report_url": await pictures.add_report(await read_limited(request, PICTURE_LIMIT_BYTES))}, 201
        )

    return [
        web.get("/api/products", list_products),
        web.get("/api/products/{id}", get_product),
        web.get("/api/my/products", list_shelf),
        web.post("/api/my/products", add_product),
        web.patch("/api/my/products/{id}", edit_product),
        web.post("/api/pictures", add_picture),
        web.post("/api/reports", add_report),
    ]


def merchant_routes(catalog: Catalog) -> Routes:
    """Routes of those who sell."""

    async def list_merchants(request: web.Request) -> web.Response:
        query = request.query.get("q", "")[:QUERY_LIMIT]
        found = await catalog.find_merchants(query, request.get(USER), request.remote or "")
        return answer({"items": [merchant_shape(merchant) for merchant in found]})

    async def get_merchant(request: web.Request) -> web.Response:
        return answer(merchant_shape(await catalog.get_merchant(request.match_info["id"])))

    async def get_own_merchant(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(merchant_shape(await catalog.get_merchant(await catalog.merchant_of(host))))

    async def edit_own_merchant(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        body = await parse_body(request, EditMerchant)
        return answer(merchant_shape(await catalog.describe_merchant(host, body.summary)))

    return [
        web.get("/api/merchants", list_merchants),
        web.get("/api/merchants/{id}", get_merchant),
        web.get("/api/my/merchant", get_own_merchant),
        web.patch("/api/my/merchant", edit_own_merchant),
    ]
