"""Placing orders: requests for the same sources are taken in order of arrival, each group by one transaction."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Protocol, TypeVar

from config.clock import Clock
from config.tasks import Tasks
from server.addresses.model import AddressBook
from server.coupons.model import Coupon
from server.errors import Conflict, TooManyRequests, Unavailable
from server.ids import new_id
from server.infra.announce import Word, user_channel
from server.infra.transactions import Session
from server.infra.turns import Turns
from server.orders.admission import MOST_LINES, NUMBER_BITS, Admission, Fresh, Known, Offer, Request, admit
from server.orders.model import Order, RequestTaken, Source, SourceKind, Sources
from server.orders.shape import order_shape

GROUP_SIZE = 1_000  # half of it is a seventh slower: what a turn costs besides its orders is a fifth of it then
LINE_LIMIT = 5_000  # who comes then is told to come again, rather than to wait for what will be gone
ANSWER_SECONDS = 12.0
NUMBER_BYTES = NUMBER_BITS // 8 + 1
NUMBER_MASK = (1 << NUMBER_BITS) - 1
SOURCES_AT_ONCE = 2 * MOST_LINES  # of the baskets in one group: each is read and written by itself
BASKETS: Sources = ()  # whoever wants several sources stands in one line, however many sets of them there are
RACE_TRIES = 3
TOO_LONG = "this takes too long; please try again"
CHANGING = "the stock is changing; please try again"
T = TypeVar("T")


class Store(Protocol):
    """Where orders are kept."""

    async def by_requests(
        self, requests: Sequence[Request], session: Session | None = None
    ) -> dict[tuple[str, str], Order]: ...
    async def pieces_of(self, sale_id: str, buyer_ids: Sequence[str], session: Session) -> dict[str, int]: ...
    async def add_many(self, orders: Sequence[Order], session: Session) -> None: ...


class Coupons(Protocol):
    """What takes something off."""

    async def of_ids(self, coupon_ids: Sequence[str], session: Session) -> dict[str, Coupon]: ...
    async def use(self, in_orders: Mapping[str, str], session: Session) -> bool: ...


class Books(Protocol):
    """Where buyers want their parcels."""

    async def of_owners(self, owner_ids: Iterable[str]) -> dict[str, AddressBook]: ...


class Bans(Protocol):
    """Who must not buy."""

    async def bans_on(self, user_ids: Sequence[str], now: datetime) -> Mapping[str, Collection[str]]: ...


class Stock(Protocol):
    """Where pieces come from."""

    async def enter(self, source: Source, now: datetime, session: Session) -> Offer | None: ...
    async def hold(self, source: Source, pieces: int, session: Session) -> bool: ...
    async def tell(self, source: Source) -> None: ...


class Voice(Protocol):
    """Tells the buyers' other pages."""

    async def tell_each(self, event: str, words: Sequence[Word]) -> None: ...


class SharedTurns(Protocol):
    """Lets servers write the same sources one after another."""

    def take(self, *keys: str) -> AbstractAsyncContextManager[None]: ...


class Transactions(Protocol):
    """Several writes that all happen or none."""

    async def run(self, work: Callable[[Session], Awaitable[T]]) -> T: ...


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known before the turn: from where a buyer is banned, where he wants his parcels, an order's id."""

    banned: Collection[str]
    book: AddressBook | None
    fresh: Fresh


@dataclass(slots=True, eq=False)
class Ticket:
    """Somebody who waits for an answer."""

    request: Request
    answer: asyncio.Future[Order]
    came_at: float
    standing: Standing | None = None  # not looked up yet

    @property
    def page(self) -> str | None:
        """The connection that asks."""
        return self.request.page

    @property
    def request_id(self) -> str:
        """By which it knows what it asked for."""
        return self.request.request_id


