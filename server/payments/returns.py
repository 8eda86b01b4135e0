"""A parcel that came back: the merchant says whether it is sold again, and the money goes back either way.

Or it did not, and an operator says whose fault that is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.orders.model import Actor, Order

log = logger(__name__)

TAKEN_BACK_IN_ONE_ROUND = 100


class Shop(Protocol):
    """Says which orders are a host's business."""

    async def of_shop(self, host: User, order_id: str) -> Order: ...
    async def find(self, order_id: str) -> Order: ...


class Settling(Protocol):
    """Takes orders back."""

    async def take_back(self, order_id: str, by: Actor, *, restock: bool) -> Order: ...
    async def parcels_past(self, now: datetime, limit: int) -> list[Order]: ...


class Payments(Protocol):
    """Gives money back."""

    async def take_back(self, order_id: str, take: Callable[[], Awaitable[object]]) -> None: ...


class Decisions(Protocol):
    """Finds for the buyer."""

    async def grant(self, order_id: str, decision: str) -> Order: ...


class ReturnedParcels:
    """The end of a return."""

    def __init__(
        self, payments: Payments, settling: Settling, decisions: Decisions, shop: Shop, clock: Clock
    ) -> None:
        self._payments = payments
        self._settling = settling
        self._decisions = decisions
        self._shop = shop
        self._clock = clock

    async def arrived(self, host: User, order_id: str, *, restock: bool) -> Order:
        """The merchant has it. Raises NotFound, Conflict (`step_not_allowed`)."""
        order = await self._shop.of_shop(host, order_id)
        await self._take_back(order.id, Actor.MERCHANT, restock=restock)
        return await self._shop.of_shop(host, order_id)

    async def pay_back(self, order_id: str, decision: str) -> Order:
        """An operator believes the buyer. Raises BadRequest, NotFound, Conflict (`step_not_allowed`)."""
        await self._payments.take_back(order_id, lambda: self._decisions.grant(order_id, decision))
        return await self._shop.find(order_id)

    async def sweep(self) -> None:
        """Parcels of which nobody says anything in time are there, and not sold again: nobody has seen them."""
        for order in await self._settling.parcels_past(self._clock.now(), TAKEN_BACK_IN_ONE_ROUND):
            try:
                await self._take_back(order.id, Actor.CLOCK, restock=False)
            except Exception:  # whatever is wrong with one must not keep the others from their turn
                log.exception("returned order not taken back, tried again", order=order.id)

    async def _take_back(self, order_id: str, by: Actor, *, restock: bool) -> None:
        await self._payments.take_back(order_id, lambda: self._settling.take_back(order_id, by, restock=restock))
