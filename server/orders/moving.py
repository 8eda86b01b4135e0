"""How an order moves: its state, its pieces and its coupon in one transaction, and who is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.errors import Conflict, NotFound
from server.infra.announce import Word, user_channel
from server.infra.transactions import Session
from server.infra.turns import Turns
from server.orders.model import (
    NOTHING_MORE,
    PLACES,
    Actor,
    Change,
    Facts,
    Gone,
    Order,
    OrderState,
    Place,
    Source,
    Sources,
    Step,
    moved,
    next_state,
    together,
)
from server.orders.shape import order_shape

log = logger(__name__)

CHANGING = "the order is changing; please try again"
T = TypeVar("T")


class Store(Protocol):
    """Where orders are kept."""

    async def get(self, order_id: str, session: Session | None = None) -> Order | None: ...
    async def among(self, order_ids: Sequence[str], state: OrderState, session: Session) -> list[Order]: ...
    async def move(self, order: Order, change: Change, facts: Facts, session: Session) -> Order | None: ...
    async def move_many(self, orders: Sequence[Order], change: Change, facts: Facts, session: Session) -> int: ...


class Stock(Protocol):
    """Where pieces come from and go back to."""

    async def shift(self, source: Source, begin: Place, end: Place, pieces: int, session: Session) -> bool: ...
    async def tell(self, source: Source) -> None: ...


class Coupons(Protocol):
    """What takes something off."""

    async def use(self, in_orders: Mapping[str, str], session: Session) -> bool: ...
    async def give_back(self, order_ids: Sequence[str], session: Session) -> None: ...


class Transactions(Protocol):
    """Several writes that all happen or none."""

    async def run(self, work: Callable[[Session], Awaitable[T]]) -> T: ...


class Voice(Protocol):
    """Tells a buyer."""

    async def tell_each(self, event: str, words: Sequence[Word]) -> None: ...


class Moves:
    """Changes orders. A coupon is in an order exactly as long as its pieces are."""

    def __init__(
        self,
        store: Store,
        stock: Stock,
        coupons: Coupons,
        transactions: Transactions,
        turns: Turns,
        voice: Voice,
        clock: Clock,
    ) -> None:
        self._store = store
        self._stock = stock
        self._coupons = coupons
        self._transactions = transactions
        self._turns = turns
        self._voice = voice
        self._clock = clock

    async def find(self, order_id: str, session: Session | None = None) -> Order:
        """Anybody's order. Raises NotFound."""
        order = await self._store.get(order_id, session)
        if order is None:
            raise NotFound("there is no such order")
        return order

    async def find_own(self, buyer: User, order_id: str, session: Session | None = None) -> Order:
        """One's own order. Raises NotFound (also for another's)."""
        order = await self.find(order_id, session)
        if order.buyer_id != buyer.id:
            raise NotFound("there is no such order")
        return order

    async def take(self, order_id: str, step: Step, by: Actor, facts: Facts = NOTHING_MORE) -> Order:
        """Let an order take a step, and tell of it. Raises NotFound, Conflict (`step_not_allowed`)."""

        async def work(session: Session) -> Order:
            return await self.step(await self.find(order_id, session), step, by, session, facts)

        return await self.change(await self.find(order_id), work)

    async def step(self, order: Order, step: Step, by: Actor, session: Session, facts: Facts = NOTHING_MORE) -> Order:
        """Change the state, and move stock and coupon as the tables say.

        Raises Conflict (`step_not_allowed`, or somebody else was first), of which Gone: undo the transaction.
        """
        change = Change(next_state(order.state, step), self._clock.now(), by)
        after = await self._store.move(order, change, facts, session)
        if after is None:
            raise Conflict(CHANGING)
        await self._follow([order], order.state, change.state, session)
        return after

    async def change(self, before: Order, work: Callable[[Session], Awaitable[Order]]) -> Order:
        """Do `work` in the sources' turn and in one transaction; then tell of what it changed."""
        async with self._turns.take(*(source.id for source in before.sources)):
            after = await self._transactions.run(work)
        if len(after.history) != len(before.history):  # also a step that leads to the same state
            log.info("order moved", order=after.id, state=after.state)
            await self._tell([after], before.state)
        return after

    async def take_all(
        self, sources: Sources, orders: Sequence[Order], step: Step, by: Actor, facts: Facts
    ) -> list[Order]:
        """The same for those of some orders, of one state and of the same sources, that took no step since.

        Raises Conflict as `step` does; then none of them has moved.
        """
        begin = orders[0].state
        end = next_state(begin, step)
        steps = {order.id: len(order.history) for order in orders}

        async def work(session: Session) -> list[Order]:
            change = Change(end, self._clock.now(), by)
            now = await self._store.among(list(steps), begin, session)
            still = [order for order in now if len(order.history) == steps[order.id]]
            if still and await self._store.move_many(still, change, facts, session) != len(still):
                raise Conflict(CHANGING)
            await self._follow(still, begin, end, session)
            return [moved(order, change, facts) for order in still]

        async with self._turns.take(*(source.id for source in sources)):
            after = await self._transactions.run(work)
        if after:
            log.info("orders moved", state=end, orders=len(after))
            await self._tell(after, begin)
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

    async def _tell(self, orders: Sequence[Order], begin: OrderState) -> None:
        words = [Word(user_channel(order.buyer_id), {"order": order_shape(order)}) for order in orders]
        await self._voice.tell_each("order", words)
        if PLACES[begin] is not PLACES[orders[0].state]:
            for source in orders[0].sources:
                await self._stock.tell(source)
