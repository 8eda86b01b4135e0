"""Orders in MongoDB; a state changes by compare-and-set, with the history in the same write."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import BulkWriteError, DuplicateKeyError

from server.addresses.model import Contact
from server.infra.mongo import Database, Document, drop_index
from server.infra.transactions import Session
from server.orders.admission import Request
from server.orders.model import (
    COUNTED_FOR_LIMIT,
    Actor,
    Change,
    Delivery,
    Facts,
    Line,
    Order,
    OrderState,
    RequestTaken,
    Return,
    Shipment,
)

DUPLICATE_KEY = 11000
DATE: Document = {"$type": "date"}  # in index and query alike: mongod does not see that what it compares is one
PAID_ONCE: Document = {"paid_at": DATE}  # what is not paid yet costs these indexes nothing
# `$exists`, since the planner does not see that a string is of type string. So lines of no sale have no such field.
OF_A_SALE: Document = {"lines.sale_id": {"$exists": True}}
NEVER_PAID = frozenset({OrderState.HELD, OrderState.CANCELLED, OrderState.EXPIRED})


class OrderStore:
    """Collection `orders`."""

    def __init__(self, database: Database) -> None:
        self._orders = database["orders"]

    async def make_indexes(self) -> None:
        """One order per request of a buyer; a buyer's part in a sale; lists; holds and parcels by their end."""
        await drop_index(self._orders, "number_1")  # of an older version
        held, shipped = {"state": OrderState.HELD.value}, {"state": OrderState.SHIPPED.value}
        await self._orders.create_index([("buyer_id", 1), ("request_id", 1)], unique=True)
        await self._orders.create_index([("lines.sale_id", 1), ("buyer_id", 1)], partialFilterExpression=OF_A_SALE)
        await self._orders.create_index([("buyer_id", 1), ("_id", DESCENDING)])
        await self._orders.create_index([("merchant_id", 1), ("_id", DESCENDING)])
        await self._orders.create_index(
            [("merchant_id", 1), ("state", 1), ("_id", DESCENDING)], partialFilterExpression=PAID_ONCE
        )
        await self._orders.create_index("hold_until", partialFilterExpression=held)
        await self._orders.create_index("receive_at", partialFilterExpression=shipped)
        await self._orders.create_index(
            [("state", 1), ("return_until", 1)], partialFilterExpression={"return_until": DATE}
        )

    async def add_many(self, orders: Sequence[Order], session: Session) -> None:
        """Add new orders. Raises RequestTaken."""
        try:
            await self._orders.insert_many([_document(order) for order in orders], session=session)
        except DuplicateKeyError:
            raise RequestTaken("this request is being answered elsewhere") from None
        except BulkWriteError as error:
            faults = (error.details or {}).get("writeErrors", [])
            if any(fault.get("code") == DUPLICATE_KEY for fault in faults):
                raise RequestTaken("this request is being answered elsewhere") from None
            raise

    async def by_requests(
        self, requests: Sequence[Request], session: Session | None = None
    ) -> dict[tuple[str, str], Order]:
        """The orders that these requests led to before."""
        if not requests:
            return {}
        # Two lists, not a list of pairs, which the planner would take apart; what matches crosswise is left out.
        buyers = {"$in": list({request.buyer_id for request in requests})}
        ids = {"$in": list({request.request_id for request in requests})}
        keys = {request.key for request in requests}
        found = await self._orders.find({"buyer_id": buyers, "request_id": ids}, session=session).to_list()
        return {key: _order(one) for one in found if (key := (one["buyer_id"], one["request_id"])) in keys}

    async def pieces_of(self, sale_id: str, buyer_ids: Sequence[str], session: Session) -> dict[str, int]:
        """How many pieces of a sale these buyers hold or have paid."""
        found = self._orders.find(
            {
                "lines.sale_id": sale_id,
                "buyer_id": {"$in": list(buyer_ids)},
                "state": {"$in": sorted(COUNTED_FOR_LIMIT)},
            },
            {"buyer_id": 1, "lines.sale_id": 1, "lines.quantity": 1},
            session=session,
        )
        pieces: dict[str, int] = {}
        async for document in found:
            buyer_id = document["buyer_id"]
            for line in document["lines"]:
                if line.get("sale_id") == sale_id:
                    pieces[buyer_id] = pieces.get(buyer_id, 0) + line["quantity"]
        return pieces

    async def pieces_by_state(self, sale_id: str, session: Session) -> dict[OrderState, int]:
        """How many pieces of a sale are in orders of each state."""
        groups = await self._orders.aggregate(
            [
                {"$match": {"lines.sale_id": sale_id}},
                {"$unwind": "$lines"},
                {"$match": {"lines.sale_id": sale_id}},
                {"$group": {"_id": "$state", "pieces": {"$sum": "$lines.quantity"}}},
            ],
            session=session,
        )
        return {OrderState(group["_id"]): group["pieces"] async for group in groups}

    async def get(self, order_id: str, session: Session | None = None) -> Order | None:
        """One order."""
        document = await self._orders.find_one({"_id": order_id}, session=session)
        return None if document is None else _order(document)

    async def of_buyer(
        self, buyer_id: str, states: Collection[OrderState], before: str | None, limit: int
    ) -> list[Order]:
        """A buyer's orders in these states (none: in any), newest first, those older than `before`."""
        return await self._listed({"buyer_id": buyer_id}, states, before, limit)

    async def of_merchant(
        self, merchant_id: str, states: Collection[OrderState], before: str | None, limit: int
    ) -> list[Order]:
        """The same of a merchant."""
        query: Document = {"merchant_id": merchant_id}
        if states and not NEVER_PAID.intersection(states):
            query |= PAID_ONCE
        return await self._listed(query, states, before, limit)

    async def _listed(
        self, query: Document, states: Collection[OrderState], before: str | None, limit: int
    ) -> list[Order]:
        if states:
            query["state"] = {"$in": sorted(states)}
        if before is not None:
            query["_id"] = {"$lt": before}
        found = self._orders.find(query).sort("_id", DESCENDING).limit(limit)
        return [_order(document) async for document in found]

    async def holds_past(self, now: datetime, limit: int) -> list[Order]:
        """Orders whose hold is over, the longest over first."""
        found = (
            self._orders.find({"state": OrderState.HELD, "hold_until": {"$lte": now}})
            .sort("hold_until", 1)
            .limit(limit)
        )
        return [_order(document) async for document in found]

    async def parcels_past(self, now: datetime, limit: int) -> list[Order]:
        """Orders whose parcel counts as received now, the longest over first."""
        found = (
            self._orders.find({"state": OrderState.SHIPPED, "receive_at": {"$lte": now}})
            .sort("receive_at", 1)
            .limit(limit)
        )
        return [_order(document) async for document in found]

    async def returns_past(self, state: OrderState, now: datetime, limit: int) -> list[Order]:
        """Orders whose return is in a state longer than it may be, the longest over first."""
        query = {"state": state, "return_until": {"$lte": now, **DATE}}
        found = self._orders.find(query).sort("return_until", 1).limit(limit)
        return [_order(document) async for document in found]

    async def among(self, order_ids: Sequence[str], state: OrderState, session: Session) -> list[Order]:
        """Those of these orders that are in a state."""
        found = self._orders.find({"_id": {"$in": list(order_ids)}, "state": state}, session=session)
        return [_order(document) async for document in found]

    async def move(self, order: Order, change: Change, facts: Facts, session: Session) -> Order | None:
        """Change the state if it is still the one that was read; None when somebody was first."""
        document = await self._orders.find_one_and_update(
            {"_id": order.id, "state": order.state},
            _changed(change, facts),
            session=session,
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _order(document)

    async def set_delivery(self, order: Order, delivery: Delivery) -> Order | None:
        """Say where an order goes if it is still in the state that was read; None when it is not."""
        document = await self._orders.find_one_and_update(
            {"_id": order.id, "state": order.state},
            {"$set": {"delivery": asdict(delivery)}},
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _order(document)

    async def move_many(self, orders: Sequence[Order], change: Change, facts: Facts, session: Session) -> int:
        """Change the state of those that are still in the one of the first; answers how many were."""
        done = await self._orders.update_many(
            {"_id": {"$in": [order.id for order in orders]}, "state": orders[0].state},
            _changed(change, facts),
            session=session,
        )
        return done.modified_count


def _changed(change: Change, facts: Facts) -> Document:
    known = {name: value for name, value in asdict(facts).items() if value is not None}
    return {"$set": {"state": change.state, **known}, "$push": {"history": _change_document(change)}}


def _change_document(change: Change) -> Document:
    return {"state": change.state, "at": change.at, "by": change.by}


def _change(document: Document) -> Change:
    by = document.get("by")
    return Change(OrderState(document["state"]), document["at"], None if by is None else Actor(by))


def _return(document: Document) -> Return:
    parcel, back_to = document["parcel"], document.get("back_to")  # no back_to in what is older than it
    return Return(
        **{
            **document,
            "parcel": None if parcel is None else Shipment(**parcel),
            "back_to": None if back_to is None else Contact(**back_to),
        }
    )


def _document(order: Order) -> Document:
    """What is not there yet is no field: nearly all of a hot sale's orders have none of these."""
    document: Document = {
        "_id": order.id,
        "number": order.number,
        "request_id": order.request_id,
        "buyer_id": order.buyer_id,
        "merchant_id": order.merchant_id,
        "lines": [_line_document(line) for line in order.lines],
        "discount_fen": order.discount_fen,
        "total_fen": order.total_fen,
        "state": order.state,
        "created_at": order.created_at,
        "hold_until": order.hold_until,
        "history": [_change_document(change) for change in order.history],
    }
    if order.coupon_id is not None:
        document["coupon_id"] = order.coupon_id
    if order.paid_at is not None:
        document["paid_at"] = order.paid_at
    if order.delivery is not None:
        document["delivery"] = asdict(order.delivery)
    return document


def _line_document(line: Line) -> Document:
    document: Document = {
        "product_id": line.product_id,
        "product_name": line.product_name,
        "product_unit": line.product_unit,
        "product_picture_url": line.product_picture_url,
        "quantity": line.quantity,
        "price_fen": line.price_fen,
    }
    if line.sale_id is not None:
        document["sale_id"] = line.sale_id
    return document


def _order(document: Document) -> Order:
    return Order(
        id=document["_id"],
        number=document["number"],
        request_id=document["request_id"],
        buyer_id=document["buyer_id"],
        merchant_id=document["merchant_id"],
        lines=tuple(Line(**{"sale_id": None, **line}) for line in document["lines"]),
        coupon_id=document.get("coupon_id"),
        discount_fen=document["discount_fen"],
        total_fen=document["total_fen"],
        state=OrderState(document["state"]),
        created_at=document["created_at"],
        hold_until=document["hold_until"],
        paid_at=document.get("paid_at"),
        history=tuple(_change(line) for line in document["history"]),
        delivery=Delivery(**document["delivery"]) if document.get("delivery") else None,
        shipment=Shipment(**document["shipment"]) if document.get("shipment") else None,
        receive_at=document.get("receive_at"),
        sent_back=_return(document["sent_back"]) if document.get("sent_back") else None,
        return_until=document.get("return_until"),
    )
