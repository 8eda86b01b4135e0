"""What people do with orders: place, look, cancel; and what time and money do to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol, TypeVar

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.errors import Conflict, DomainError, NotFound
from server.infra.announce import Word, user_channel
from server.infra.transactions import Session
from server.infra.turns import Turns
from server.orders.model import (
    ADDRESSABLE,
    PLACES,
    Delivery,
    Order,
    OrderState,
    Place,
    Request,
    Shipment,
    Source,
    SourceKind,
    Step,
    check_delivery,
    check_request,
    check_shipment,
    is_hopeless,
    is_payable,
    moved,
    next_state,
)
from server.orders.shape import order_shape

log = logger(__name__)

EXPIRED_IN_ONE_ROUND = 1_000
CHANGING = "the order is changing; please try again"
T = TypeVar("T")


class Store(Protocol):
    """What this service keeps."""

    async def get(self, order_id: str, session: Session | None = None) -> Order | None: ...
    async def of_buyer(self, buyer_id: str) -> list[Order]: ...
    async def of_merchant(self, merchant_id: str) -> list[Order]: ...
    async def holds_past(self, now: datetime, limit: int) -> list[Order]: ...
    async def pieces_of(self, sale_id: str, buyer_ids: Sequence[str], session: Session) -> dict[str, int]: ...
    async def among(self, order_ids: Sequence[str], state: OrderState, session: Session) -> list[Order]: ...
    async def move(
        self,
        order: Order,
        state: OrderState,
        now: datetime,
        session: Session,
        *,
        paid_at: datetime | None = None,
        shipment: Shipment | None = None,
    ) -> Order | None: ...
    async def set_delivery(self, order: Order, delivery: Delivery) -> Order | None: ...
    async def move_many(
        self, orders: Sequence[Order], begin: OrderState, end: OrderState, now: datetime, session: Session
    ) -> int: ...


class Stock(Protocol):
    """Where pieces come from and go back to."""

    async def per_buyer(self, source: Source, session: Session) -> int | None: ...
    async def shift(self, source: Source, begin: Place, end: Place, pieces: int, session: Session) -> bool: ...
    async def tell(self, source: Source) -> None: ...


class Gate(Protocol):
    """Gives out what there is, in order of arrival."""

    async def place(self, source: Source, request: Request) -> Order: ...


class Merchants(Protocol):
    """Says for whom a host sells."""

    async def merchant_of(self, host: User) -> str: ...


class Transactions(Protocol):
    """Several writes that all happen or none."""

    async def run(self, work: Callable[[Session], Awaitable[T]]) -> T: ...


class Voice(Protocol):
    """Tells a buyer."""

    async def tell_each(self, event: str, words: Sequence[Word]) -> None: ...


class Ends(Protocol):
    """Closes what was begun for orders that nobody is to pay any more."""

    async def orders_ended(self, order_ids: Sequence[str]) -> None: ...


class Orders:
    """Orders of all buyers. Each change of state and the move of stock that it means are one transaction."""

    def __init__(
        self,
        store: Store,
        stock: Stock,
        gate: Gate,
        merchants: Merchants,
        transactions: Transactions,
        turns: Turns,
        voice: Voice,
        clock: Clock,
    ) -> None:
        self._store = store
        self._stock = stock
        self._gate = gate
        self._merchants = merchants
        self._transactions = transactions
        self._turns = turns
        self._voice = voice
        self._clock = clock
        self._ends: Ends | None = None

    def tell_ends_to(self, ends: Ends) -> None:
        """Who hears of orders that were cancelled or ran out; a hint that may be lost."""
        self._ends = ends

    async def place_in_sale(
        self, buyer: User, sale_id: str, request_id: str, quantity: int, page: str | None = None
    ) -> Order:
        """Hold pieces of a sale for somebody; the same request again gets the same order.

        `page`: the connection that asks; the buyer's other pages hear of it as an event.

        Raises:
            BadRequest, NotFound, Conflict (`sold_out`, `limit_reached`, `sale_closed`), TooManyRequests, Unavailable
        """
        request = check_request(buyer.id, request_id, quantity, page)
        return await self._gate.place(Source(SourceKind.SALE, sale_id), request)

    async def buy(self, buyer: User, product_id: str, request_id: str, quantity: int) -> Order:
        """Hold pieces of a product at its normal price; the same request again gets the same order.

        Raises:
            BadRequest, NotFound, Conflict (`out_of_stock`), TooManyRequests, Unavailable
        """
        return await self._gate.place(
            Source(SourceKind.PRODUCT, product_id), check_request(buyer.id, request_id, quantity)
        )

    async def get(self, buyer: User, order_id: str) -> Order:
        """One's own order. Raises NotFound (also for another's)."""
        return _own(await self._store.get(order_id), buyer)

    async def find(self, order_id: str) -> Order:
        """Anybody's order. Raises NotFound."""
        return _known(await self._store.get(order_id))

    async def of_buyer(self, buyer: User) -> list[Order]:
        """One's own orders, newest first."""
        return await self._store.of_buyer(buyer.id)

    async def of_host(self, host: User) -> list[Order]:
        """Orders of the merchant whom a host sells for, newest first. Raises NotFound."""
        return await self._store.of_merchant(await self._merchants.merchant_of(host))

    async def payable(self, buyer: User, order_id: str) -> Order:
        """One's own order, if it can be paid now. Raises NotFound, Conflict (`step_not_allowed`)."""
        order = await self.get(buyer, order_id)
        if not is_payable(order, self._clock.now()):
            raise Conflict("this order cannot be paid any more", code="step_not_allowed")
        return order

    async def cancel(self, buyer: User, order_id: str) -> Order:
        """Give one's hold back. Raises NotFound, Conflict (`step_not_allowed`)."""

        async def work(session: Session) -> Order:
            order = _own(await self._store.get(order_id, session), buyer)
            return await self._step(order, Step.CANCEL, session)

        cancelled = await self._change(await self.get(buyer, order_id), work)
        await self._tell_ends([cancelled])
        return cancelled

    async def payment_arrived(self, order_id: str, paid_at: datetime) -> Order:
        """The money for an order is there, perhaps late, perhaps told before.

        A hold becomes a sale; an expired order gets pieces again if there are some; else the money goes back. What
        is paid or on its way back already stays as it is. Raises NotFound.
        """

        async def work(session: Session) -> Order:
            order = _known(await self._store.get(order_id, session))
            match order.state:
                case OrderState.HELD:
                    return await self._step(order, Step.PAY, session, paid_at=paid_at)
                case OrderState.EXPIRED:
                    return await self._step(order, Step.PAY_LATE, session, paid_at=paid_at)
                case OrderState.PAID_LATE:
                    return await self._retake(order, session)
                case OrderState.CANCELLED:
                    return await self._step(order, Step.REFUND, session, paid_at=paid_at)
                case _:
                    return order

        after = await self._change(_known(await self._store.get(order_id)), work)
        if after.state is OrderState.PAID_LATE:  # whoever dies here leaves it to the sweep of payments
            after = await self._change(after, work)
        return after

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
        order = _known(await self._store.get(order_id))
        if order.merchant_id != await self._merchants.merchant_of(host):
            raise NotFound("there is no such order")
        return order

    async def ship(self, host: User, order_id: str, shipment: Shipment) -> Order:
        """A paid order is on its way. Raises BadRequest, NotFound, Conflict (`step_not_allowed`, `no_address`)."""
        checked = check_shipment(shipment)

        async def work(session: Session) -> Order:
            order = _known(await self._store.get(order_id, session))
            next_state(order.state, Step.SHIP)
            if order.delivery is None:
                raise Conflict("the buyer has not said where it goes", code="no_address")
            return await self._step(order, Step.SHIP, session, shipment=checked)

        return await self._change(await self.of_shop(host, order_id), work)

    async def receive(self, buyer: User, order_id: str) -> Order:
        """The buyer has it. Raises NotFound, Conflict (`step_not_allowed`)."""

        async def work(session: Session) -> Order:
            return await self._step(_own(await self._store.get(order_id, session), buyer), Step.RECEIVE, session)

        return await self._change(await self.get(buyer, order_id), work)

    async def refund(self, order_id: str) -> Order:
        """Take a paid order back: its pieces are free again, its money is to go back. Raises NotFound, Conflict."""

        async def work(session: Session) -> Order:
            return await self._step(_known(await self._store.get(order_id, session)), Step.REFUND, session)

        return await self._change(_known(await self._store.get(order_id)), work)

    async def refunded(self, order_id: str) -> Order:
        """The money is back with the buyer; safe to say twice. Raises NotFound, Conflict (`step_not_allowed`)."""

        async def work(session: Session) -> Order:
            order = _known(await self._store.get(order_id, session))
            if order.state is OrderState.REFUNDED:
                return order
            return await self._step(order, Step.REFUND_DONE, session)

        return await self._change(_known(await self._store.get(order_id)), work)

    async def sweep(self) -> None:
        """Give back what is held past its time, one transaction per source. Several servers may do so at once."""
        by_source: dict[Source, list[Order]] = {}
        for order in await self._store.holds_past(self._clock.now(), EXPIRED_IN_ONE_ROUND):
            by_source.setdefault(order.source, []).append(order)
        for source, orders in by_source.items():
            try:
                await self._expire(source, [order.id for order in orders])
            except DomainError as error:  # must not keep the other sources from their turn
                log.exception("holds could not be given back, tried again", source=source.id, code=error.code)

    async def _expire(self, source: Source, order_ids: Sequence[str]) -> None:
        end = next_state(OrderState.HELD, Step.EXPIRE)

        async def work(session: Session) -> list[Order]:
            now = self._clock.now()
            orders = await self._store.among(order_ids, OrderState.HELD, session)
            count = await self._store.move_many(orders, OrderState.HELD, end, now, session) if orders else 0
            pieces = sum(order.quantity for order in orders)
            begin = PLACES[OrderState.HELD]
            if count != len(orders) or not await self._stock.shift(source, begin, PLACES[end], pieces, session):
                raise Conflict(CHANGING)
            return [moved(order, end, now) for order in orders]

        async with self._turns.take(source.id):
            expired = await self._transactions.run(work)
        if expired:
            log.info("holds given back", source=source.kind, orders=len(expired))
            await self._stock.tell(source)
            await self._tell_buyers(expired)
            await self._tell_ends(expired)

    async def _retake(self, order: Order, session: Session) -> Order:
        """Pieces for a payment that came late, as many as the buyer may have; else the money goes back."""
        if is_hopeless(order, self._clock.now()):
            return await self._step(order, Step.REFUND, session)
        limit = await self._stock.per_buyer(order.source, session)
        if limit is not None and order.sale_id is not None:
            has = await self._store.pieces_of(order.sale_id, [order.buyer_id], session)
            if has.get(order.buyer_id, 0) + order.quantity > limit:
                return await self._step(order, Step.REFUND, session)
        state = next_state(order.state, Step.RETAKE)
        if not await self._stock.shift(order.source, PLACES[order.state], PLACES[state], order.quantity, session):
            return await self._step(order, Step.REFUND, session)
        return await self._move(order, state, session)

    async def _step(
        self,
        order: Order,
        step: Step,
        session: Session,
        *,
        paid_at: datetime | None = None,
        shipment: Shipment | None = None,
    ) -> Order:
        """Change the state and move the stock as the tables say."""
        state = next_state(order.state, step)
        after = await self._move(order, state, session, paid_at, shipment)
        if not await self._stock.shift(order.source, PLACES[order.state], PLACES[state], order.quantity, session):
            raise Conflict(CHANGING)
        return after

    async def _move(
        self,
        order: Order,
        state: OrderState,
        session: Session,
        paid_at: datetime | None = None,
        shipment: Shipment | None = None,
    ) -> Order:
        after = await self._store.move(order, state, self._clock.now(), session, paid_at=paid_at, shipment=shipment)
        if after is None:
            raise Conflict(CHANGING)  # undoes the transaction
        return after

    async def _change(self, before: Order, work: Callable[[Session], Awaitable[Order]]) -> Order:
        async with self._turns.take(before.source.id):
            after = await self._transactions.run(work)
        if after.state is not before.state:
            log.info("order moved", order=after.id, state=after.state)
            await self._tell_buyers([after])
            await self._stock.tell(after.source)
        return after

    async def _tell_ends(self, orders: Sequence[Order]) -> None:
        if self._ends is not None:
            await self._ends.orders_ended([order.id for order in orders])

    async def _tell_buyers(self, orders: Iterable[Order]) -> None:
        words = [Word(user_channel(order.buyer_id), {"order": order_shape(order)}) for order in orders]
        await self._voice.tell_each("order", words)


def _known(order: Order | None) -> Order:
    if order is None:
        raise NotFound("there is no such order")
    return order


def _own(order: Order | None, buyer: User) -> Order:
    if order is None or order.buyer_id != buyer.id:
        raise NotFound("there is no such order")
    return order
