"""What people do with products: look, search, and as a host put them on the shelf and change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.catalog.model import (
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    Merchant,
    Product,
    ProductChanges,
    check_changes,
    check_line,
    check_text,
)
from server.errors import Conflict, NotFound
from server.ids import new_id
from server.infra.searching import Limits, count_search
from server.rooms.model import Room

QUERY_WORDS = 5  # of a search; more are ignored
MOST_ASKED = 60  # of products that are asked for by name at once: a full cart


class Store(Protocol):
    """What this service keeps."""

    async def add_merchant(self, merchant: Merchant) -> None: ...
    async def get_merchant(self, merchant_id: str) -> Merchant | None: ...
    async def get_merchants(self, merchant_ids: Sequence[str]) -> list[Merchant]: ...
    async def find_merchants(self, words: list[str]) -> list[Merchant]: ...
    async def describe_merchant(self, merchant_id: str, summary: str) -> Merchant | None: ...
    async def add(self, product: Product) -> None: ...
    async def get(self, product_id: str) -> Product | None: ...
    async def get_many(self, product_ids: list[str]) -> list[Product]: ...
    async def find(self, merchant_id: str | None, words: list[str], *, withdrawn: bool = False) -> list[Product]: ...
    async def newest_of(self, merchant_ids: Sequence[str], most: int) -> dict[str, Sequence[Product]]: ...
    async def edit(self, product_id: str, changes: ProductChanges) -> Product | None: ...


class Rooms(Protocol):
    """Says for which merchant a host sells."""

    async def by_host(self, host_id: str) -> Room | None: ...


class ChangeListener(Protocol):
    """Who shows products and must know of a new price or stock."""

    async def product_changed(self, product_id: str) -> None: ...


class Sales(Protocol):
    """Sells a product in a room's sale."""

    async def product_withdrawn(self, product_id: str) -> None: ...