class Placing:
    """The gate in front of all stock.

    Whoever comes while a group is being written is in the next one, so groups grow with the load by themselves. The
    one write that decides is the conditional move of the group's pieces; the orders are in the same transaction, so
    a process that is killed at any step leaves both or neither. Several servers are kept apart by MongoDB alone: a
    limit per buyer is read in the snapshot of a transaction that also writes the sale, and two of those collide.
    What does not hang on the stock is looked up while another server has the turn: who is banned, which request has
    its order already. One that got it meanwhile meets the unique index, and its group is read and decided anew.
    Those who want several sources stand in one line together, so that they take every second turn of a hot sale at
    most; a group of them takes all that it wants in the sources' order.
    """

    def __init__(
        self,
        store: Store,
        stock: Stock,
        coupons: Coupons,
        books: Books,
        bans: Bans,
        transactions: Transactions,
        turns: Turns,
        shared_turns: SharedTurns,
        tasks: Tasks,
        voice: Voice,
        clock: Clock,
    ) -> None:
        self._store = store
        self._stock = stock
        self._coupons = coupons
        self._books = books
        self._bans = bans
        self._transactions = transactions
        self._turns = turns
        self._shared_turns = shared_turns
        self._tasks = tasks
        self._voice = voice
        self._clock = clock
        self._lines: dict[Sources, deque[Ticket]] = {}
        self._served: dict[Sources, Sequence[Ticket]] = {}
        self._line_formed: Callable[[], None] = _nobody_looks

    def tell_lines_to(self, line_formed: Callable[[], None]) -> None:
        """Who looks at the lines (`lines`) while there are any; it is built after the gate."""
        self._line_formed = line_formed

    def lines(self) -> Iterable[tuple[Sequence[Ticket], Sequence[Ticket]]]:
        """Who is being served, and who waits, in each line; nobody who has his answer."""
        return [(_waiting(self._served.get(name, ())), _waiting(line)) for name, line in self._lines.items()]

    async def place(self, request: Request) -> Order:
        """Stand in line and get an order, or why not.

        Raises:
            Conflict (`sold_out`, `out_of_stock`, `limit_reached`, `sale_closed`, `coupon_not_usable`),
            NotFound (also `unknown_coupon`, `unknown_address`), BadRequest (`several_merchants`),
            NotAllowed (`banned`), TooManyRequests, Unavailable
        """
        name = request.sources if len(request.sources) == 1 else BASKETS
        line = self._lines.get(name)
        if line is None:
            line = self._lines[name] = deque()
            self._tasks.start("placing", self._serve(name, line))
            self._line_formed()
        if len(line) >= LINE_LIMIT:
            raise TooManyRequests("very many want this at this moment; please try again")
        loop = asyncio.get_running_loop()
        ticket = Ticket(request, loop.create_future(), loop.time())
        line.append(ticket)
        patience = loop.call_later(ANSWER_SECONDS, _refuse, (ticket,), Unavailable(TOO_LONG))
        try:
            return await ticket.answer
        finally:
            patience.cancel()

    async def _serve(self, name: Sources, line: deque[Ticket]) -> None:
        try:
            while line:
                await self._prepare(line)
                sources = name or _first_sources(line)
                ids = [source.id for source in sources]
                # Who has had his turn gives it back first: answering hundreds takes longer than handing it over.
                async with self._turns.take(*ids), self._shared_turns.take(*ids):
                    await self._prepare(line)  # who came meanwhile
                    group = self._served[name] = _next_group(line, sources)
                    admission = await self._admit(sources, group)
                if admission is not None:
                    self._answer(sources, group, admission)
        finally:
            del self._lines[name]
            _refuse([*self._served.pop(name, ()), *line], Unavailable(TOO_LONG))

    async def _prepare(self, line: deque[Ticket]) -> None:
        """Look up what the first in line need besides the stock; who has his order already gets it at once."""
        new = [ticket for ticket in _waiting(islice(line, GROUP_SIZE)) if ticket.standing is None]
        if not new:
            return
        with _answering_for(new):
            requests = [ticket.request for ticket in new]
            owners = {request.buyer_id for request in requests if request.address_id is not None}
            books = await self._books.of_owners(owners) if owners else {}
            banned = await self._bans.bans_on(sorted({one.buyer_id for one in requests}), self._clock.now())
            orders = await self._store.by_requests(requests)
            for ticket, fresh in zip(new, make_fresh(len(new)), strict=True):
                buyer_id, order = ticket.request.buyer_id, orders.get(ticket.request.key)
                ticket.standing = Standing(banned.get(buyer_id, ()), books.get(buyer_id), fresh)
                if order is not None and not ticket.answer.done():
                    ticket.answer.set_result(order)

    async def _admit(self, sources: Sources, group: Sequence[Ticket]) -> Admission | None:
        """Decide a group; None: nobody is in it, or all have been told why not."""
        admission = None
        if group:
            with _answering_for(group):
                admission = await self._place(sources, group)
        return admission

    def _answer(self, sources: Sources, group: Sequence[Ticket], admission: Admission) -> None:
        for ticket, answer in zip(group, admission.answers, strict=True):
            if ticket.answer.done():
                continue  # gave up meanwhile; the same request gets this order, or its hold runs out
            if isinstance(answer, Order):
                ticket.answer.set_result(answer)
            else:
                ticket.answer.set_exception(answer)
        if admission.new:  # the next group does not wait until this one is told
            pages = {ticket.request.key: ticket.request.page for ticket in reversed(group)}
            self._tasks.start("telling of orders", self._tell(sources, admission.new, pages))

    async def _tell(
        self, sources: Sources, orders: Sequence[Order], pages: Mapping[tuple[str, str], str | None]
    ) -> None:
        for source in sources:
            await self._stock.tell(source)
        words = [
            Word(user_channel(one.buyer_id), {"order": order_shape(one)}, pages[one.buyer_id, one.request_id])
            for one in orders
        ]
        await self._voice.tell_each("order", words)

    async def _place(self, sources: Sources, group: Sequence[Ticket]) -> Admission:
        requests = [ticket.request for ticket in group]
        standings = [(one.request.buyer_id, one.standing) for one in group if one.standing is not None]
        banned = {buyer_id: standing.banned for buyer_id, standing in standings if standing.banned}
        books = {buyer_id: standing.book for buyer_id, standing in standings if standing.book is not None}
        fresh = [standing.fresh for _, standing in standings]
        perhaps_ordered: Sequence[Request] = ()

        async def work(session: Session) -> Admission:
            now = self._clock.now()
            entered = [await self._stock.enter(source, now, session) for source in sources]
            offers = [offer for offer in entered if offer is not None]
            orders = await self._store.by_requests(perhaps_ordered, session)
            known = replace(await self._read(sources, requests, session), orders=orders, books=books, banned=banned)
            admission = admit(offers, requests, known, now, fresh)
            # Whom another server served since he was prepared may have the last piece, or all that he may have.
            missed = await self._store.by_requests(admission.refused(requests), session)
            if missed:
                admission = admit(offers, requests, replace(known, orders={**orders, **missed}), now, fresh)
            if admission.new:
                await self._write(admission, session)
            return admission

        for _ in range(RACE_TRIES):
            try:
                return await self._transactions.run(work)
            except RequestTaken:
                perhaps_ordered = requests
        raise Conflict(CHANGING)

    async def _read(self, sources: Sources, requests: Sequence[Request], session: Session) -> Known:
        taken: dict[Source, Mapping[str, int]] = {}
        for source in sources:
            if source.kind is SourceKind.SALE:
                buyers = {request.buyer_id for request in requests if source in request.sources}
                taken[source] = await self._store.pieces_of(source.id, sorted(buyers), session)
        asked = sorted({request.coupon_id for request in requests if request.coupon_id is not None})
        return Known({}, taken, await self._coupons.of_ids(asked, session) if asked else {})

    async def _write(self, admission: Admission, session: Session) -> None:
        for source, pieces in admission.pieces.items():
            if not await self._stock.hold(source, pieces, session):
                raise Conflict(CHANGING)
        if admission.coupons and not await self._coupons.use(admission.coupons, session):
            raise Conflict(CHANGING)
        await self._store.add_many(admission.new, session)


