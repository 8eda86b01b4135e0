"""What time does to orders, also when something is wrong with some of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from server.orders.clockwork import Clockwork
from server.orders.model import Actor, Facts, Order, OrderState, Sources, Step
from tests.unit.orders.making import make_order
from tests.unit.orders.test_order_model import A, B

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)


class Late:
    """A store in which two holds of different products are over."""

    def __init__(self, orders: list[Order]) -> None:
        self.orders = orders

    async def holds_past(self, now: datetime, limit: int) -> list[Order]:
        return self.orders

    async def parcels_past(self, now: datetime, limit: int) -> list[Order]:
        return []

    async def returns_past(self, state: OrderState, now: datetime, limit: int) -> list[Order]:
        return []


class BrokenFirst:
    """Moves orders, but those that come first bring a bug to light."""

    def __init__(self) -> None:
        self.moved: list[str] = []

    async def take_all(
        self, sources: Sources, orders: Sequence[Order], step: Step, by: Actor, facts: Facts
    ) -> list[Order]:
        if not self.moved:
            self.moved.append("broken")
            raise KeyError("a field that is not there")
        self.moved += [order.id for order in orders]
        return [*orders]


class Heard:
    """Hears which orders are over."""

    async def tell(self, orders: Sequence[Order]) -> None: ...


class Stopped:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


async def test_whatever_is_wrong_with_one_order_the_others_have_their_turn() -> None:
    first, second = replace(make_order({A: 1}), id="o1"), replace(make_order({B: 1}), id="o2")
    moves = BrokenFirst()
    await Clockwork(Late([first, second]), moves, Heard(), Stopped()).sweep()
    assert moves.moved == ["broken", "o2"]
