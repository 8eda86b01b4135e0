"""The sandbox's bills in MongoDB, apart from the shop's own records."""

from __future__ import annotations

from datetime import datetime

from pymongo import ReturnDocument

from server.infra.mongo import Database, Document
from server.payments.sandbox.bill import Bill, BillState, Manner

DATE: Document = {"$type": "date"}  # in index and query alike: mongod does not see that what it compares is one


class BillStore:
    """Collection `sandbox_bills`."""

    def __init__(self, database: Database) -> None:
        self._bills = database["sandbox_bills"]

    async def make_indexes(self) -> None:
        """Callbacks to send."""
        await self._bills.create_index("send_at", partialFilterExpression={"send_at": DATE})

    async def add_once(self, bill: Bill) -> None:
        """Add a bill unless it is there."""
        document = {
            "order_id": bill.order_id,
            "order_number": bill.order_number,
            "title": bill.title,
            "amount_fen": bill.amount_fen,
            "state": bill.state,
            "created_at": bill.created_at,
            "expires_at": bill.expires_at,
            "callback_url": bill.callback_url,
            "send_at": bill.send_at,
            "tries": bill.tries,
            "manner": bill.manner,
        }
        await self._bills.update_one({"_id": bill.id}, {"$setOnInsert": document}, upsert=True)

    async def get(self, bill_id: str) -> Bill | None:
        """One bill."""
        return _bill(await self._bills.find_one({"_id": bill_id}))

    async def pay(
        self, bill_id: str, callback_url: str, now: datetime, send_at: datetime | None, manner: Manner
    ) -> Bill | None:
        """The buyer has pressed the button; None when he had before, or it is too late."""
        return _bill(
            await self._bills.find_one_and_update(
                {"_id": bill_id, "state": BillState.OPEN, "expires_at": {"$gt": now}},
                {
                    "$set": {
                        "state": BillState.PAID,
                        "callback_url": callback_url,
                        "send_at": send_at,
                        "manner": manner,
                    },
                    "$inc": {"tries": 1},
                },
                return_document=ReturnDocument.AFTER,
            )
        )

    async def close(self, bill_id: str) -> None:
        """Nobody can pay it any more, unless somebody has."""
        await self._bills.update_one({"_id": bill_id, "state": BillState.OPEN}, {"$set": {"state": BillState.CLOSED}})

    async def refund(self, bill_id: str) -> bool:
        """Give the money back; True also when it was back already."""
        await self._bills.update_one(
            {"_id": bill_id, "state": BillState.PAID}, {"$set": {"state": BillState.REFUNDED}}
        )
        bill = await self.get(bill_id)
        return bill is not None and bill.state is BillState.REFUNDED

    async def due(self, now: datetime) -> Bill | None:
        """A bill whose callback is to be sent now."""
        return _bill(await self._bills.find_one({"send_at": {"$lte": now, **DATE}}, sort=[("send_at", 1)]))

    async def count_try(self, bill: Bill, send_at: datetime | None) -> bool:
        """Count a try of the callback before it is made; False when another server makes it."""
        done = await self._bills.update_one(
            {"_id": bill.id, "tries": bill.tries, "send_at": bill.send_at},
            {"$set": {"send_at": send_at}, "$inc": {"tries": 1}},
        )
        return done.modified_count == 1

    async def mark_sent(self, bill_id: str) -> None:
        """The shop has the callback."""
        await self._bills.update_one({"_id": bill_id}, {"$set": {"send_at": None}})


def _bill(document: Document | None) -> Bill | None:
    if document is None:
        return None
    return Bill(
        id=document["_id"],
        order_id=document["order_id"],
        order_number=document["order_number"],
        title=document["title"],
        amount_fen=document["amount_fen"],
        state=BillState(document["state"]),
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        callback_url=document["callback_url"],
        send_at=document["send_at"],
        tries=document["tries"],
        manner=Manner(document["manner"]),
    )
