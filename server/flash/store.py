"""Sales in MongoDB; every move between pots is one conditional update of one document."""

from __future__ import annotations

from datetime import datetime

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.errors import Conflict
from server.flash.model import Pot, Sale, SaleState
from server.infra.mongo import Database, Document
from server.infra.transactions import Session

CLOSED_IN_ONE_ROUND = 100
MOST_OF_STREAM = 200  # that somebody is told who goes back in it


class SaleStore:
    """Collection `sales`."""

    def __init__(self, database: Database) -> None:
        self._sales = database["sales"]

    async def make_indexes(self) -> None:
        """One open sale per room; open sales by their end; those with holds; a stream's sales."""
        await self._sales.create_index(
            "room_id", unique=True, partialFilterExpression={"state": SaleState.OPEN.value}, name="one_open"
        )
        await self._sales.create_index([("state", 1), ("closes_at", 1)])
        await self._sales.create_index([("stream_id", 1), ("opens_at", DESCENDING)])
        await self._sales.create_index("held", partialFilterExpression={"held": {"$gt": 0}})

    async def add(self, sale: Sale, session: Session) -> None:
        """Add an open sale. Raises Conflict (`sale_running`), which ends the transaction."""
        try:
            await self._sales.insert_one(
                {
                    "_id": sale.id,
                    "room_id": sale.room_id,
                    "stream_id": sale.stream_id,
                    "merchant_id": sale.merchant_id,
                    "product_id": sale.product_id,
                    "price_fen": sale.price_fen,
                    "quantity": sale.quantity,
                    "per_buyer": sale.per_buyer,
                    "per_order": sale.per_order,
                    "hold_seconds": sale.hold_seconds,
                    "state": sale.state,
                    "available": sale.available,
                    "held": sale.held,
                    "sold": sale.sold,
                    "returned": sale.returned,
                    "opens_at": sale.opens_at,
                    "closes_at": sale.closes_at,
                    "planned": sale.is_planned,
                },
                session=session,
            )
        except DuplicateKeyError:
            raise Conflict("another sale is running in this room", code="sale_running") from None

    async def get(self, sale_id: str, session: Session | None = None) -> Sale | None:
        """One sale."""
        return _sale(await self._sales.find_one({"_id": sale_id}, session=session))

    async def enter(self, sale_id: str, session: Session) -> Sale | None:
        """Read a sale and write to it, so that no other transaction does before this one ends."""
        return _sale(
            await self._sales.find_one_and_update(
                {"_id": sale_id}, {"$inc": {"turns": 1}}, session=session, return_document=ReturnDocument.AFTER
            )
        )

    async def open_in(self, room_id: str) -> Sale | None:
        """The open sale of a room."""
        return _sale(await self._sales.find_one({"room_id": room_id, "state": SaleState.OPEN}))

    async def open_of(self, product_id: str) -> list[Sale]:
        """The open sales of a product: at most one in each room of its merchant."""
        found = self._sales.find({"state": SaleState.OPEN, "product_id": product_id})
        return [sale async for document in found if (sale := _sale(document))]

    async def last_of(self, stream_id: str) -> Sale | None:
        """The newest sale of a stream, open or closed."""
        return _sale(await self._sales.find_one({"stream_id": stream_id}, sort=[("opens_at", DESCENDING)]))

    async def of_stream(self, stream_id: str) -> list[Sale]:
        """The newest sales of a stream, oldest first."""
        found = self._sales.find({"stream_id": stream_id}).sort("opens_at", DESCENDING).limit(MOST_OF_STREAM)
        return [sale async for document in found if (sale := _sale(document))][::-1]

    async def past_closing(self, now: datetime) -> list[Sale]:
        """Open sales whose time is over."""
        found = self._sales.find({"state": SaleState.OPEN, "closes_at": {"$lte": now}}).limit(CLOSED_IN_ONE_ROUND)
        return [sale async for document in found if (sale := _sale(document))]

    async def lively(self, limit: int) -> list[str]:
        """Sales in which something goes on: open, or with orders that wait for their payment."""
        lively: Document = {"$or": [{"state": SaleState.OPEN}, {"held": {"$gt": 0}}]}
        return [one["_id"] async for one in self._sales.find(lively, {"_id": 1}).limit(limit)]

    async def ids_after(self, sale_id: str, limit: int) -> list[str]:
        """The sales that follow one, in the order in which they were opened."""
        found = self._sales.find({"_id": {"$gt": sale_id}}, {"_id": 1}).sort("_id", 1).limit(limit)
        return [one["_id"] async for one in found]

    async def move(self, sale_id: str, source: Pot, target: Pot, pieces: int, session: Session) -> bool:
        """Move pieces if there are so many in the source, and the sale is in the state that has both pots."""
        query: Document = {"_id": sale_id, source.value: {"$gte": pieces}}
        if Pot.AVAILABLE in {source, target}:
            query["state"] = SaleState.OPEN
        if Pot.RETURNED in {source, target}:
            query["state"] = SaleState.CLOSED
        done = await self._sales.update_one(
            query, {"$inc": {source.value: -pieces, target.value: pieces}}, session=session
        )
        return done.modified_count == 1

    async def change(self, before: Sale, after: Sale, session: Session) -> bool:
        """Set a running sale's terms and add pieces to it or take them out; False when it is not as it was read."""
        more = after.quantity - before.quantity
        done = await self._sales.update_one(
            {"_id": before.id, "state": SaleState.OPEN, "available": before.available, "quantity": before.quantity},
            {
                "$set": {
                    "price_fen": after.price_fen,
                    "per_buyer": after.per_buyer,
                    "per_order": after.per_order,
                    "hold_seconds": after.hold_seconds,
                    "closes_at": after.closes_at,
                },
                "$inc": {"quantity": more, "available": more, "turns": 1},
            },
            session=session,
        )
        return done.modified_count == 1

    async def close(self, sale: Sale, now: datetime, session: Session) -> Sale | None:
        """Close a sale and count what nobody has as returned; None when it is not any more as it was read."""
        return _sale(
            await self._sales.find_one_and_update(
                {"_id": sale.id, "state": SaleState.OPEN, "available": sale.available},
                {
                    "$set": {"state": SaleState.CLOSED, "available": 0},
                    "$inc": {"returned": sale.available},
                    "$min": {"opens_at": now, "closes_at": now},  # also of one that had not begun
                },
                session=session,
                return_document=ReturnDocument.AFTER,
            )
        )


def _sale(document: Document | None) -> Sale | None:
    if document is None:
        return None
    return Sale(
        id=document["_id"],
        room_id=document["room_id"],
        stream_id=document["stream_id"],
        merchant_id=document["merchant_id"],
        product_id=document["product_id"],
        price_fen=document["price_fen"],
        quantity=document["quantity"],
        per_buyer=document["per_buyer"],
        per_order=document.get("per_order") or document["per_buyer"],  # sales of before there was this limit
        hold_seconds=document["hold_seconds"],
        state=SaleState(document["state"]),
        available=document["available"],
        held=document["held"],
        sold=document["sold"],
        returned=document["returned"],
        opens_at=document["opens_at"],
        closes_at=document["closes_at"],
        is_planned=document.get("planned", False),  # before, every sale began when it was opened
    )
