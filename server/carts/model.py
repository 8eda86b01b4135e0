"""A person's cart: which things, how many of each, and what each cost when it was put in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from server.catalog.model import PRICE_FEN, Product, check_whole
from server.errors import Conflict, NotFound

MOST_LINES = 60  # three orders of the longest kind
MOST_PIECES = 999
QUANTITY = range(MOST_PIECES + 1)  # 0: it is taken out


@dataclass(frozen=True, slots=True)
class Wish:
    """So many pieces of a product; `seen_fen`: what it cost where somebody put it in without signing in."""

    product_id: str
    quantity: int
    seen_fen: int | None = None


@dataclass(frozen=True, slots=True)
class CartLine:
    """So many pieces of a product. `price_fen`: its price when its owner last said how many."""

    product_id: str
    quantity: int
    price_fen: int
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Cart:
    """What one person wants to buy, the newest first. Nothing is set aside for it. `version` counts the changes."""

    owner_id: str
    lines: tuple[CartLine, ...] = ()
    version: int = 0


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line and its product as it is now, whose price and stock may be others than they were."""

    line: CartLine
    product: Product


def check_wishes(wishes: Iterable[Wish]) -> tuple[Wish, ...]:
    """The same, if their values can be taken. Raises BadRequest."""
    checked = tuple(wishes)
    for wish in checked:
        check_whole("quantity", wish.quantity, QUANTITY)
        if wish.seen_fen is not None:
            check_whole("price_fen", wish.seen_fen, PRICE_FEN)
    return checked


def with_quantities(
    cart: Cart, wishes: Iterable[Wish], products: Mapping[str, Product], now: datetime
) -> tuple[CartLine, ...]:
    """The lines with other quantities, at today's prices; 0 takes one out, what is new comes first.

    Raises NotFound (no such product), Conflict (`cart_full`).
    """
    lines = _by_product(cart)
    for wish in wishes:
        if wish.quantity == 0:
            lines.pop(wish.product_id, None)
            continue
        product = products.get(wish.product_id)
        if product is None:
            raise NotFound("there is no such product")
        before = lines.get(wish.product_id)
        if before is None and len(lines) >= MOST_LINES:
            raise Conflict(f"a cart holds {MOST_LINES} different things; order some first", code="cart_full")
        line = CartLine(wish.product_id, wish.quantity, product.price_fen, before.added_at if before else now)
        lines = {**lines, line.product_id: line} if before else {line.product_id: line, **lines}
    return tuple(lines.values())


def with_guests(
    cart: Cart, wishes: Iterable[Wish], products: Mapping[str, Product], now: datetime
) -> tuple[CartLine, ...]:
    """The lines with those of a guest's cart, who has signed in; safe to do twice.

    Of what is in both the larger quantity stays. What exists no more, or has no room, is left out.
    """
    lines = _by_product(cart)
    new: dict[str, CartLine] = {}
    for wish in wishes:
        product, before = products.get(wish.product_id), lines.get(wish.product_id)
        if product is None or wish.quantity == 0:
            continue
        if before is not None:
            lines[wish.product_id] = replace(before, quantity=max(before.quantity, wish.quantity))
        elif len(lines) + len(new) < MOST_LINES:
            new[wish.product_id] = CartLine(wish.product_id, wish.quantity, wish.seen_fen or product.price_fen, now)
    return (*new.values(), *lines.values())


def _by_product(cart: Cart) -> dict[str, CartLine]:
    return {line.product_id: line for line in cart.lines}
