"""The auditor: looks at sales again and again, and shows an operator what it finds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from config.clock import Clock
from config.logs import logger
from server.auditing.model import Audit, Names, audit
from server.catalog.model import Product
from server.errors import NotFound
from server.flash.model import Sale
from server.infra.transactions import Session
from server.orders.model import OrderState
from server.rooms.model import Room

log = logger(__name__)

INTERVAL_SECONDS = 5.0  # between two looks at one sale: each reads all of its orders
LIVELY_IN_ONE_ROUND = 50
OLD_IN_ONE_ROUND = 5  # of all sales there ever were, one after another, so that none is forgotten
SHOWN = 50
T = TypeVar("T")


class Store(Protocol):
    """What this service keeps."""

    async def claim(self, sale_id: str, now: datetime, until: datetime) -> bool: ...
    async def keep(self, found: Audit) -> None: ...
    async def newest(self, limit: int) -> list[str]: ...
    async def count_wrong(self) -> int: ...


class Sales(Protocol):
    """The pots."""

    async def get(self, sale_id: str, session: Session | None = None) -> Sale | None: ...
    async def lively(self, limit: int) -> list[str]: ...
    async def ids_after(self, sale_id: str, limit: int) -> list[str]: ...


class Orders(Protocol):
    """The pieces in orders."""

    async def pieces_by_state(self, sale_id: str, session: Session) -> dict[OrderState, int]: ...


class Rooms(Protocol):
    """Where a sale was."""

    async def by_ids(self, room_ids: Sequence[str]) -> list[Room]: ...


class Products(Protocol):
    """What was sold."""

    async def get_many(self, product_ids: list[str]) -> list[Product]: ...


class Transactions(Protocol):
    """Reads that see one moment."""

    async def run(self, work: Callable[[Session], Awaitable[T]]) -> T: ...


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did. `wrong`: sales with faults now, whoever found them."""

    checked: int
    wrong: int


class Auditor:
    """Checks that `quantity = available + held + sold + returned`, and that the orders say the same of held and sold.

    Both sides are read in one snapshot, so that what is being sold meanwhile is no fault.
    """

    def __init__(
        self,
        store: Store,
        sales: Sales,
        orders: Orders,
        rooms: Rooms,
        products: Products,
        transactions: Transactions,
        clock: Clock,
    ) -> None:
        self._store = store
        self._sales = sales
        self._orders = orders
        self._rooms = rooms
        self._products = products
        self._transactions = transactions
        self._clock = clock
        self._after = ""

    async def sweep(self) -> Round:
        """Look at every sale in which something goes on, and at a few of the others in turn."""
        old = await self._sales.ids_after(self._after, OLD_IN_ONE_ROUND)
        self._after = old[-1] if len(old) == OLD_IN_ONE_ROUND else ""
        checked = 0
        for sale_id in dict.fromkeys([*await self._sales.lively(LIVELY_IN_ONE_ROUND), *old]):
            now = self._clock.now()
            if await self._store.claim(sale_id, now, now + timedelta(seconds=INTERVAL_SECONDS)):
                await self._look(sale_id, keep=True)
                checked += 1
        return Round(checked, await self._store.count_wrong())

    async def show(self) -> list[Audit]:
        """The sales that were looked at last, as they are now; those with faults first."""
        audits = [await self._look(sale_id, keep=False) for sale_id in await self._store.newest(SHOWN)]
        return sorted(audits, key=lambda one: not one.faults)

    async def names(self, audits: Sequence[Audit]) -> Names:
        """What people call the rooms and products of these sales."""
        rooms = await self._rooms.by_ids(sorted({one.sale.room_id for one in audits}))
        products = await self._products.get_many(sorted({one.sale.product_id for one in audits}))
        return Names({room.id: room for room in rooms}, {product.id: product.name for product in products})

    async def _look(self, sale_id: str, *, keep: bool) -> Audit:
        async def work(session: Session) -> Audit:
            sale = await self._sales.get(sale_id, session)
            if sale is None:
                raise NotFound("there is no such sale")
            return audit(sale, await self._orders.pieces_by_state(sale_id, session), self._clock.now())

        found = await self._transactions.run(work)
        if found.faults:
            log.error("the books of a sale do not balance", sale=sale_id, faults=found.faults)
        if keep:
            await self._store.keep(found)
        return found
