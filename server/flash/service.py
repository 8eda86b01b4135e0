"""What a host does with sales: open and close; and what the clock does to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol, TypeVar

from config.clock import Clock
from config.logs import logger
from config.tasks import Tasks
from server.accounts.model import User
from server.catalog.model import Product
from server.errors import Conflict, NotFound
from server.flash.model import Sale, SaleChanges, SaleState, SaleTerms, SaleView, change_sale, open_sale
from server.flash.shape import sale_shape
from server.ids import new_id
from server.infra.announce import Build, room_channel
from server.infra.together import Together
from server.infra.transactions import Session
from server.infra.turns import Turns
from server.rooms.model import Room
from server.streams.model import Stream

log = logger(__name__)

STOCK_WINDOW_SECONDS = 0.3  # each server tells thousands of pages then; half of it cost a tenth of a rush's CPU time
T = TypeVar("T")


class Store(Protocol):
    """What this service keeps."""

    async def add(self, sale: Sale, session: Session) -> None: ...
    async def get(self, sale_id: str, session: Session | None = None) -> Sale | None: ...
    async def open_in(self, room_id: str) -> Sale | None: ...
    async def open_of(self, product_id: str) -> list[Sale]: ...
    async def of_stream(self, stream_id: str) -> list[Sale]: ...
    async def past_closing(self, now: datetime) -> list[Sale]: ...
    async def change(self, before: Sale, after: Sale, session: Session) -> bool: ...
    async def close(self, sale: Sale, now: datetime, session: Session) -> Sale | None: ...


class ProductStock(Protocol):
    """Where pieces come from and go back to."""

    async def take(self, product_id: str, pieces: int, session: Session) -> bool: ...
    async def put_back(self, product_id: str, pieces: int, session: Session) -> bool: ...


class Catalog(Protocol):
    """Knows products, and tells those who show them."""

    async def get(self, product_id: str) -> Product: ...
    async def get_many(self, product_ids: list[str]) -> dict[str, Product]: ...
    async def changed(self, product_id: str) -> None: ...


class Rooms(Protocol):
    """Finds a host's room."""

    async def by_host(self, host_id: str) -> Room | None: ...


class Streams(Protocol):
    """What is on the air."""

    async def get(self, stream_id: str) -> Stream: ...
    async def on_air_in(self, room_id: str) -> Stream: ...


class Transactions(Protocol):
    """Several writes that all happen or none."""

    async def run(self, work: Callable[[Session], Awaitable[T]]) -> T: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...
    def tell_newest(self, channel: str, event: str, window_seconds: float, build: Build) -> None: ...


