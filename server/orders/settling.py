"""What money does to orders: it comes in time, late or in vain, and it goes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol

from config.clock import Clock
from server.infra.transactions import Session
from server.orders.model import (
    MONEY_IS_BACK,
    Actor,
    Facts,
    Gone,
    Order,
    OrderState,
    Source,
    Step,
    is_hopeless,
)


class Store(Protocol):
    """What buyers have."""

    async def pieces_of(self, sale_id: str, buyer_ids: Sequence[str], session: Session) -> dict[str, int]: ...
    async def returns_past(self, state: OrderState, now: datetime, limit: int) -> list[Order]: ...


class Stock(Protocol):
    """Where pieces come from."""

    async def per_buyer(self, source: Source, session: Session) -> int | None: ...


class Moves(Protocol):
    """Moves orders."""

    async def find(self, order_id: str, session: Session | None = None) -> Order: ...
    async def step(self, order: Order, step: Step, by: Actor, session: Session, facts: Facts = ...) -> Order: ...
    async def take(self, order_id: str, step: Step, by: Actor, facts: Facts = ...) -> Order: ...
    async def change(self, before: Order, work: Callable[[Session], Awaitable[Order]]) -> Order: ...


class Settling:
    """Orders follow their money. Payments speak to this; people to `Orders`."""

    def __init__(self, store: Store, stock: Stock, moves: Moves, clock: Clock) -> None:
        self._store = store
        self._stock = stock
        self._moves = moves
        self._clock = clock

    async def payment_arrived(self, order_id: str, paid_at: datetime) -> Order:
        """The money for an order is there, perhaps late, perhaps told before.

        A hold becomes a sale; an expired order gets pieces again if there are some; else the money goes back. What
        is paid or on its way back already stays as it is. Raises NotFound.
        """
        facts = Facts(paid_at=paid_at)
        steps = {
            OrderState.HELD: Step.PAY,
            OrderState.EXPIRED: Step.PAY_LATE,
            OrderState.CANCELLED: Step.REFUND,
        }

        async def work(session: Session) -> Order:
            order = await self._moves.find(order_id, session)
            step = steps.get(order.state)
            return order if step is None else await self._moves.step(order, step, Actor.PROVIDER, session, facts)

        after = await self._moves.change(await self._moves.find(order_id), work)
        if after.state is OrderState.PAID_LATE:  # whoever dies here leaves it to the sweep of payments
            after = await self._settle(after)
        return after

    async def refund(self, order_id: str, by: Actor) -> Order:
        """Take a paid order back: its pieces are free again, its money is to go back. Raises NotFound, Conflict."""
        return await self._moves.take(order_id, Step.REFUND, by)

    async def take_back(self, order_id: str, by: Actor, *, restock: bool) -> Order:
        """A returned parcel is there; `restock`: its pieces are sold again. Raises NotFound, Conflict."""
        return await self._moves.take(order_id, Step.RESTOCK if restock else Step.WRITE_OFF, by)

    async def parcels_past(self, now: datetime, limit: int) -> list[Order]:
        """Orders that were sent back, of which their merchants, or operators, have said nothing in time."""
        sent = await self._store.returns_past(OrderState.RETURN_SENT, now, limit)
        return sent + await self._store.returns_past(OrderState.RETURN_DISPUTED, now, limit)

    async def refunded(self, order_id: str) -> Order:
        """The money is back with the buyer; safe to say twice. Raises NotFound, Conflict (`step_not_allowed`)."""

        async def work(session: Session) -> Order:
            order = await self._moves.find(order_id, session)
            if order.state in MONEY_IS_BACK:
                return order
            return await self._moves.step(order, Step.REFUND_DONE, Actor.PROVIDER, session)

        return await self._moves.change(await self._moves.find(order_id), work)

    async def _settle(self, late: Order) -> Order:
        """Pieces and coupon for a payment that came late, all that it needs; else the money goes back."""

        def work(step: Step) -> Callable[[Session], Awaitable[Order]]:
            async def do(session: Session) -> Order:
                order = await self._moves.find(late.id, session)
                if order.state is not OrderState.PAID_LATE:
                    return order
                may = step is not Step.RETAKE or await self._may_retake(order, session)
                return await self._moves.step(order, step if may else Step.REFUND, Actor.PROVIDER, session)

            return do

        try:
            return await self._moves.change(late, work(Step.RETAKE))
        except Gone:  # nothing of it is taken: the transaction is undone
            return await self._moves.change(late, work(Step.REFUND))

    async def _may_retake(self, order: Order, session: Session) -> bool:
        if is_hopeless(order, self._clock.now()):
            return False
        for line in order.lines:
            limit = await self._stock.per_buyer(line.source, session)
            if limit is None or line.sale_id is None:
                continue
            has = await self._store.pieces_of(line.sale_id, [order.buyer_id], session)
            if has.get(order.buyer_id, 0) + line.quantity > limit:
                return False
        return True
