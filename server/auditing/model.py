"""An audit of a sale: its pots against its orders, as both are at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.flash.model import Pot, Sale
from server.orders.model import PLACES, OrderState, Place
from server.rooms.model import Room


class Fault(StrEnum):
    """What can be wrong with the books of a sale. None of it ever should be."""

    POTS = "pots"  # the four pots are not the quantity, or one is below zero
    HELD = "held"  # the pot of held pieces is not what orders hold
    SOLD = "sold"  # the pot of sold pieces is not what orders have paid


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found when a sale was looked at last."""

    sale: Sale
    held_by_orders: int
    sold_to_orders: int
    faults: tuple[Fault, ...]
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Names:
    """What people call the rooms and products of sales, by id; one that is gone has none."""

    rooms: Mapping[str, Room]
    products: Mapping[str, str]


def audit(sale: Sale, pieces: Mapping[OrderState, int], now: datetime) -> Audit:
    """Compare a sale with the pieces of its orders, by their states."""
    places = dict.fromkeys(Place, 0)
    for state, count in pieces.items():
        places[PLACES[state]] += count
    held, sold = places[Place.HELD], places[Place.SOLD]
    wrong = {
        Fault.POTS: not sale.is_balanced,
        Fault.HELD: held != sale.count(Pot.HELD),
        Fault.SOLD: sold != sale.count(Pot.SOLD),
    }
    return Audit(sale, held, sold, tuple(fault for fault, is_wrong in wrong.items() if is_wrong), now)
