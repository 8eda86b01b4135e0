"""What time does to orders: holds run out, parcels count as received, returns of which nobody says anything go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from server.orders.model import NOTHING_MORE, Actor, Facts, Order, OrderState, Sources, Step
from server.orders.returns import SENDING_DAYS

log = logger(__name__)

MOVED_IN_ONE_ROUND = 1_000


class Store(Protocol):
    """What is past its time."""

    async def holds_past(self, now: datetime, limit: int) -> list[Order]: ...
    async def parcels_past(self, now: datetime, limit: int) -> list[Order]: ...
    async def returns_past(self, state: OrderState, now: datetime, limit: int) -> list[Order]: ...


class Moves(Protocol):
    """Moves orders."""

    async def take_all(
        self, sources: Sources, orders: Sequence[Order], step: Step, by: Actor, facts: Facts
    ) -> list[Order]: ...


class Ends(Protocol):
    """Closes what was begun for orders that nobody is to pay any more."""

    async def tell(self, orders: Sequence[Order]) -> None: ...


class Clockwork:
    """A sweep, which several servers may do at once."""

    def __init__(self, store: Store, moves: Moves, ends: Ends, clock: Clock) -> None:
        self._store = store
        self._moves = moves
        self._ends = ends
        self._clock = clock

    async def sweep(self) -> None:
        """Do what is due. A parcel that is back and of which nobody says anything is the business of payments."""
        now = self._clock.now()
        await self._take_all(await self._store.holds_past(now, MOVED_IN_ONE_ROUND), Step.EXPIRE)
        await self._take_all(await self._store.parcels_past(now, MOVED_IN_ONE_ROUND), Step.RECEIVE)
        unanswered = await self._store.returns_past(OrderState.RETURN_ASKED, now, MOVED_IN_ONE_ROUND)
        await self._take_all(unanswered, Step.AGREE, Facts(return_until=now + timedelta(days=SENDING_DAYS)))
        unsent = await self._store.returns_past(OrderState.RETURN_AGREED, now, MOVED_IN_ONE_ROUND)
        await self._take_all(unsent, Step.WITHDRAW)

    async def _take_all(self, orders: Iterable[Order], step: Step, facts: Facts = NOTHING_MORE) -> None:
        """One transaction for those of the same sources."""
        by_sources: dict[Sources, list[Order]] = {}
        for order in orders:
            by_sources.setdefault(order.sources, []).append(order)
        for sources, same in by_sources.items():
            try:
                after = await self._moves.take_all(sources, same, step, Actor.CLOCK, facts)
            except Exception:  # whatever is wrong with these must not keep the others from their turn
                log.exception("orders did not move, tried again", step=step, orders=len(same))
                continue
            if step is Step.EXPIRE:
                await self._ends.tell(after)