class Catalog:
    """Products of all merchants. A host sells for his room's merchant: that merchant's products are his shelf."""

    def __init__(self, store: Store, rooms: Rooms, limits: Limits, clock: Clock) -> None:
        self._store = store
        self._rooms = rooms
        self._limits = limits
        self._clock = clock
        self._listeners: tuple[ChangeListener, ...] = ()
        self._sales: Sales | None = None

    def tell_changes_to(self, *listeners: ChangeListener) -> None:
        """Whom to call when a product's price or stock has changed."""
        self._listeners = listeners

    def end_sales_in(self, sales: Sales) -> None:
        """Who ends the sales of a product that is withdrawn."""
        self._sales = sales

    async def changed(self, product_id: str) -> None:
        """A product's price or stock has changed."""
        for listener in self._listeners:
            await listener.product_changed(product_id)

    async def get(self, product_id: str) -> Product:
        """One product. Raises NotFound."""
        product = await self._store.get(product_id)
        if product is None:
            raise NotFound("there is no such product")
        return product

    async def get_many(self, product_ids: list[str]) -> dict[str, Product]:
        """The products among these ids that exist, by id."""
        return {product.id: product for product in await self._store.get_many(product_ids)} if product_ids else {}

    async def some(self, product_ids: Sequence[str]) -> Sequence[Product]:
        """The products among these ids that exist, in this order, at most `MOST_ASKED`."""
        asked = list(dict.fromkeys(product_ids))[:MOST_ASKED]
        found = await self.get_many(asked)
        return [found[product_id] for product_id in asked if product_id in found]

    async def list(self, merchant_id: str | None = None, query: str | None = None) -> list[Product]:
        """Products that are sold, newest first."""
        return await self._store.find(merchant_id, (query or "").split()[:QUERY_WORDS])

    async def shelf_of(self, host: User) -> Sequence[Product]:
        """All products of a host's shelf, newest first, also those that are withdrawn. Raises NotFound."""
        return await self._store.find(await self.merchant_of(host), [], withdrawn=True)

    async def search(self, merchant_id: str | None, query: str, user: User | None, address: str) -> Sequence[Product]:
        """Products with these words, newest first. Raises TooManyRequests."""
        await self._count_search(query, user, address)
        return await self.list(merchant_id, query)

    async def newest_of(self, merchant_ids: Sequence[str], most: int) -> Mapping[str, Sequence[Product]]:
        """The newest products of each of these merchants, at most so many of each, by merchant."""
        return await self._store.newest_of(merchant_ids, most) if merchant_ids else {}

    async def add_merchant(self, name: str, summary: str, *, merchant_id: str | None = None) -> Merchant:
        """Add a merchant. Raises BadRequest, Conflict (`merchant_exists`)."""
        merchant = Merchant(
            id=merchant_id or new_id(),
            name=check_line("name", name, NAME_LENGTH),
            summary=check_text("summary", summary, DESCRIPTION_LENGTH),
            created_at=self._clock.now(),
        )
        await self._store.add_merchant(merchant)
        return merchant

    async def get_merchant(self, merchant_id: str) -> Merchant:
        """One merchant. Raises NotFound."""
        merchant = await self._store.get_merchant(merchant_id)
        if merchant is None:
            raise NotFound("there is no such merchant")
        return merchant

    async def get_merchants(self, merchant_ids: Sequence[str]) -> dict[str, Merchant]:
        """The merchants among these ids that exist, by id."""
        return {merchant.id: merchant for merchant in await self._store.get_merchants(merchant_ids)}

    async def find_merchants(self, query: str, user: User | None, address: str) -> Sequence[Merchant]:
        """Merchants by name. Raises TooManyRequests."""
        await self._count_search(query, user, address)
        return await self._store.find_merchants(query.split()[:QUERY_WORDS])

    async def describe_merchant(self, host: User, summary: str) -> Merchant:
        """Say in one's own words who sells. Raises BadRequest, NotFound."""
        checked = check_text("summary", summary, DESCRIPTION_LENGTH)
        merchant = await self._store.describe_merchant(await self.merchant_of(host), checked)
        if merchant is None:
            raise NotFound("there is no such merchant")
        return merchant

    async def add_product(
        self,
        merchant_id: str,
        *,
        name: str,
        description: str,
        price_fen: int,
        unit: str,
        stock: int,
        origin: str = "",
        picture_url: str | None = None,
        report_url: str | None = None,
        product_id: str | None = None,
    ) -> Product:
        """Add a product of a merchant. Raises BadRequest, NotFound, Conflict (`product_exists`)."""
        wanted = check_changes(
            ProductChanges(
                name=name,
                description=description,
                price_fen=price_fen,
                unit=unit,
                origin=origin,
                stock=stock,
                picture_url=picture_url,
                report_url=report_url,
            )
        )
        merchant = await self.get_merchant(merchant_id)
        product = Product(
            id=product_id or new_id(),
            merchant_id=merchant.id,
            merchant_name=merchant.name,
            name=wanted.name or "",
            description=wanted.description or "",
            price_fen=wanted.price_fen or 0,
            unit=wanted.unit or "",
            origin=wanted.origin or "",
            stock=wanted.stock or 0,
            picture_url=wanted.picture_url or None,
            report_url=wanted.report_url or None,
            created_at=self._clock.now(),
        )
        await self._store.add(product)
        return product

    async def merchant_of(self, host: User) -> str:
        """For which merchant a host sells. Raises NotFound."""
        room = await self._rooms.by_host(host.id)
        if room is None:
            raise NotFound("you have no room yet")
        return room.merchant_id

    async def edit(self, host: User, product_id: str, changes: ProductChanges) -> Product:
        """Change a product of the host's shelf. Raises BadRequest, NotFound, Conflict."""
        wanted = check_changes(changes)
        product = await self.get(product_id)
        if product.merchant_id != await self.merchant_of(host):
            raise NotFound("there is no such product on your shelf")
        edited = await self._store.edit(product_id, wanted)
        if edited is None:
            raise Conflict("the stock has changed meanwhile; please look again")
        if edited.is_withdrawn and self._sales is not None:
            await self._sales.product_withdrawn(product_id)
            edited = await self.get(product_id)  # with the pieces that its sales gave back
        await self.changed(product_id)
        return edited

    async def _count_search(self, query: str, user: User | None, address: str) -> None:
        """To look at everything costs an index and is not counted; words have each name read."""
        if query.split():
            await count_search(self._limits, "goods-search", user.id if user else None, address)
