"""Sending an order back: the buyer asks, the merchant agrees or refuses, the parcel goes back; or it never comes.

An order goes back as a whole: its coupon and its total are the order's, and so is the one refund of its payment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.addresses.model import Contact, check_contact
from server.catalog.model import check_line
from server.errors import Conflict
from server.infra.transactions import Session
from server.orders.model import (
    NOTHING_MORE,
    Actor,
    Facts,
    Order,
    OrderState,
    Return,
    Shipment,
    Step,
    check_shipment,
)

MOST_ASKS = 3  # each stays in the order's history, which must not grow without end
MOST_AGREED = 6  # of one return: a merchant may name another address; the same
RETURN_DAYS = 7  # after receipt, as the law has it for what is bought from afar; what is fresh a merchant may refuse
ANSWER_DAYS = 3  # then the merchant has agreed
SENDING_DAYS = 7  # then the buyer keeps it
CHECKING_DAYS = 10  # then the money goes back
DECIDING_DAYS = 10  # then too: whoever has named a parcel is believed before who says nothing came
DISPUTES_LISTED = 100
REASON_LENGTH = range(1, 201)


class Moves(Protocol):
    """Moves orders."""

    async def find(self, order_id: str, session: Session | None = None) -> Order: ...
    async def find_own(self, buyer: User, order_id: str, session: Session | None = None) -> Order: ...
    async def step(self, order: Order, step: Step, by: Actor, session: Session, facts: Facts = ...) -> Order: ...
    async def take(self, order_id: str, step: Step, by: Actor, facts: Facts = ...) -> Order: ...
    async def change(self, before: Order, work: Callable[[Session], Awaitable[Order]]) -> Order: ...


class Store(Protocol):
    """What is disputed."""

    async def returns_past(self, state: OrderState, now: datetime, limit: int) -> list[Order]: ...


class Shop(Protocol):
    """Says which orders are a host's business."""

    async def of_shop(self, host: User, order_id: str) -> Order: ...


