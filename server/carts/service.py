"""What people do with their carts: look into them, say how many of what, bring along what they chose as guests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.carts.model import Cart, CartLine, ShownLine, Wish, check_wishes, with_guests, with_quantities
from server.catalog.model import Product
from server.errors import Conflict

CART_LIMIT = "200/minute"  # one who taps + quickly is far below
TRIES = 5  # a person has few pages open

Decide = Callable[[Cart, Iterable[Wish], Mapping[str, Product], datetime], tuple[CartLine, ...]]


class Store(Protocol):
    """What this service keeps."""

    async def get(self, owner_id: str) -> Cart: ...
    async def replace(self, cart: Cart, lines: tuple[CartLine, ...]) -> bool: ...


class Products(Protocol):
    """Knows what products are like now."""

    async def get_many(self, product_ids: list[str]) -> dict[str, Product]: ...


class Limits(Protocol):
    """Counts how often."""

    async def check(self, limit: str, *who: str) -> None: ...


class Carts:
    """Carts of all who have signed in, each seen by its owner alone; a guest's is kept by his page."""

    def __init__(self, store: Store, products: Products, limits: Limits, clock: Clock) -> None:
        self._store = store
        self._products = products
        self._limits = limits
        self._clock = clock

    async def mine(self, owner: User) -> list[ShownLine]:
        """One's own cart, the newest first, without what exists no more."""
        lines = (await self._store.get(owner.id)).lines
        products = await self._products.get_many([line.product_id for line in lines])
        return [ShownLine(line, products[line.product_id]) for line in lines if line.product_id in products]

    async def put(self, owner: User, wishes: Iterable[Wish]) -> list[ShownLine]:
        """Say how many of some things; 0: none. Raises BadRequest, NotFound, Conflict (`cart_full`)."""
        return await self._write(owner, wishes, with_quantities)

    async def bring(self, owner: User, wishes: Iterable[Wish]) -> list[ShownLine]:
        """Bring along what one chose as a guest. Raises BadRequest."""
        return await self._write(owner, wishes, with_guests)

    async def _write(self, owner: User, wishes: Iterable[Wish], decide: Decide) -> list[ShownLine]:
        await self._limits.check(CART_LIMIT, "cart", owner.id)
        checked = check_wishes(wishes)
        products = await self._products.get_many([wish.product_id for wish in checked])
        for _ in range(TRIES):
            cart = await self._store.get(owner.id)
            if await self._store.replace(cart, decide(cart, checked, products, self._clock.now())):
                return await self.mine(owner)
        raise Conflict("your cart is changing; please try again")
