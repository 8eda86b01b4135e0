"""What the database says after a run, against what buyers were told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from server.flash.model import Pot, Sale
from server.infra.mongo import Database
from server.orders.model import PLACES, OrderState, Place


@dataclass(frozen=True, slots=True)
class Faults:
    """Pieces sold that were not there, orders told and not kept, orders kept twice, pots that do not add up."""

    oversold: int
    lost: int
    doubled: int
    unbalanced: int

    @property
    def any(self) -> bool:
        """Whether something is wrong."""
        return bool(self.oversold or self.lost or self.doubled or self.unbalanced)


def total(faults: Sequence[Faults]) -> Faults:
    """The faults of several sales together."""
    return Faults(
        sum(one.oversold for one in faults),
        sum(one.lost for one in faults),
        sum(one.doubled for one in faults),
        sum(one.unbalanced for one in faults),
    )


async def check(database: Database, sale: Sale, acknowledged: Iterable[tuple[str, str, str]]) -> Faults:
    """Read the sale and each of its orders."""
    kept = await database["sales"].find_one({"_id": sale.id})
    assert kept is not None
    fields = {"buyer_id": 1, "request_id": 1, "lines": 1, "state": 1}
    orders = await database["orders"].find({"lines.sale_id": sale.id}, fields).to_list()
    places: Counter[Place] = Counter()
    for order in orders:
        pieces = sum(line["quantity"] for line in order["lines"] if line.get("sale_id") == sale.id)
        places[PLACES[OrderState(order["state"])]] += pieces
    wishes = Counter((order["buyer_id"], order["request_id"]) for order in orders)
    by_id = {order["_id"]: (order["buyer_id"], order["request_id"]) for order in orders}
    told = set(acknowledged)
    unbalanced = abs(sum(kept[pot.value] for pot in Pot) - kept["quantity"])
    unbalanced += abs(kept["held"] - places[Place.HELD]) + abs(kept["sold"] - places[Place.SOLD])
    return Faults(
        oversold=max(0, places[Place.HELD] + places[Place.SOLD] - kept["quantity"]),
        lost=sum(by_id.get(order_id) != (buyer, request) for buyer, request, order_id in told),
        doubled=sum(count - 1 for count in wishes.values()),
        unbalanced=unbalanced,
    )
