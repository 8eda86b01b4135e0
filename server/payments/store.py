"""Payments and what providers told us, in MongoDB."""

from __future__ import annotations

import hashlib
from datetime import datetime

from pymongo import ReturnDocument
from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure

from server.infra.mongo import Database, Document
from server.payments.model import Payment, PaymentState

LOOKED_AT_IN_ONE_ROUND = 100
NAMESPACE_EXISTS = 48
REFUSED_KEPT_BYTES = 16_000_000  # anybody can send rubbish: the oldest of it makes room


class PaymentStore:
    """Collections `payments`, `payment_callbacks` (one per distinct notice) and `refused_callbacks` (the newest)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._payments = database["payments"]
        self._callbacks = database["payment_callbacks"]
        self._refused = database["refused_callbacks"]

    async def make_indexes(self) -> None:
        """One payment per order; those to look at."""
        await self._payments.create_index("order_id", unique=True)
        await self._payments.create_index("look_at", partialFilterExpression={"look_at": {"$type": "date"}})
        await self._callbacks.create_index("payment_id")
        try:
            await self._database.create_collection("refused_callbacks", capped=True, size=REFUSED_KEPT_BYTES)
        except CollectionInvalid:
            pass  # it is there already
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:  # a worker that starts at the same time was quicker
                raise

    async def add_once(self, payment: Payment) -> Payment:
        """Add a payment, or answer the one that its order has already."""
        try:
            await self._payments.insert_one(
                {
                    "_id": payment.id,
                    "order_id": payment.order_id,
                    "order_number": payment.order_number,
                    "provider": payment.provider,
                    "title": payment.title,
                    "amount_fen": payment.amount_fen,
                    "state": payment.state,
                    "created_at": payment.created_at,
                    "paid_at": payment.paid_at,
                    "reference": payment.reference,
                    "look_at": payment.look_at,
                }
            )
        except DuplicateKeyError:
            return await self.of_order(payment.order_id) or payment
        return payment

    async def get(self, payment_id: str) -> Payment | None:
        """One payment."""
        return _payment(await self._payments.find_one({"_id": payment_id}))

    async def of_order(self, order_id: str) -> Payment | None:
        """The payment of an order."""
        return _payment(await self._payments.find_one({"order_id": order_id}))

    async def mark_paid(self, payment_id: str, reference: str, now: datetime, look_at: datetime) -> Payment | None:
        """The money is there; None when that was known."""
        return _payment(
            await self._payments.find_one_and_update(
                {"_id": payment_id, "state": PaymentState.WAITING},
                {"$set": {"state": PaymentState.PAID, "reference": reference, "paid_at": now, "look_at": look_at}},
                return_document=ReturnDocument.AFTER,
            )
        )

    async def mark_refunded(self, payment_id: str) -> None:
        """The money is back with the buyer."""
        await self._payments.update_one(
            {"_id": payment_id, "state": PaymentState.PAID}, {"$set": {"state": PaymentState.REFUNDED}}
        )

    async def look_later(self, payment_id: str, look_at: datetime | None) -> None:
        """When to look at a payment again; None: never."""
        await self._payments.update_one({"_id": payment_id}, {"$set": {"look_at": look_at}})

    async def claim(self, now: datetime, look_at: datetime) -> Payment | None:
        """A payment that is to be looked at; other servers leave it alone until `look_at`."""
        return _payment(
            await self._payments.find_one_and_update(
                {"look_at": {"$lte": now}},
                {"$set": {"look_at": look_at}},
                sort=[("look_at", 1)],
                return_document=ReturnDocument.AFTER,
            )
        )

    async def keep_callback(self, provider: str, payment_id: str, headers: str, body: bytes, now: datetime) -> None:
        """Keep a genuine notice; the same one again is counted."""
        name = hashlib.sha256(b"\0".join((provider.encode(), headers.encode(), body))).hexdigest()
        await self._callbacks.update_one(
            {"_id": name},
            {
                "$setOnInsert": {
                    "provider": provider,
                    "payment_id": payment_id,
                    "headers": headers,
                    "body": body,
                    "first_at": now,
                },
                "$set": {"last_at": now},
                "$inc": {"times": 1},
            },
            upsert=True,
        )

    async def keep_refused(self, provider: str, code: str, headers: str, body: bytes, now: datetime) -> None:
        """Keep a callback that was not believed."""
        await self._refused.insert_one(
            {"provider": provider, "code": code, "headers": headers, "body": body, "at": now}
        )


def _payment(document: Document | None) -> Payment | None:
    if document is None:
        return None
    return Payment(
        id=document["_id"],
        order_id=document["order_id"],
        order_number=document["order_number"],
        provider=document["provider"],
        title=document["title"],
        amount_fen=document["amount_fen"],
        state=PaymentState(document["state"]),
        created_at=document["created_at"],
        paid_at=document["paid_at"],
        reference=document["reference"],
        look_at=document["look_at"],
    )
