"""Carts in MongoDB: one document per person, written only if it is still the one that was read."""

from __future__ import annotations

from dataclasses import asdict

from pymongo.errors import DuplicateKeyError

from server.carts.model import Cart, CartLine
from server.infra.mongo import Database, Document


class CartStore:
    """Collection `carts`."""

    def __init__(self, database: Database) -> None:
        self._carts = database["carts"]

    async def get(self, owner_id: str) -> Cart:
        """Somebody's cart; an empty one when he has none."""
        document = await self._carts.find_one({"_id": owner_id})
        return Cart(owner_id) if document is None else _cart(document)

    async def replace(self, cart: Cart, lines: tuple[CartLine, ...]) -> bool:
        """Write a cart if it is still the one that was read."""
        kept = {"lines": [asdict(line) for line in lines], "version": cart.version + 1}
        try:
            done = await self._carts.update_one(
                {"_id": cart.owner_id, "version": cart.version}, {"$set": kept}, upsert=cart.version == 0
            )
        except DuplicateKeyError:
            return False  # another page has made the cart meanwhile
        return done.modified_count == 1 or done.upserted_id is not None


def _cart(document: Document) -> Cart:
    return Cart(document["_id"], tuple(CartLine(**line) for line in document["lines"]), document["version"])
