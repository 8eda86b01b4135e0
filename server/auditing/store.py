"""Audits in MongoDB: the last one of each sale, and which server may do the next."""

from __future__ import annotations

from datetime import datetime

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from server.auditing.model import Audit
from server.infra.mongo import Database


class AuditStore:
    """Collection `sale_audits`, one document per sale."""

    def __init__(self, database: Database) -> None:
        self._audits = database["sale_audits"]

    async def make_indexes(self) -> None:
        """Those with faults; the newest."""
        await self._audits.create_index("faults", partialFilterExpression={"is_wrong": True})
        await self._audits.create_index([("checked_at", DESCENDING)])

    async def claim(self, sale_id: str, now: datetime, until: datetime) -> bool:
        """Whether this server shall look at a sale now; the others leave it alone until then."""
        try:
            done = await self._audits.update_one(
                {"_id": sale_id, "next_at": {"$lte": now}}, {"$set": {"next_at": until}}, upsert=True
            )
        except DuplicateKeyError:
            return False  # it is there, and its time has not come
        return done.modified_count == 1 or done.upserted_id is not None

    async def keep(self, found: Audit) -> None:
        """Keep what was found."""
        await self._audits.update_one(
            {"_id": found.sale.id},
            {"$set": {"checked_at": found.checked_at, "faults": found.faults, "is_wrong": bool(found.faults)}},
        )

    async def newest(self, limit: int) -> list[str]:
        """The sales that were looked at last, those with faults first."""
        fields = {"_id": 1}
        wrong = await self._audits.find({"is_wrong": True}, fields).limit(limit).to_list()
        newest = await self._audits.find({}, fields).sort("checked_at", DESCENDING).limit(limit).to_list()
        return list(dict.fromkeys(one["_id"] for one in (*wrong, *newest)))[:limit]

    async def count_wrong(self) -> int:
        """How many sales had faults when they were looked at last."""
        return await self._audits.count_documents({"is_wrong": True})
