"""Drops and coupons in MongoDB; what must happen together gets the transaction's session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from server.coupons.model import Coupon, CouponState, Drop
from server.infra.mongo import Database, Document
from server.infra.transactions import Session

COUPONS_LISTED = 200


class CouponStore:
    """Collections `coupon_drops` and `coupons`."""

    def __init__(self, database: Database) -> None:
        self._drops = database["coupon_drops"]
        self._coupons = database["coupons"]

    async def make_indexes(self) -> None:
        """A room's drops, each after another one; coupons of a drop, of a person, of an order."""
        await self._drops.create_index([("room_id", 1), ("_id", DESCENDING)])
        await self._drops.create_index(
            [("room_id", 1), ("number", DESCENDING)],
            unique=True,
            partialFilterExpression={"number": {"$gt": 0}},
            name="one_of_each_number",
        )
        await self._coupons.create_index([("drop_id", 1), ("user_id", 1)])
        await self._coupons.create_index([("user_id", 1), ("_id", DESCENDING)])
        await self._coupons.create_index(
            "order_id", unique=True, partialFilterExpression={"state": CouponState.USED.value}, name="one_per_order"
        )

    async def add_drop(self, drop: Drop) -> bool:
        """Begin a drop; False when somebody else just began the room's drop of this number."""
        fields = asdict(drop)
        try:
            await self._drops.insert_one({"_id": fields.pop("id"), **fields})
        except DuplicateKeyError:
            return False
        return True

    async def get_drop(self, drop_id: str, session: Session | None = None) -> Drop | None:
        """One drop."""
        return _drop(await self._drops.find_one({"_id": drop_id}, session=session))

    async def newest_drop(self, room_id: str) -> Drop | None:
        """A room's newest drop."""
        order = [("number", DESCENDING), ("_id", DESCENDING)]
        return _drop(await self._drops.find_one({"room_id": room_id}, sort=order))

    async def close_drop(self, drop_id: str, at: datetime) -> Drop | None:
        """Let nobody take any more."""
        return _drop(
            await self._drops.find_one_and_update(
                {"_id": drop_id, "closes_at": {"$gt": at}},
                {"$set": {"closes_at": at}},
                return_document=ReturnDocument.AFTER,
            )
        )

    async def count_taken(self, drop_id: str, quota: int, session: Session) -> bool:
        """Take one of the quota; False when none is left."""
        result = await self._drops.update_one(
            {"_id": drop_id, "taken": {"$lt": quota}}, {"$inc": {"taken": 1}}, session=session
        )
        return result.modified_count == 1

    async def count_of(self, drop_id: str, user_id: str, session: Session | None = None) -> int:
        """How many coupons of a drop somebody has."""
        return await self._coupons.count_documents({"drop_id": drop_id, "user_id": user_id}, session=session)

    async def add(self, coupon: Coupon, session: Session) -> None:
        """Keep a coupon."""
        fields = asdict(coupon)
        await self._coupons.insert_one({"_id": fields.pop("id"), **fields}, session=session)

    async def of_ids(self, coupon_ids: Sequence[str], session: Session) -> dict[str, Coupon]:
        """Those of these coupons that there are."""
        found = self._coupons.find({"_id": {"$in": list(coupon_ids)}}, session=session)
        return {coupon.id: coupon async for document in found if (coupon := _coupon(document))}

    async def of_user(self, user_id: str) -> list[Coupon]:
        """Somebody's coupons, newest first."""
        found = self._coupons.find({"user_id": user_id}).sort("_id", DESCENDING).limit(COUPONS_LISTED)
        return [coupon async for document in found if (coupon := _coupon(document))]

    async def use(self, in_orders: Mapping[str, str], session: Session) -> bool:
        """Put ready coupons into orders (order by coupon); False when one of them is not ready: undo then."""
        done = await self._coupons.bulk_write(
            [
                UpdateOne(
                    {"_id": coupon_id, "state": CouponState.READY},
                    {"$set": {"state": CouponState.USED, "order_id": order_id}},
                )
                for coupon_id, order_id in in_orders.items()
            ],
            session=session,
        )
        return done.modified_count == len(in_orders)

    async def give_back(self, order_ids: Sequence[str], session: Session) -> None:
        """Orders came to nothing: their coupons are ready again. Safe to repeat."""
        await self._coupons.update_many(
            {"order_id": {"$in": list(order_ids)}, "state": CouponState.USED},
            {"$set": {"state": CouponState.READY, "order_id": None}},
            session=session,
        )


def _drop(document: Document | None) -> Drop | None:
    if document is None:
        return None
    return Drop(id=document["_id"], **{name: value for name, value in document.items() if name != "_id"})


def _coupon(document: Document | None) -> Coupon | None:
    if document is None:
        return None
    fields = {name: value for name, value in document.items() if name != "_id"}
    return Coupon(id=document["_id"], **{**fields, "state": CouponState(fields["state"])})
