"""A parcel that came back: the merchant says whether it is sold again, and the money goes back either way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.errors import DomainError
from server.orders.model import Actor, Order

log = logger(__name__)

TAKEN_BACK_IN_ONE_ROUND = 100


class Shop(Protocol):
    """Says which orders are a host's business."""

    async def of_shop(self, host: User, order_id: str) -> Order: ...


class Settling(Protocol):
    """Takes orders back."""

    async def take_back(self, order_id: str, by: Actor, *, restock: bool) -> Order: ...
    async def parcels_past(self, now: datetime, limit: int) -> list[Order]: ...


class Payments(Protocol):
    """Gives money back."""

    async def take_back(self, order_id: str, take: Callable[[], Awaitable[object]]) -> None: ...


class ReturnedParcels:
    """The end of a return."""

    def __init__(self, payments: Payments, settling: Settling, shop: Shop, clock: Clock) -> None:
        self._payments = payments
        self._settling = settling
        self._shop = shop
        self._clock = clock

    async def arrived(self, host: User, order_id: str, *, restock: bool) -> Order:
        """The merchant has it. Raises NotFound, Conflict (`step_not_allowed`)."""
        order = await self._shop.of_shop(host, order_id)
        await self._take_back(order.id, Actor.MERCHANT, restock=restock)
        return await self._shop.of_shop(host, order_id)

    async def sweep(self) -> None:
        """Parcels of which the merchant says nothing are there, and not sold again: nobody has seen them."""
        for order in await self._settling.parcels_past(self._clock.now(), TAKEN_BACK_IN_ONE_ROUND):
            try:
                await self._take_back(order.id, Actor.CLOCK, restock=False)
            except DomainError as error:  # must not keep the others from their turn
                log.warning("returned order not taken back, tried again", order=order.id, code=error.code)

    async def _take_back(self, order_id: str, by: Actor, *, restock: bool) -> None:
        await self._payments.take_back(order_id, lambda: self._settling.take_back(order_id, by, restock=restock))
