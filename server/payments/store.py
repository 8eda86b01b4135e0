"""Payments and what providers told us, in MongoDB."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import ReturnDocument
from pymongo.errors import CollectionInvalid, DuplicateKeyError, OperationFailure

from server.infra.mongo import Database, Document
from server.payments.model import Payer, Payment, PaymentState

NAMESPACE_EXISTS = 48
DATE: Document = {"$type": "date"}  # in index and query alike: mongod does not see that what it compares is one
REFUSED_KEPT_BYTES = 16_000_000  # anybody can send rubbish: the oldest of it makes room


class PaymentStore:
    """Collections `payments`, `payment_callbacks` (one per distinct notice) and `refused_callbacks` (the newest)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._payments = database["payments"]
        self._callbacks = database["payment_callbacks"]
        self._refused = database["refused_callbacks"]

    async def make_indexes(self) -> None:
        """One payment that waits and one that wins per order; those to look at."""
        waiting, wins = {"state": PaymentState.WAITING.value}, {"wins": True}
        await self._payments.create_index("order_id", name="waiting", unique=True, partialFilterExpression=waiting)
        await self._payments.create_index(
            [("order_id", 1), ("wins", 1)], name="wins", unique=True, partialFilterExpression=wins
        )
        await self._payments.create_index([("order_id", 1), ("created_at", 1)])
        await self._payments.create_index(
            [("provider", 1), ("look_at", 1)], partialFilterExpression={"look_at": DATE}
        )
        await self._callbacks.create_index("payment_id")
        try:
            await self._database.create_collection("refused_callbacks", capped=True, size=REFUSED_KEPT_BYTES)
        except CollectionInvalid:
            pass  # it is there already
        except OperationFailure as error:
            if error.code != NAMESPACE_EXISTS:  # a worker that starts at the same time was quicker
                raise

    async def add_once(self, payment: Payment) -> Payment | None:
        """Add a payment, or answer the one of its order that waits already; None when that one waits no more."""
        try:
            await self._payments.insert_one(
                {
                    "_id": payment.id,
                    "order_id": payment.order_id,
                    "order_number": payment.order_number,
                    "provider": payment.provider,
                    "payer": asdict(payment.payer),
                    "title": payment.title,
                    "amount_fen": payment.amount_fen,
                    "state": payment.state,
                    "created_at": payment.created_at,
                    "expires_at": payment.expires_at,
                    "paid_at": payment.paid_at,
                    "reference": payment.reference,
                    "wins": payment.wins,
                    "look_at": payment.look_at,
                    "looks": payment.looks,
                }
            )
        except DuplicateKeyError:
            return _known(
                await self._payments.find_one({"order_id": payment.order_id, "state": PaymentState.WAITING})
            )
        return payment

    async def get(self, payment_id: str) -> Payment | None:
        """One payment."""
        return _known(await self._payments.find_one({"_id": payment_id}))

    async def of_order(self, order_id: str) -> list[Payment]:
        """The payments of an order, the oldest first."""
        return [_payment(one) async for one in self._payments.find({"order_id": order_id}).sort("created_at", 1)]

    async def winner(self, order_id: str) -> Payment | None:
        """The payment whose money is an order's."""
        return _known(await self._payments.find_one({"order_id": order_id, "wins": True}))

    async def count(self, order_id: str) -> int:
        """How often an order was begun to be paid."""
        return await self._payments.count_documents({"order_id": order_id})

    async def mark_paid(self, payment_id: str, reference: str, now: datetime, look_at: datetime) -> Payment | None:
        """The money is there, the order's own if it is the first; None when that was known."""
        changes = {
            "state": PaymentState.PAID,
            "reference": reference,
            "paid_at": now,
            "look_at": look_at,
            "looks": 0,
        }
        unpaid = {"_id": payment_id, "state": {"$in": [PaymentState.WAITING, PaymentState.CLOSED]}}
        for wins in (True, False):
            try:
                return _known(
                    await self._payments.find_one_and_update(
                        unpaid, {"$set": {**changes, "wins": wins}}, return_document=ReturnDocument.AFTER
                    )
                )
            except DuplicateKeyError:
                continue
        return None

    async def mark_closed(self, payment_id: str, look_at: datetime | None) -> None:
        """Nobody is sent to it any more; `look_at`: its trade is still to be closed."""
        await self._payments.update_one(
            {"_id": payment_id, "state": {"$in": [PaymentState.WAITING, PaymentState.CLOSED]}},
            {"$set": {"state": PaymentState.CLOSED, "look_at": look_at, "looks": 0}},
        )

    async def mark_refunded(self, payment_id: str) -> None:
        """The money is back with the buyer."""
        await self._payments.update_one(
            {"_id": payment_id, "state": PaymentState.PAID}, {"$set": {"state": PaymentState.REFUNDED}}
        )

    async def look_later(self, payment_id: str, look_at: datetime) -> None:
        """When to look at a payment, whatever was said before."""
        await self._payments.update_one({"_id": payment_id}, {"$set": {"look_at": look_at}})

    async def end_look(self, payment: Payment, look_at: datetime | None) -> None:
        """When to look again (None: never), unless somebody said something else since the payment was read."""
        await self._payments.update_one(
            {"_id": payment.id, "look_at": payment.look_at}, {"$set": {"look_at": look_at}}
        )

    async def look_soon(self, order_ids: Sequence[str], now: datetime) -> None:
        """Look at what waits for the money of these orders now."""
        await self._payments.update_many(
            {"order_id": {"$in": list(order_ids)}, "state": PaymentState.WAITING}, {"$set": {"look_at": now}}
        )

    async def claim(
        self, provider: str | None, ways: Sequence[str], now: datetime, look_at: datetime
    ) -> Payment | None:
        """A provider's payment that is to be looked at; other servers leave it alone until `look_at`.

        Without a provider: a payment that was begun in none of these ways.
        """
        begun_with = {"$nin": list(ways)} if provider is None else provider
        return _known(
            await self._payments.find_one_and_update(
                {"provider": begun_with, "look_at": {"$lte": now, **DATE}},
                {"$set": {"look_at": look_at}, "$inc": {"looks": 1}},
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


def _known(document: Document | None) -> Payment | None:
    return None if document is None else _payment(document)


def _payment(document: Document) -> Payment:
    return Payment(
        id=document["_id"],
        order_id=document["order_id"],
        order_number=document["order_number"],
        provider=document["provider"],
        payer=Payer(**document["payer"]),
        title=document["title"],
        amount_fen=document["amount_fen"],
        state=PaymentState(document["state"]),
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        paid_at=document["paid_at"],
        reference=document["reference"],
        wins=document["wins"],
        look_at=document["look_at"],
        looks=document["looks"],
    )