def make_fresh(count: int) -> list[Fresh]:
    """Ids and random bits for so many orders; the kernel is asked once."""
    entropy = secrets.token_bytes(count * NUMBER_BYTES)
    return [
        Fresh(new_id(), int.from_bytes(entropy[at : at + NUMBER_BYTES]) & NUMBER_MASK)
        for at in range(0, len(entropy), NUMBER_BYTES)
    ]


def _first_sources(line: Iterable[Ticket]) -> Sources:
    """What those in front want: as many of them as one group may want sources."""
    wanted: set[Source] = set()
    for ticket in islice(line, GROUP_SIZE):
        more = wanted.union(ticket.request.sources)
        if len(more) > SOURCES_AT_ONCE:
            break
        wanted = more
    return tuple(sorted(wanted))


def _next_group(line: deque[Ticket], sources: Sources) -> list[Ticket]:
    """Take those in front out of the line, as long as they are prepared and want nothing else than these."""
    offered = frozenset(sources)
    group: list[Ticket] = []
    while line and len(group) < GROUP_SIZE:
        first = line[0]
        if not first.answer.done():
            if first.standing is None or not offered.issuperset(first.request.sources):
                break
            group.append(first)
        line.popleft()
    return group


@contextmanager
def _answering_for(tickets: Sequence[Ticket]) -> Iterator[None]:
    """Whatever goes wrong is told to those who wait, whose boundary knows what to do with it."""
    try:
        yield
    except asyncio.CancelledError:
        _refuse(tickets, Unavailable("the server is stopping; please try again"))
        raise
    except Exception as error:  # noqa: BLE001 -- see above
        _refuse(tickets, error)


def _waiting(tickets: Iterable[Ticket]) -> list[Ticket]:
    return [ticket for ticket in tickets if not ticket.answer.done()]


def _nobody_looks() -> None:
    pass


def _refuse(tickets: Sequence[Ticket] | deque[Ticket], error: Exception) -> None:
    for ticket in tickets:
        if not ticket.answer.done():
            ticket.answer.set_exception(error)
