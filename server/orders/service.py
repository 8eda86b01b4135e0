"""What people do with orders: place, look, cancel; and what time and money do to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.errors import Conflict, DomainError, NotFound
from server.infra.announce import Word, user_channel
from server.infra.transactions import Session
from server.infra.turns import Turns
from server.orders.admission import Request, Wanted, check_wanted
from server.orders.model import (
    ADDRESSABLE,
    ORDERS_LISTED,
    PLACES,
    Delivery,
    Facts,
    Gone,
    Order,
    OrderState,
    Place,
    Shipment,
    Source,
    Sources,
    Step,
    check_delivery,
    check_shipment,
    is_hopeless,
    is_payable,
    moved,
    next_state,
    together,
)
from server.orders.shape import order_shape

log = logger(__name__)

MOVED_IN_ONE_ROUND = 1_000
CHANGING = "the order is changing; please try again"
NOTHING_MORE = Facts()
T = TypeVar("T")


class Store(Protocol):
    """What this service keeps."""

    async def get(self, order_id: str, session: Session | None = None) -> Order | None: ...
    async def of_buyer(
        self, buyer_id: str, states: Collection[OrderState], before: str | None, limit: int
    ) -> list[Order]: ...
    async def of_merchant(
        self, merchant_id: str, states: Collection[OrderState], before: str | None, limit: int
    ) -> list[Order]: ...
    async def holds_past(self, now: datetime, limit: int) -> list[Order]: ...
    async def parcels_past(self, now: datetime, limit: int) -> list[Order]: ...
    async def pieces_of(self, sale_id: str, buyer_ids: Sequence[str], session: Session) -> dict[str, int]: ...
    async def among(self, order_ids: Sequence[str], state: OrderState, session: Session) -> list[Order]: ...
    async def move(
        self, order: Order, state: OrderState, now: datetime, facts: Facts, session: Session
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


class Coupons(Protocol):
    """What takes something off."""

    async def use(self, in_orders: Mapping[str, str], session: Session) -> bool: ...
    async def give_back(self, order_ids: Sequence[str], session: Session) -> None: ...


class Gate(Protocol):
    """Gives out what there is, in order of arrival."""

    async def place(self, request: Request) -> Order: ...


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
    """Orders of all buyers.

    Each change of state and the moves of stock and coupon that it means are one transaction: a coupon is in an order
    exactly as long as its pieces are.
    """

    def __init__(
        self,
        store: Store,
        stock: Stock,
        coupons: Coupons,
        gate: Gate,
        merchants: Merchants,
        transactions: Transactions,
        turns: Turns,
        voice: Voice,
        clock: Clock,
        *,
        receive_after_days: float,
    ) -> None:
        self._store = store
        self._stock = stock
        self._coupons = coupons
        self._gate = gate
        self._merchants = merchants
        self._transactions = transactions
        self._turns = turns
        self._voice = voice
        self._clock = clock
        self._receive_after = timedelta(days=receive_after_days)
        self._ends: Ends | None = None

    def tell_ends_to(self, ends: Ends) -> None:
        """Who hears of orders that were cancelled or ran out; a hint that may be lost."""
        self._ends = ends

    async def place(self, buyer: User, wanted: Wanted, page: str | None = None) -> Order:
        """Hold what somebody wants, all of it or nothing; the same request again gets the same order.

        `page`: the connection that asks; the buyer's other pages hear of it as an event.

        Raises:
            BadRequest (also `several_merchants`), NotFound (also `unknown_coupon`, `unknown_address`),
            Conflict (`sold_out`, `out_of_stock`, `limit_reached`, `sale_closed`, `coupon_not_usable`),
            TooManyRequests, Unavailable
        """
        return await self._gate.place(check_wanted(buyer.id, wanted, page))

    async def get(self, buyer: User, order_id: str) -> Order:
        """One's own order. Raises NotFound (also for another's)."""
        return _own(await self._store.get(order_id), buyer)

    async def find(self, order_id: str) -> Order:
        """Anybody's order. Raises NotFound."""
        return _known(await self._store.get(order_id))

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
        facts = Facts(paid_at=paid_at)

        async def work(session: Session) -> Order:
            order = _known(await self._store.get(order_id, session))
            match order.state:
                case OrderState.HELD:
                    return await self._step(order, Step.PAY, session, facts)
                case OrderState.EXPIRED:
                    return await self._step(order, Step.PAY_LATE, session, facts)
                case OrderState.CANCELLED:
                    return await self._step(order, Step.REFUND, session, facts)
                case _:
                    return order

        after = await self._change(_known(await self._store.get(order_id)), work)
        if after.state is OrderState.PAID_LATE:  # whoever dies here leaves it to the sweep of payments
            after = await self._settle(after)
        return after

    async def _settle(self, late: Order) -> Order:
        """Pieces and coupon for a payment that came late, all that it needs; else the money goes back."""

        def work(step: Step) -> Callable[[Session], Awaitable[Order]]:
            async def do(session: Session) -> Order:
                order = _known(await self._store.get(late.id, session))
                if order.state is not OrderState.PAID_LATE:
                    return order
                if step is Step.RETAKE and not await self._may_retake(order, session):
                    return await self._step(order, Step.REFUND, session)
                return await self._step(order, step, session)

            return do

        try:
            return await self._change(late, work(Step.RETAKE))
        except Gone:  # nothing of it is taken: the transaction is undone
            return await self._change(late, work(Step.REFUND))

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
            facts = Facts(shipment=checked, receive_at=self._clock.now() + self._receive_after)
            return await self._step(order, Step.SHIP, session, facts)

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
        """Give back what is held past its time; end the waiting for receipts. Several servers may do so at once."""
        now = self._clock.now()
        await self._move_all(await self._store.holds_past(now, MOVED_IN_ONE_ROUND), Step.EXPIRE)
        await self._move_all(await self._store.parcels_past(now, MOVED_IN_ONE_ROUND), Step.RECEIVE)

    async def _move_all(self, orders: Iterable[Order], step: Step) -> None:
        """One transaction for those of the same sources."""
        by_sources: dict[Sources, list[Order]] = {}
        for order in orders:
            by_sources.setdefault(order.sources, []).append(order)
        for sources, same in by_sources.items():
            try:
                await self._move_some(sources, same, step)
            except DomainError as error:  # must not keep the others from their turn
                log.exception("orders did not move, tried again", step=step, orders=len(same), code=error.code)

    async def _move_some(self, sources: Sources, orders: Sequence[Order], step: Step) -> None:
        begin = orders[0].state
        end = next_state(begin, step)
        order_ids = [order.id for order in orders]

        async def work(session: Session) -> list[Order]:
            now = self._clock.now()
            still = await self._store.among(order_ids, begin, session)
            if still and await self._store.move_many(still, begin, end, now, session) != len(still):
                raise Conflict(CHANGING)
            await self._follow(still, begin, end, session)
            return [moved(order, end, now) for order in still]

        async with self._turns.take(*(source.id for source in sources)):
            after = await self._transactions.run(work)
        if after:
            log.info("orders moved", state=end, orders=len(after))
            await self._tell_buyers(after)
            if PLACES[begin] is not PLACES[end]:
                await self._tell_stock(sources)
            if end is OrderState.EXPIRED:
                await self._tell_ends(after)

    async def _step(self, order: Order, step: Step, session: Session, facts: Facts = NOTHING_MORE) -> Order:
        """Change the state, and move stock and coupon as the tables say. Raises Gone: undo the transaction."""
        state = next_state(order.state, step)
        after = await self._store.move(order, state, self._clock.now(), facts, session)
        if after is None:
            raise Conflict(CHANGING)
        await self._follow([order], order.state, state, session)
        return after

    async def _follow(self, orders: Sequence[Order], begin: OrderState, end: OrderState, session: Session) -> None:
        """The pieces and coupons of orders follow their state. Raises Gone: undo the transaction."""
        if PLACES[begin] is PLACES[end]:
            return
        for source, pieces in together(orders).items():
            if not await self._stock.shift(source, PLACES[begin], PLACES[end], pieces, session):
                raise Gone(CHANGING)
        coupons = {order.coupon_id: order.id for order in orders if order.coupon_id is not None}
        if not coupons:
            return
        if PLACES[end] is Place.FREE:
            await self._coupons.give_back(list(coupons.values()), session)
        elif PLACES[begin] is Place.FREE and not await self._coupons.use(coupons, session):
            raise Gone(CHANGING)

    async def _change(self, before: Order, work: Callable[[Session], Awaitable[Order]]) -> Order:
        async with self._turns.take(*(source.id for source in before.sources)):
            after = await self._transactions.run(work)
        if after.state is not before.state:
            log.info("order moved", order=after.id, state=after.state)
            await self._tell_buyers([after])
            await self._tell_stock(after.sources)
        return after

    async def _tell_ends(self, orders: Sequence[Order]) -> None:
        if self._ends is None:
            return
        try:
            await self._ends.orders_ended([order.id for order in orders])
        except Exception as error:  # noqa: BLE001 -- what was written stays true; the sweep of payments comes by anyway
            log.warning("ended orders not told of", orders=len(orders), error=type(error).__name__)

    async def _tell_stock(self, sources: Sources) -> None:
        for source in sources:
            await self._stock.tell(source)

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
