"""What people do with orders: place, look, cancel, say where they go, send, receive."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import timedelta
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.errors import Conflict, NotFound
from server.infra.transactions import Session
from server.orders.admission import Request, Wanted, check_wanted
from server.orders.model import (
    ADDRESSABLE,
    ORDERS_LISTED,
    Actor,
    Delivery,
    Facts,
    Order,
    OrderState,
    Shipment,
    Step,
    check_delivery,
    check_shipment,
    is_payable,
    next_state,
)
from server.orders.moving import CHANGING

log = logger(__name__)


class Store(Protocol):
    """What this service keeps."""

    async def of_buyer(
        self, buyer_id: str, states: Collection[OrderState], before: str | None, limit: int
    ) -> list[Order]: ...
    async def of_merchant(
        self, merchant_id: str, states: Collection[OrderState], before: str | None, limit: int
    ) -> list[Order]: ...
    async def set_delivery(self, order: Order, delivery: Delivery) -> Order | None: ...


class Moves(Protocol):
    """Moves orders."""

    async def find(self, order_id: str, session: Session | None = None) -> Order: ...
    async def find_own(self, buyer: User, order_id: str, session: Session | None = None) -> Order: ...
    async def step(self, order: Order, step: Step, by: Actor, session: Session, facts: Facts = ...) -> Order: ...
    async def take(self, order_id: str, step: Step, by: Actor, facts: Facts = ...) -> Order: ...
    async def change(self, before: Order, work: Callable[[Session], Awaitable[Order]]) -> Order: ...


class Gate(Protocol):
    """Gives out what there is, in order of arrival."""

    async def place(self, request: Request) -> Order: ...


class Paces(Protocol):
    """Says who is too fast."""

    def check(self, key: str) -> None: ...


class Merchants(Protocol):
    """Says for whom a host sells."""

    async def merchant_of(self, host: User) -> str: ...


class Listener(Protocol):
    """Closes what was begun for orders that nobody is to pay any more."""

    async def orders_ended(self, order_ids: Sequence[str]) -> None: ...


class Ends:
    """Tells of orders that were cancelled or ran out; a hint that may be lost."""

    def __init__(self) -> None:
        self._listener: Listener | None = None

    def tell_to(self, listener: Listener) -> None:
        """Who hears it; he is built later."""
        self._listener = listener

    async def tell(self, orders: Sequence[Order]) -> None:
        """These are over."""
        if self._listener is None or not orders:
            return
        try:
            await self._listener.orders_ended([order.id for order in orders])
        except Exception as error:  # noqa: BLE001 -- what was written stays true; the sweep of payments comes by anyway
            log.warning("ended orders not told of", orders=len(orders), error=type(error).__name__)


class Orders:
    """Orders of all buyers, as buyers and merchants see and change them."""

    def __init__(
        self,
        store: Store,
        moves: Moves,
        gate: Gate,
        paces: Paces,
        merchants: Merchants,
        ends: Ends,
        clock: Clock,
        *,
        receive_after_days: float,
    ) -> None:
        self._store = store
        self._moves = moves
        self._gate = gate
        self._paces = paces
        self._merchants = merchants
        self._ends = ends
        self._clock = clock
        self._receive_after = timedelta(days=receive_after_days)

    async def place(self, buyer: User, wanted: Wanted, page: str | None = None) -> Order:
        """Hold what somebody wants, all of it or nothing; the same request again gets the same order.

        `page`: the connection that asks; the buyer's other pages hear of it as an event.

        Raises:
            BadRequest (also `several_merchants`), NotFound (also `unknown_coupon`, `unknown_address`),
            Conflict (`sold_out`, `out_of_stock`, `limit_reached`, `sale_closed`, `sale_not_begun`,
            `no_longer_sold`, `coupon_not_usable`),
            NotAllowed (`banned`), TooManyRequests, Unavailable
        """
        self._paces.check(buyer.id)
        return await self._gate.place(check_wanted(buyer.id, wanted, page))

    async def get(self, buyer: User, order_id: str) -> Order:
        """One's own order. Raises NotFound (also for another's)."""
        return await self._moves.find_own(buyer, order_id)

    async def find(self, order_id: str) -> Order:
        """Anybody's order. Raises NotFound."""
        return await self._moves.find(order_id)

    async def of_buyer(
        self, buyer: User, states: Collection[OrderState] = (), before: str | None = None
    ) -> list[Order]:
        """One's own orders in some states or in any, newest first; `before`: the last one that is known already."""
        return await self._store.of_buyer(buyer.id, states, before, ORDERS_LISTED)

    async def of_host(
        self, host: User, states: Collection[OrderState] = (), before: str | None = None
    ) -> list[Order]:
        """The same of the merchant whom a host sells for. Raises NotFound."""
        merchant_id = await self._merchants.merchant_of(host)
        return await self._store.of_merchant(merchant_id, states, before, ORDERS_LISTED)

    async def payable(self, buyer: User, order_id: str) -> Order:
        """One's own order, if it can be paid now. Raises NotFound, Conflict (`step_not_allowed`)."""
        order = await self.get(buyer, order_id)
        if not is_payable(order, self._clock.now()):
            raise Conflict("this order cannot be paid any more", code="step_not_allowed")
        return order

    async def cancel(self, buyer: User, order_id: str) -> Order:
        """Give one's hold back. Raises NotFound, Conflict (`step_not_allowed`)."""
        order = await self.get(buyer, order_id)
        cancelled = await self._moves.take(order.id, Step.CANCEL, Actor.BUYER)
        await self._ends.tell([cancelled])
        return cancelled

    async def deliver_to(self, buyer: User, order_id: str, delivery: Delivery) -> Order:
        """Say where one's order goes. Raises BadRequest, NotFound, Conflict (`step_not_allowed`)."""
        checked = check_delivery(delivery)
        order = await self.get(buyer, order_id)
        if order.state not in ADDRESSABLE:
            raise Conflict(f"an order that is {order.state} takes no address", code="step_not_allowed")
        after = await self._store.set_delivery(order, checked)
        if after is None:
            raise Conflict(CHANGING)
        return after

    async def of_shop(self, host: User, order_id: str) -> Order:
        """One order of the merchant whom a host sells for. Raises NotFound (also for another's)."""
        order = await self.find(order_id)
        if order.merchant_id != await self._merchants.merchant_of(host):
            raise NotFound("there is no such order")
        return order

    async def ship(self, host: User, order_id: str, shipment: Shipment) -> Order:
        """A paid order is on its way. Raises BadRequest, NotFound, Conflict (`step_not_allowed`, `no_address`)."""
        checked = check_shipment(shipment)

        async def work(session: Session) -> Order:
            order = await self._moves.find(order_id, session)
            next_state(order.state, Step.SHIP)
            if order.delivery is None:
                raise Conflict("the buyer has not said where it goes", code="no_address")
            facts = Facts(shipment=checked, receive_at=self._clock.now() + self._receive_after)
            return await self._moves.step(order, Step.SHIP, Actor.MERCHANT, session, facts)

        return await self._moves.change(await self.of_shop(host, order_id), work)

    async def receive(self, buyer: User, order_id: str) -> Order:
        """The buyer has it. Raises NotFound, Conflict (`step_not_allowed`)."""
        order = await self.get(buyer, order_id)
        return await self._moves.take(order.id, Step.RECEIVE, Actor.BUYER)
