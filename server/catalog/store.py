"""Products and merchants in MongoDB; each move of stock is one conditional update."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.catalog.model import Merchant, Product, ProductChanges
from server.errors import Conflict
from server.infra.mongo import Database, Document
from server.infra.transactions import Session

PRODUCTS_LISTED = 200
PRODUCTS_FOUND = 24  # by words, while somebody types
MERCHANTS_LISTED = 100
SOLD: Document = {"withdrawn": {"$ne": True}}


class CatalogStore:
    """Collections `merchants` and `products`."""

    def __init__(self, database: Database) -> None:
        self._merchants = database["merchants"]
        self._products = database["products"]

    async def make_indexes(self) -> None:
        """A merchant's products, newest first."""
        await self._merchants.create_index("name", unique=True)
        await self._products.create_index([("merchant_id", 1), ("created_at", DESCENDING)])
        await self._products.create_index([("created_at", DESCENDING)])

    async def add_merchant(self, merchant: Merchant) -> None:
        """Add a merchant. Raises Conflict (`merchant_exists`)."""
        try:
            await self._merchants.insert_one(
                {
                    "_id": merchant.id,
                    "name": merchant.name,
                    "summary": merchant.summary,
                    "created_at": merchant.created_at,
                }
            )
        except DuplicateKeyError:
            raise Conflict("there is a merchant of this name", code="merchant_exists") from None

    async def get_merchant(self, merchant_id: str) -> Merchant | None:
        """One merchant."""
        document = await self._merchants.find_one({"_id": merchant_id})
        return None if document is None else _merchant(document)

    async def get_merchants(self, merchant_ids: Sequence[str]) -> list[Merchant]:
        """The merchants among these ids that exist, in no order."""
        return [_merchant(document) async for document in self._merchants.find({"_id": {"$in": list(merchant_ids)}})]

    async def find_merchants(self, words: list[str]) -> list[Merchant]:
        """Merchants whose name has every word, by name."""
        query: Document = {"$and": [{"name": _has(word)} for word in words]} if words else {}
        found = self._merchants.find(query).sort("name", 1).limit(MERCHANTS_LISTED)
        return [_merchant(document) async for document in found]

    async def describe_merchant(self, merchant_id: str, summary: str) -> Merchant | None:
        """Set a merchant's own words."""
        document = await self._merchants.find_one_and_update(
            {"_id": merchant_id}, {"$set": {"summary": summary}}, return_document=ReturnDocument.AFTER
        )
        return None if document is None else _merchant(document)

    async def add(self, product: Product) -> None:
        """Add a product. Raises Conflict (`product_exists`)."""
        try:
            await self._products.insert_one(
                {
                    "_id": product.id,
                    "merchant_id": product.merchant_id,
                    "merchant_name": product.merchant_name,
                    "name": product.name,
                    "description": product.description,
                    "price_fen": product.price_fen,
                    "unit": product.unit,
                    "origin": product.origin,
                    "stock": product.stock,
                    "picture_url": product.picture_url,
                    "report_url": product.report_url,
                    "withdrawn": product.is_withdrawn,
                    "created_at": product.created_at,
                }
            )
        except DuplicateKeyError:
            raise Conflict("there is a product with this id", code="product_exists") from None

    async def get(self, product_id: str, session: Session | None = None) -> Product | None:
        """One product."""
        document = await self._products.find_one({"_id": product_id}, session=session)
        return None if document is None else _product(document)

    async def get_many(self, product_ids: list[str]) -> list[Product]:
        """The products among these ids that exist, in no order."""
        found = self._products.find({"_id": {"$in": product_ids}})
        return [_product(document) async for document in found]

    async def find(self, merchant_id: str | None, words: list[str], *, withdrawn: bool = False) -> list[Product]:
        """Products of a merchant, or of all, whose name, description or origin has every word; newest first.

        `withdrawn`: also those that are not sold.
        """
        query: Document = {} if withdrawn else dict(SOLD)
        if merchant_id is not None:
            query["merchant_id"] = merchant_id
        if words:
            query["$and"] = [
                {"$or": [{field: pattern} for field in ("name", "description", "origin", "merchant_name")]}
                for pattern in map(_has, words)
            ]
        found = self._products.find(query).sort("created_at", DESCENDING)
        found = found.limit(PRODUCTS_FOUND if words else PRODUCTS_LISTED)
        return [_product(document) async for document in found]

    async def newest_of(self, merchant_ids: Sequence[str], most: int) -> dict[str, Sequence[Product]]:
        """The newest products that each of these merchants sells, at most `most` of each, in one query."""
        newest = {
            "from": "products",
            "localField": "_id",
            "foreignField": "merchant_id",
            "pipeline": [{"$match": SOLD}, {"$sort": {"created_at": DESCENDING}}, {"$limit": most}],
            "as": "products",
        }
        found = await self._merchants.aggregate(
            [{"$match": {"_id": {"$in": list(merchant_ids)}}}, {"$project": {"_id": 1}}, {"$lookup": newest}]
        )
        return {one["_id"]: [_product(document) for document in one["products"]] async for one in found}

    async def edit(self, product_id: str, changes: ProductChanges) -> Product | None:
        """Set what is to change; None when there is no such product, or its stock is not `stock_was` any more."""
        query: Document = {"_id": product_id}
        if changes.stock_was is not None:
            query["stock"] = changes.stock_was
        values = {
            name: value
            for name, value in (
                ("name", changes.name),
                ("description", changes.description),
                ("price_fen", changes.price_fen),
                ("unit", changes.unit),
                ("origin", changes.origin),
                ("stock", changes.stock),
                ("picture_url", changes.picture_url),
                ("report_url", changes.report_url),
                ("withdrawn", changes.is_withdrawn),
            )
            if value is not None
        }
        if not values:
            return await self.get(product_id)
        document = await self._products.find_one_and_update(
            query, {"$set": values}, return_document=ReturnDocument.AFTER
        )
        return None if document is None else _product(document)

    async def take(self, product_id: str, pieces: int, session: Session) -> bool:
        """Take pieces out of the stock if so many are free and the product is sold."""
        done = await self._products.update_one(
            {"_id": product_id, "stock": {"$gte": pieces}, **SOLD}, {"$inc": {"stock": -pieces}}, session=session
        )
        return done.modified_count == 1

    async def put_back(self, product_id: str, pieces: int, session: Session) -> bool:
        """Put pieces back into the stock; False when there is no such product."""
        done = await self._products.update_one({"_id": product_id}, {"$inc": {"stock": pieces}}, session=session)
        return done.modified_count == 1


def _has(word: str) -> Document:
    return {"$regex": re.escape(word), "$options": "i"}


def _merchant(document: Document) -> Merchant:
    return Merchant(document["_id"], document["name"], document["summary"], document["created_at"])


def _product(document: Document) -> Product:
    return Product(
        id=document["_id"],
        merchant_id=document["merchant_id"],
        merchant_name=document["merchant_name"],
        name=document["name"],
        description=document["description"],
        price_fen=document["price_fen"],
        unit=document["unit"],
        origin=document["origin"],
        stock=document["stock"],
        picture_url=document["picture_url"] or None,
        report_url=document.get("report_url") or None,  # products of before reports have none
        is_withdrawn=document.get("withdrawn", False),
        created_at=document["created_at"],
    )
