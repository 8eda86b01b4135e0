"""A flash sale: pieces set aside at a price for a while, and the four pots in which each piece is counted once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from server.catalog.model import PRICE_FEN, Product, check_whole
from server.errors import BadRequest, Conflict
from server.streams.model import Stream

QUANTITY = range(1, 1_000_001)
MORE = range(-1_000_000, 1_000_001)
DURATION_SECONDS = range(1, 86_401)
STARTS_IN_SECONDS = range(3_601)  # meanwhile nobody has its pieces
HOLD_SECONDS = range(1, 3_601)
HOLD_SECONDS_DEFAULT = 300


class SaleState(StrEnum):
    """Whether orders are taken."""

    OPEN = "open"
    CLOSED = "closed"


class Pot(StrEnum):
    """Where a piece of a sale is. `quantity` is always the sum of the four."""

    AVAILABLE = "available"  # nobody's yet; only while the sale is open
    HELD = "held"  # in an order that waits for its payment
    SOLD = "sold"  # in an order that is paid
    RETURNED = "returned"  # back in the product's own stock; only once the sale is closed


@dataclass(frozen=True, slots=True)
class Sale:
    """One batch of a product. The server's clock decides when it begins (`opens_at`) and ends (`closes_at`)."""

    id: str
    room_id: str
    stream_id: str
    merchant_id: str
    product_id: str
    price_fen: int
    quantity: int
    per_buyer: int
    per_order: int
    hold_seconds: int
    state: SaleState
    available: int
    held: int
    sold: int
    returned: int
    opens_at: datetime
    closes_at: datetime
    is_planned: bool = False  # it was opened before `opens_at`

    def count(self, pot: Pot) -> int:
        """How many pieces are in a pot."""
        return {
            Pot.AVAILABLE: self.available,
            Pot.HELD: self.held,
            Pot.SOLD: self.sold,
            Pot.RETURNED: self.returned,
        }[pot]

    @property
    def free_pot(self) -> Pot:
        """Where a piece goes that nobody has."""
        return Pot.AVAILABLE if self.state is SaleState.OPEN else Pot.RETURNED

    @property
    def is_balanced(self) -> bool:
        """Whether each piece is counted once. Never anything else than true."""
        counts = [self.count(pot) for pot in Pot]
        return min(counts) >= 0 and sum(counts) == self.quantity


@dataclass(frozen=True, slots=True)
class SaleTerms:
    """What a host asks for when opening a sale."""

    product_id: str
    price_fen: int
    quantity: int
    per_buyer: int
    duration_seconds: int
    hold_seconds: int = HOLD_SECONDS_DEFAULT
    per_order: int | None = None  # None: as many as one buyer may have
    starts_in_seconds: int = 0  # everybody sees the countdown


@dataclass(frozen=True, slots=True)
class SaleChanges:
    """What a host wants to be different in a running sale; None: as it is. Orders that exist keep their terms.

    `more`: pieces to add from the product's stock, or to give back to it (negative), of those that nobody has.
    """

    price_fen: int | None = None
    per_buyer: int | None = None
    per_order: int | None = None
    hold_seconds: int | None = None
    remaining_seconds: int | None = None
    more: int | None = None


@dataclass(frozen=True, slots=True)
class SaleView:
    """A sale with its product as it is now."""

    sale: Sale
    product: Product


def has_begun(sale: Sale, now: datetime) -> bool:
    """Whether its moment has come; one that was opened to begin at once has, also when the clock is put back."""
    return not sale.is_planned or now >= sale.opens_at


def is_over(sale: Sale, now: datetime) -> bool:
    """Whether nobody may order any more; a sale that is past its time does not wait for being closed."""
    return sale.state is SaleState.CLOSED or now >= sale.closes_at


def open_sale(sale_id: str, terms: SaleTerms, stream: Stream, product: Product, now: datetime) -> Sale:
    """The sale that these terms make. Raises BadRequest."""
    check_whole("price_fen", terms.price_fen, PRICE_FEN)
    check_whole("quantity", terms.quantity, QUANTITY)
    check_whole("per_buyer", terms.per_buyer, QUANTITY)
    check_whole("duration_seconds", terms.duration_seconds, DURATION_SECONDS)
    opens_at = now + timedelta(seconds=check_whole("starts_in_seconds", terms.starts_in_seconds, STARTS_IN_SECONDS))
    check_whole("hold_seconds", terms.hold_seconds, HOLD_SECONDS)
    if terms.per_buyer > terms.quantity:
        raise BadRequest("per_buyer: not more than the quantity")
    per_order = terms.per_buyer if terms.per_order is None else terms.per_order
    _check_per_order(per_order, terms.per_buyer)
    return Sale(
        id=sale_id,
        room_id=stream.room_id,
        stream_id=stream.id,
        merchant_id=product.merchant_id,
        product_id=product.id,
        price_fen=terms.price_fen,
        quantity=terms.quantity,
        per_buyer=terms.per_buyer,
        per_order=per_order,
        hold_seconds=terms.hold_seconds,
        state=SaleState.OPEN,
        available=terms.quantity,
        held=0,
        sold=0,
        returned=0,
        opens_at=opens_at,
        closes_at=opens_at + timedelta(seconds=terms.duration_seconds),
        is_planned=opens_at > now,
    )


def change_sale(sale: Sale, changes: SaleChanges, now: datetime) -> Sale:
    """A running sale after these changes. Raises BadRequest, Conflict (`sale_closed`, `out_of_stock`)."""
    if is_over(sale, now):
        raise Conflict("this sale is over", code="sale_closed")
    more = 0 if changes.more is None else check_whole("more", changes.more, MORE)
    if sale.available + more < 0:
        raise Conflict("so many pieces are not free any more", code="out_of_stock")
    per_buyer = _changed("per_buyer", changes.per_buyer, sale.per_buyer, QUANTITY)
    per_order = _changed("per_order", changes.per_order, min(sale.per_order, per_buyer), QUANTITY)
    _check_per_order(per_order, per_buyer)
    closes_at = sale.closes_at
    if changes.remaining_seconds is not None:
        remaining = check_whole("remaining_seconds", changes.remaining_seconds, DURATION_SECONDS)
        closes_at = now + timedelta(seconds=remaining)
        if not has_begun(sale, now) and closes_at <= sale.opens_at:
            raise BadRequest("remaining_seconds: a sale ends after it begins")
    return replace(
        sale,
        price_fen=_changed("price_fen", changes.price_fen, sale.price_fen, PRICE_FEN),
        per_buyer=per_buyer,
        per_order=per_order,
        hold_seconds=_changed("hold_seconds", changes.hold_seconds, sale.hold_seconds, HOLD_SECONDS),
        quantity=check_whole("quantity", sale.quantity + more, QUANTITY),
        available=sale.available + more,
        closes_at=closes_at,
    )


def _changed(field: str, wanted: int | None, before: int, span: range) -> int:
    return before if wanted is None else check_whole(field, wanted, span)


def _check_per_order(per_order: int, per_buyer: int) -> None:
    check_whole("per_order", per_order, QUANTITY)
    if per_order > per_buyer:
        raise BadRequest("per_order: not more than per_buyer")