class Returns:
    """What buyer and merchant say about a return; the money is the business of payments."""

    def __init__(self, store: Store, moves: Moves, shop: Shop, clock: Clock) -> None:
        self._store = store
        self._moves = moves
        self._shop = shop
        self._clock = clock

    async def ask(self, buyer: User, order_id: str, reason: str) -> Order:
        """Want to send an order back.

        Raises:
            BadRequest, NotFound, Conflict (`step_not_allowed`, `too_late_to_return`, `asked_too_often`)
        """
        said = Return(check_line("reason", reason, REASON_LENGTH))
        order = await self._moves.find_own(buyer, order_id)
        if is_too_late(order, self._clock.now()):
            raise Conflict(f"an order may be sent back for {RETURN_DAYS} days", code="too_late_to_return")
        if times_in(order, OrderState.RETURN_ASKED) >= MOST_ASKS:
            raise Conflict(f"an order may be asked for {MOST_ASKS} times", code="asked_too_often")
        return await self._moves.take(order.id, Step.ASK_RETURN, Actor.BUYER, self._within(ANSWER_DAYS, said))

    async def withdraw(self, buyer: User, order_id: str) -> Order:
        """Keep it after all. Raises NotFound, Conflict (`step_not_allowed`)."""
        order = await self._moves.find_own(buyer, order_id)
        return await self._moves.take(order.id, Step.WITHDRAW, Actor.BUYER)

    async def agree(self, host: User, order_id: str, back_to: Contact) -> Order:
        """Let the buyer send it back to this address; again, while it is not sent: to another one.

        Raises:
            BadRequest, NotFound, Conflict (`step_not_allowed`, `asked_too_often`)
        """
        where = check_contact(back_to.name, back_to.phone, back_to.address)
        order = await self._shop.of_shop(host, order_id)
        if times_agreed(order) >= MOST_AGREED:
            raise Conflict(f"an address may be named {MOST_AGREED} times", code="asked_too_often")
        return await self._add(order, Step.AGREE, Actor.MERCHANT, self._within(SENDING_DAYS), back_to=where)

    async def refuse(self, host: User, order_id: str, answer: str) -> Order:
        """Say why not. Raises BadRequest, NotFound, Conflict (`step_not_allowed`)."""
        why = check_line("answer", answer, REASON_LENGTH)
        order = await self._shop.of_shop(host, order_id)
        return await self._add(order, Step.REFUSE, Actor.MERCHANT, NOTHING_MORE, answer=why)

    async def send_back(self, buyer: User, order_id: str, parcel: Shipment) -> Order:
        """It is on its way back. Raises BadRequest, NotFound, Conflict (`step_not_allowed`)."""
        checked = check_shipment(parcel)
        order = await self._moves.find_own(buyer, order_id)
        return await self._add(order, Step.SEND_BACK, Actor.BUYER, self._within(CHECKING_DAYS), parcel=checked)

    async def dispute(self, host: User, order_id: str, reason: str) -> Order:
        """Say that no parcel came, or something else: operators decide.

        Raises:
            BadRequest, NotFound, Conflict (`step_not_allowed`, `asked_too_often`)
        """
        why = check_line("reason", reason, REASON_LENGTH)
        order = await self._shop.of_shop(host, order_id)
        if times_in(order, OrderState.RETURN_DISPUTED) >= MOST_ASKS:
            raise Conflict(f"a parcel may be disputed {MOST_ASKS} times", code="asked_too_often")
        return await self._add(order, Step.DISPUTE, Actor.MERCHANT, self._within(DECIDING_DAYS), dispute=why)

    async def disputed(self) -> list[Order]:
        """What operators are to decide, what has waited longest first."""
        all_of_them = self._clock.now() + timedelta(days=DECIDING_DAYS)
        return await self._store.returns_past(OrderState.RETURN_DISPUTED, all_of_them, DISPUTES_LISTED)

    async def reject(self, order_id: str, decision: str) -> Order:
        """An operator finds for the merchant. Raises BadRequest, NotFound, Conflict (`step_not_allowed`)."""
        return await self._decide(order_id, Step.REJECT, decision)

    async def grant(self, order_id: str, decision: str) -> Order:
        """An operator finds for the buyer: his money is to go back. Raises the same."""
        return await self._decide(order_id, Step.GRANT, decision)

    async def _decide(self, order_id: str, step: Step, decision: str) -> Order:
        said = check_line("decision", decision, REASON_LENGTH)
        order = await self._moves.find(order_id)
        return await self._add(order, step, Actor.OPERATOR, NOTHING_MORE, decision=said)

    async def _add(self, before: Order, step: Step, by: Actor, facts: Facts, **said: object) -> Order:
        """Take a step that adds to what was said of the return."""

        async def work(session: Session) -> Order:
            order = await self._moves.find(before.id, session)
            sent_back = replace(order.sent_back or Return(""), **said)  # type: ignore[arg-type]
            return await self._moves.step(order, step, by, session, replace(facts, sent_back=sent_back))

        return await self._moves.change(before, work)

    def _within(self, days: int, sent_back: Return | None = None) -> Facts:
        return Facts(sent_back=sent_back, return_until=self._clock.now() + timedelta(days=days))


def is_too_late(order: Order, now: datetime) -> bool:
    """Whether an order was received too long ago to be sent back."""
    received = [change.at for change in order.history if change.state is OrderState.RECEIVED]
    return bool(received) and now - received[0] > timedelta(days=RETURN_DAYS)


def times_in(order: Order, state: OrderState) -> int:
    """How often an order has come into a state."""
    return sum(change.state is state for change in order.history)


def times_agreed(order: Order) -> int:
    """How often it was agreed to the return that was asked for last."""
    states = [change.state for change in order.history]
    asked = max((at for at, state in enumerate(states) if state is OrderState.RETURN_ASKED), default=0)
    return states[asked:].count(OrderState.RETURN_AGREED)
