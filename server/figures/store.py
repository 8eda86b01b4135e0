"""Counts from the orders in MongoDB, and how many watched when."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from server.figures.model import OrderSums, SaleCounts, Sample, sums_of
from server.ids import first_id_at
from server.infra.mongo import Database, Document
from server.orders.model import OrderState

SAMPLE_DAYS = 400
OF_SALE = "lines.sale_id"  # where a line of an order says of which sale it is; a sale has one line of it at most
LINE_FEN: Document = {"$multiply": ["$lines.price_fen", "$lines.quantity"]}
BY_STATE: Document = {"_id": "$state", "orders": {"$sum": 1}, "fen": {"$sum": "$total_fen"}}


class FigureStore:
    """Reads collection `orders`; keeps collection `viewer_samples`."""

    def __init__(self, database: Database) -> None:
        self._orders = database["orders"]
        self._samples = database["viewer_samples"]

    async def make_indexes(self) -> None:
        """Samples of a stream in their order; they go after a year."""
        await self._samples.create_index([("stream_id", 1), ("at", 1)])
        await self._samples.create_index("at", expireAfterSeconds=SAMPLE_DAYS * 86_400)

    async def orders_since(self, merchant_id: str, since: datetime) -> OrderSums:
        """A merchant's orders since a moment."""
        newer: Document = {"_id": {"$gte": first_id_at(since)}, "created_at": {"$gte": since}}
        pipeline = [{"$match": {"merchant_id": merchant_id, **newer}}, {"$group": BY_STATE}]
        return _sums([group async for group in await self._orders.aggregate(pipeline)])

    async def of_sale(self, sale_id: str, opens_at: datetime) -> SaleCounts:
        """A sale's orders: one reading of them all."""
        second: Document = {"$dateDiff": {"startDate": opens_at, "endDate": "$created_at", "unit": "millisecond"}}
        pipeline: list[Document] = [
            {"$match": {OF_SALE: sale_id}},
            {"$unwind": "$lines"},
            {"$match": {OF_SALE: sale_id}},
            {
                "$facet": {
                    "states": [{"$group": {**BY_STATE, "fen": {"$sum": LINE_FEN}}}],
                    "buyers": [{"$group": {"_id": "$buyer_id"}}, {"$count": "count"}],
                    "seconds": [{"$group": {"_id": {"$floor": {"$divide": [second, 1_000]}}, "orders": {"$sum": 1}}}],
                }
            },
        ]
        [found] = [one async for one in await self._orders.aggregate(pipeline)]
        return SaleCounts(
            sums=_sums(found["states"]),
            buyers=found["buyers"][0]["count"] if found["buyers"] else 0,
            by_second={int(group["_id"]): group["orders"] for group in found["seconds"]},
        )

    async def note_viewers(self, stream_id: str, at: datetime, viewers: int) -> None:
        """Keep how many were there; of what several servers say of one moment the most."""
        key = f"{stream_id}:{int(at.timestamp())}"
        await self._samples.update_one(
            {"_id": key},
            {"$max": {"viewers": viewers}, "$setOnInsert": {"stream_id": stream_id, "at": at}},
            upsert=True,
        )

    async def viewers_of(self, stream_id: str, since: datetime | None = None) -> list[Sample]:
        """How many were there, in the order of time."""
        query: Document = {"stream_id": stream_id, **({"at": {"$gte": since}} if since else {})}
        found: AsyncIterator[dict[str, Any]] = self._samples.find(query).sort("at", 1)
        return [Sample(one["at"], one["viewers"]) async for one in found]


def _sums(groups: Sequence[Document]) -> OrderSums:
    return sums_of({OrderState(group["_id"]): (group["orders"], group["fen"]) for group in groups})
