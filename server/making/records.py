"""How work is kept in MongoDB, inside the document of the thing that is made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from pymongo import ReturnDocument

from server.infra.mongo import Collection, Document
from server.making.model import ENDED, Thing, Work, WorkState

SWEPT_AT_ONCE = 100
T = TypeVar("T", bound=Thing)


def work_document(work: Work) -> Document:
    """Work as it is kept."""
    return {
        "state": work.state,
        "send_at": work.send_at,
        "attempt": work.attempt,
        "faults": work.faults,
        "sends": work.sends,
        "progress": work.progress,
        "lease_until": work.lease_until,
        "error": work.error,
        "ended_at": work.ended_at,
    }


def read_work(document: Document) -> Work:
    """Work as it was kept."""
    return Work(**{**document, "state": WorkState(document["state"])})


def as_read(thing: Thing) -> Document:
    """Finds a thing if its work is still what was read."""
    return {
        "_id": thing.id,
        "work.state": thing.work.state,
        "work.attempt": thing.work.attempt,
        "work.lease_until": thing.work.lease_until,
        "work.send_at": thing.work.send_at,
    }


def _same_end(thing: Thing) -> Document:
    return {
        "_id": thing.id,
        "work.state": thing.work.state,
        "work.attempt": thing.work.attempt,
        "work.ended_at": thing.work.ended_at,  # who wants a thing no more ends it once more
    }


class WorkRecords(Generic[T]):
    """The work of one collection's things, changed by compare-and-set only."""

    def __init__(self, collection: Collection, read: Callable[[Document], T], write: Callable[[T], Document]) -> None:
        self._collection = collection
        self._read = read
        self._write = write

    async def make_indexes(self) -> None:
        """What the sweep looks for."""
        await self._collection.create_index([("work.state", 1), ("work.send_at", 1)], name="due")
        await self._collection.create_index("untidy", partialFilterExpression={"untidy": True})

    async def get(self, thing_id: str) -> T | None:
        """One thing."""
        document = await self._collection.find_one({"_id": thing_id})
        return None if document is None else self._read(document)

    async def move(self, before: T, after: T) -> T | None:
        """Replace a thing if its work is still what was read; None when somebody was first."""
        document = await self._collection.find_one_and_replace(
            as_read(before), self._write(after), return_document=ReturnDocument.AFTER
        )
        return None if document is None else self._read(document)

    async def due(self, now: datetime) -> list[T]:
        """Things whose job is to be sent now."""
        return await self._find({"work.state": WorkState.WAITING, "work.send_at": {"$lte": now}})

    async def lost(self, now: datetime) -> list[T]:
        """Things whose worker must be dead."""
        return await self._find({"work.state": WorkState.WORKING, "work.lease_until": {"$lt": now}})

    async def spread(self) -> list[T]:
        """Things whose pieces are being made."""
        return await self._find({"work.state": WorkState.SPREAD})

    async def untidy(self, ended_before: datetime) -> list[T]:
        """Things that were ended by then, beside which may lie what nobody wants."""
        # Those of before this was noted have no time at all.
        long_ago = [{"work.ended_at": {"$lt": ended_before}}, {"work.ended_at": None}]
        now_due = {"untidy_until": {"$not": {"$gte": ended_before}}}
        return await self._find({"untidy": True, "work.state": {"$in": list(ENDED)}, "$or": long_ago, **now_due})

    async def stays_untidy(self, thing: T, until: datetime) -> None:
        """What lies beside a thing is wanted until then, and others have their turn. Begun anew it forgets."""
        await self._collection.update_one(_same_end(thing), {"$set": {"untidy_until": until}})

    async def tidied(self, thing: T) -> None:
        """Nothing lies beside a thing any more, if it has not been begun again meanwhile."""
        await self._collection.update_one(_same_end(thing), {"$set": {"untidy": False}})

    async def _find(self, query: dict[str, Any]) -> list[T]:
        found = self._collection.find(query).sort("work.send_at", 1).limit(SWEPT_AT_ONCE)
        return [self._read(document) async for document in found]
