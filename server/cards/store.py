"""Moments in MongoDB; at most one open moment per stream."""

from __future__ import annotations

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.cards.model import Moment
from server.infra.mongo import Database, Document


class MomentStore:
    """Collection `moments`."""

    def __init__(self, database: Database) -> None:
        self._moments = database["moments"]

    async def make_indexes(self) -> None:
        """One open moment per stream; a stream's moments in order."""
        await self._moments.create_index(
            "stream_id", unique=True, partialFilterExpression={"end_ms": {"$type": "null"}}, name="one_open"
        )
        await self._moments.create_index([("stream_id", 1), ("start_ms", 1)])
        await self._moments.create_index([("product_id", 1)])

    async def add(self, moment: Moment) -> bool:
        """Add a moment; False when another one is open in this stream."""
        try:
            await self._moments.insert_one(
                {
                    "_id": moment.id,
                    "stream_id": moment.stream_id,
                    "room_id": moment.room_id,
                    "product_id": moment.product_id,
                    "title": moment.title,
                    "pinned_at": moment.pinned_at,
                    "start_ms": moment.start_ms,
                    "end_ms": moment.end_ms,
                    "lesson_id": moment.lesson_id,
                    "is_explaining": moment.is_explaining,
                }
            )
        except DuplicateKeyError:
            return False
        return True

    async def close(self, stream_id: str, end_ms: int) -> bool:
        """End the open moment of a stream; False when there is none."""
        closed = await self._moments.update_one(
            {"stream_id": stream_id, "end_ms": None}, {"$set": {"end_ms": end_ms}}
        )
        return closed.modified_count == 1

    async def explain(self, stream_id: str, *, is_explaining: bool) -> Moment | None:
        """Say whether the host talks about the open moment's card; None when there is none."""
        document = await self._moments.find_one_and_update(
            {"stream_id": stream_id, "end_ms": None},
            {"$set": {"is_explaining": is_explaining}},
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _moment(document)

    async def open_in(self, stream_id: str) -> Moment | None:
        """The open moment of a stream."""
        document = await self._moments.find_one({"stream_id": stream_id, "end_ms": None})
        return None if document is None else _moment(document)

    async def open_with(self, product_id: str) -> list[Moment]:
        """Open moments that show a product."""
        found = self._moments.find({"product_id": product_id, "end_ms": None})
        return [_moment(document) async for document in found]

    async def of_stream(self, stream_id: str) -> list[Moment]:
        """The moments of a stream in order."""
        found = self._moments.find({"stream_id": stream_id}).sort("start_ms", 1)
        return [_moment(document) async for document in found]

    async def newest_of(self, stream_id: str, limit: int) -> list[Moment]:
        """The newest moments of a stream, oldest first."""
        found = self._moments.find({"stream_id": stream_id}).sort("start_ms", DESCENDING).limit(limit)
        return [_moment(document) async for document in found][::-1]


def _moment(document: Document) -> Moment:
    return Moment(
        id=document["_id"],
        stream_id=document["stream_id"],
        room_id=document["room_id"],
        product_id=document["product_id"],
        title=document["title"],
        pinned_at=document["pinned_at"],
        start_ms=document["start_ms"],
        end_ms=document["end_ms"],
        lesson_id=document.get("lesson_id"),
        is_explaining=document.get("is_explaining", True),
    )
