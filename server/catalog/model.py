"""Products and merchants: what they are, and which values are acceptable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from server.errors import BadRequest, Conflict

PRICE_FEN = range(1, 10_000_001)
STOCK = range(1_000_001)
NAME_LENGTH = range(1, 61)
UNIT_LENGTH = range(1, 17)
ORIGIN_LENGTH = range(61)
DESCRIPTION_LENGTH = range(2001)
UPLOADED_PREFIX = "/files/public/"


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who sells: a co-op, a farm, a firm."""

    id: str
    name: str
    summary: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Product:
    """Something that can be bought. `stock` is what is free now: set-aside and held pieces are not in it."""

    id: str
    merchant_id: str
    merchant_name: str
    name: str
    description: str
    price_fen: int
    unit: str
    origin: str
    stock: int
    picture_url: str | None
    created_at: datetime
    report_url: str | None = None  # the newest inspection report (检测报告), a PDF or a picture
    is_withdrawn: bool = False  # the merchant sells it no more, or not now; who has its address still sees it

    @property
    def for_sale(self) -> int:
        """How many can be bought now."""
        return 0 if self.is_withdrawn else self.stock

    def check_sold(self) -> None:
        """Raises Conflict (`no_longer_sold`)."""
        if self.is_withdrawn:
            raise Conflict("this is no longer sold", code="no_longer_sold")


@dataclass(frozen=True, slots=True)
class ProductChanges:
    """What a host wants to be different; None: as it is. `stock_was`: the stock that he saw when he decided."""

    name: str | None = None
    description: str | None = None
    price_fen: int | None = None
    unit: str | None = None
    origin: str | None = None
    stock: int | None = None
    stock_was: int | None = None
    picture_url: str | None = None
    report_url: str | None = None
    is_withdrawn: bool | None = None


def check_line(field: str, text: str, length: range) -> str:
    """One line without control characters. Raises BadRequest."""
    cleaned = " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())
    if len(cleaned) not in length:
        raise BadRequest(f"{field}: {length.start} to {length.stop - 1} characters")
    return cleaned


def check_text(field: str, text: str, length: range) -> str:
    """Several lines without control characters. Raises BadRequest."""
    cleaned = "\n".join("".join(ch for ch in line if ch.isprintable()).rstrip() for line in text.splitlines()).strip()
    if len(cleaned) not in length:
        raise BadRequest(f"{field}: {length.start} to {length.stop - 1} characters")
    return cleaned


def check_whole(field: str, value: int, span: range) -> int:
    """A whole number in its bounds; `True` is none. Raises BadRequest."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in span:
        raise BadRequest(f"{field}: a whole number from {span.start} to {span.stop - 1}")
    return value


def check_uploaded_url(field: str, url: str) -> str:
    """Something that was uploaded here; empty: nothing any more. Raises BadRequest."""
    if url and (not url.startswith(UPLOADED_PREFIX) or ".." in url or len(url) > 200 or not url.isascii()):
        raise BadRequest(f"{field}: an address below {UPLOADED_PREFIX}")
    return url


def check_changes(changes: ProductChanges) -> ProductChanges:
    """The same changes in their normal form. Raises BadRequest."""
    return ProductChanges(
        name=None if changes.name is None else check_line("name", changes.name, NAME_LENGTH),
        description=(
            None
            if changes.description is None
            else check_text("description", changes.description, DESCRIPTION_LENGTH)
        ),
        price_fen=None if changes.price_fen is None else check_whole("price_fen", changes.price_fen, PRICE_FEN),
        unit=None if changes.unit is None else check_line("unit", changes.unit, UNIT_LENGTH),
        origin=None if changes.origin is None else check_line("origin", changes.origin, ORIGIN_LENGTH),
        stock=None if changes.stock is None else check_whole("stock", changes.stock, STOCK),
        stock_was=None if changes.stock_was is None else check_whole("stock_was", changes.stock_was, STOCK),
        picture_url=None if changes.picture_url is None else check_uploaded_url("picture_url", changes.picture_url),
        report_url=None if changes.report_url is None else check_uploaded_url("report_url", changes.report_url),
        is_withdrawn=changes.is_withdrawn,
    )