class Sales:
    """Sales of all rooms.

    Opening and closing move pieces between a product and a sale in one transaction: whoever is killed in the middle
    has moved nothing. (A written intent would do as well, but needs a repairer; mongod, a replica set, is one.)
    """

    def __init__(
        self,
        store: Store,
        product_stock: ProductStock,
        catalog: Catalog,
        rooms: Rooms,
        streams: Streams,
        transactions: Transactions,
        turns: Turns,
        voice: Voice,
        tasks: Tasks,
        clock: Clock,
    ) -> None:
        self._store = store
        self._product_stock = product_stock
        self._catalog = catalog
        self._rooms = rooms
        self._streams = streams
        self._transactions = transactions
        self._turns = turns
        self._voice = voice
        self._clock = clock
        self._shown = Together("asking which sales there were", tasks, self._look_up)

    async def get(self, sale_id: str) -> SaleView:
        """One sale. Raises NotFound."""
        sale = await self._store.get(sale_id)
        if sale is None:
            raise NotFound("there is no such sale")
        return await self._view(sale)

    async def open_in(self, room_id: str) -> SaleView | None:
        """The open sale of a room."""
        sale = await self._store.open_in(room_id)
        return None if sale is None else await self._view(sale)

    async def of_stream(self, stream_id: str) -> list[SaleView]:
        """The newest sales of a stream, oldest first, with their products as they are now. Raises NotFound."""
        await self._streams.get(stream_id)
        return await self._shown.get(stream_id) or []

    async def _look_up(self, stream_ids: Sequence[str]) -> dict[str, list[SaleView]]:
        return {stream_id: await self._views_of(stream_id) for stream_id in stream_ids}

    async def _views_of(self, stream_id: str) -> list[SaleView]:
        sales = await self._store.of_stream(stream_id)
        products = await self._catalog.get_many([sale.product_id for sale in sales])
        return [SaleView(sale, products[sale.product_id]) for sale in sales if sale.product_id in products]

    async def open(self, host: User, terms: SaleTerms) -> SaleView:
        """Set pieces of a product aside and sell them in the stream that is on.

        Raises:
            BadRequest, NotFound, Conflict (`not_live`, `no_longer_sold`, `out_of_stock`, `sale_running`)
        """
        room = await self._own_room(host)
        product = await self._catalog.get(terms.product_id)
        if product.merchant_id != room.merchant_id:
            raise NotFound("there is no such product on your shelf")
        product.check_sold()
        stream = await self._streams.on_air_in(room.id)
        before = await self._store.open_in(room.id)
        if before is not None and before.closes_at <= self._clock.now():
            await self._close(before.id)  # over, and the sweep has not come by yet
        sale = open_sale(new_id(), terms, stream, product, self._clock.now())

        async def work(session: Session) -> None:
            if not await self._product_stock.take(product.id, sale.quantity, session):
                raise Conflict("there are not so many pieces in stock", code="out_of_stock")
            await self._store.add(sale, session)

        async with self._turns.take(product.id):
            await self._transactions.run(work)
        log.info("sale opened", sale=sale.id, room=room.id, quantity=sale.quantity)
        view = await self._view(sale)
        await self._tell(view)
        await self._catalog.changed(product.id)
        return view

    async def change(self, host: User, sale_id: str, changes: SaleChanges) -> SaleView:
        """Change a running sale, and add pieces of the product to it or give free ones back.

        Raises:
            BadRequest, NotFound (also for another's), Conflict (`sale_closed`, `out_of_stock`)
        """
        await self._own_sale(host, sale_id)

        async def work(session: Session) -> Sale:
            before = await self._store.get(sale_id, session)
            if before is None:
                raise NotFound("there is no such sale")
            after = change_sale(before, changes, self._clock.now())
            more = after.quantity - before.quantity
            if more > 0 and not await self._product_stock.take(before.product_id, more, session):
                raise Conflict("there are not so many pieces in stock", code="out_of_stock")
            if more < 0:
                await self._product_stock.put_back(before.product_id, -more, session)
            if not await self._store.change(before, after, session):
                raise Conflict("the sale is changing; please try again")
            return after

        async with self._turns.take(sale_id):
            after = await self._transactions.run(work)
        log.info("sale changed", sale=sale_id, quantity=after.quantity)
        view = await self._view(after)
        await self._tell(view)
        await self._catalog.changed(after.product_id)
        return view

    async def close(self, host: User, sale_id: str) -> SaleView:
        """End a sale before its time; one that is closed stays so. Raises NotFound (also for another's)."""
        await self._own_sale(host, sale_id)
        return await self._view(await self._close(sale_id))

    async def sweep(self) -> None:
        """Close every sale whose time is over."""
        for sale in await self._store.past_closing(self._clock.now()):
            await self._close(sale.id)

    async def product_withdrawn(self, product_id: str) -> None:
        """Close the sales of a product that is sold no more; one that stays open takes no orders for it."""
        for sale in await self._store.open_of(product_id):
            await self._close(sale.id)

    async def stream_ended(self, stream: Stream, _duration_ms: int) -> None:
        """A sale ends with its stream. Safe to hear twice."""
        sale = await self._store.open_in(stream.room_id)
        if sale is not None and sale.stream_id == stream.id:
            await self._close(sale.id)

    def changed(self, sale: Sale) -> None:
        """The pots of a sale have changed: tell its room."""
        again = partial(self._again, sale.id)
        self._voice.tell_newest(room_channel(sale.room_id), "sale", STOCK_WINDOW_SECONDS, again)

    async def _close(self, sale_id: str) -> Sale:
        closed = False

        async def work(session: Session) -> Sale:
            nonlocal closed
            closed = False
            sale = await self._store.get(sale_id, session)
            if sale is None:
                raise NotFound("there is no such sale")
            if sale.state is SaleState.CLOSED:
                return sale
            after = await self._store.close(sale, self._clock.now(), session)
            if after is None:
                raise Conflict("the sale is changing; please try again")
            if sale.available:
                await self._product_stock.put_back(sale.product_id, sale.available, session)
            closed = True
            return after

        async with self._turns.take(sale_id):
            sale = await self._transactions.run(work)
        if closed:
            log.info("sale closed", sale=sale.id, sold=sale.sold, held=sale.held, returned=sale.returned)
            await self._tell(await self._view(sale))
            await self._catalog.changed(sale.product_id)
        return sale

    async def _own_sale(self, host: User, sale_id: str) -> None:
        sale, room = await self._store.get(sale_id), await self._own_room(host)
        if sale is None or sale.room_id != room.id:
            raise NotFound("there is no such sale")

    async def _own_room(self, host: User) -> Room:
        room = await self._rooms.by_host(host.id)
        if room is None:
            raise NotFound("you have no room yet")
        return room

    async def _view(self, sale: Sale) -> SaleView:
        return SaleView(sale, await self._catalog.get(sale.product_id))

    async def _again(self, sale_id: str) -> dict[str, Any]:
        return {"sale": sale_shape(await self.get(sale_id))}

    async def _tell(self, view: SaleView) -> None:
        await self._voice.tell(room_channel(view.sale.room_id), "sale", {"sale": sale_shape(view)})
