"""Where orders take their pieces from and give them back to: the pots of a sale, or a product's own stock."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from config.logs import logger
from server.catalog.model import Product
from server.errors import Conflict, NotFound
from server.flash.model import Pot, Sale, SaleState, has_begun, is_over
from server.infra.transactions import Session
from server.orders.admission import Offer
from server.orders.model import PRODUCT_HOLD_SECONDS, Place, Source, SourceKind

log = logger(__name__)


class SaleStore(Protocol):
    """The pots of sales."""

    async def get(self, sale_id: str, session: Session | None = None) -> Sale | None: ...
    async def enter(self, sale_id: str, session: Session) -> Sale | None: ...
    async def move(self, sale_id: str, source: Pot, target: Pot, pieces: int, session: Session) -> bool: ...


class ProductStore(Protocol):
    """Products and their own stock."""

    async def get(self, product_id: str, session: Session | None = None) -> Product | None: ...
    async def take(self, product_id: str, pieces: int, session: Session) -> bool: ...
    async def put_back(self, product_id: str, pieces: int, session: Session) -> bool: ...


class SalesVoice(Protocol):
    """Tells a room of its sale's pots."""

    def changed(self, sale: Sale) -> None: ...


class CatalogVoice(Protocol):
    """Tells those who show a product."""

    async def changed(self, product_id: str) -> None: ...


class Stock:
    """Moves pieces inside a transaction that also writes the orders; a piece is always in exactly one place."""

    def __init__(
        self, sale_store: SaleStore, product_store: ProductStore, sales: SalesVoice, catalog: CatalogVoice
    ) -> None:
        self._sale_store = sale_store
        self._product_store = product_store
        self._sales = sales
        self._catalog = catalog

    async def enter(self, source: Source, now: datetime, session: Session) -> Offer | None:
        """Be the only one who gives out of a sale until the transaction ends; what can be had now, if it is there.

        A sale's document is written first of all: who comes second hears it at once, before he has read anything.
        """
        if source.kind is SourceKind.PRODUCT:
            found = await self._product_store.get(source.id, session)
            if found is None:
                return None
            return Offer(found, None, found.price_fen, found.stock, None, PRODUCT_HOLD_SECONDS, True)
        sale = await self._sale_store.enter(source.id, session)
        if sale is None:
            return None
        return Offer(
            product=await self._product(sale.product_id, session),
            sale_id=sale.id,
            price_fen=sale.price_fen,
            free=sale.available,
            per_buyer=sale.per_buyer,
            hold_seconds=sale.hold_seconds,
            is_open=not is_over(sale, now),
            per_order=sale.per_order,
            room_id=sale.room_id,
            has_begun=has_begun(sale, now),
        )

    async def hold(self, source: Source, pieces: int, session: Session) -> bool:
        """Set pieces aside for new orders; False, and nothing done, when there are not so many."""
        if source.kind is SourceKind.PRODUCT:
            return await self._product_store.take(source.id, pieces, session)
        return await self._sale_store.move(source.id, Pot.AVAILABLE, Pot.HELD, pieces, session)

    async def per_buyer(self, source: Source, session: Session) -> int | None:
        """How many one buyer may have; None: as many as there are."""
        return None if source.kind is SourceKind.PRODUCT else (await self._sale(source.id, session)).per_buyer

    async def shift(self, source: Source, begin: Place, end: Place, pieces: int, session: Session) -> bool:
        """Move pieces from one place to another; False, and nothing done, when there are not so many."""
        if begin is end or pieces == 0:
            return True
        if source.kind is SourceKind.PRODUCT:
            return await self._shift_product(source.id, begin, end, pieces, session)
        return await self._shift_sale(await self._sale(source.id, session), begin, end, pieces, session)

    async def tell(self, source: Source) -> None:
        """Pieces of a source have moved: tell those who show it. A failure is logged: events are hints."""
        try:
            if source.kind is SourceKind.PRODUCT:
                await self._catalog.changed(source.id)
                return
            sale = await self._sale(source.id)
            self._sales.changed(sale)
            if sale.state is SaleState.CLOSED:
                await self._catalog.changed(sale.product_id)
        except Exception as error:  # noqa: BLE001 -- what was written stays true, whatever became of the telling
            log.warning("stock announcement lost", source=source.kind, error=type(error).__name__)

    async def _shift_product(self, product_id: str, begin: Place, end: Place, pieces: int, session: Session) -> bool:
        if begin is Place.FREE:
            return await self._product_store.take(product_id, pieces, session)
        if end is Place.FREE:
            return await self._product_store.put_back(product_id, pieces, session)
        return True  # held or sold: out of the stock either way

    async def _shift_sale(self, sale: Sale, begin: Place, end: Place, pieces: int, session: Session) -> bool:
        pots = {Place.FREE: sale.free_pot, Place.HELD: Pot.HELD, Place.SOLD: Pot.SOLD}
        if sale.count(pots[begin]) < pieces:
            return False
        if pots[begin] is Pot.RETURNED and not await self._product_store.take(sale.product_id, pieces, session):
            return False  # came back after closing, and was sold at the normal price meanwhile
        if pots[end] is Pot.RETURNED:
            await self._product_store.put_back(sale.product_id, pieces, session)
        if not await self._sale_store.move(sale.id, pots[begin], pots[end], pieces, session):
            raise Conflict("the sale is changing; please try again")  # undoes the transaction
        return True

    async def _sale(self, sale_id: str, session: Session | None = None) -> Sale:
        sale = await self._sale_store.get(sale_id, session)
        if sale is None:
            raise NotFound("there is no such sale")
        return sale

    async def _product(self, product_id: str, session: Session) -> Product:
        product = await self._product_store.get(product_id, session)
        if product is None:
            raise NotFound("there is no such product")
        return product
