"""A moment: the span of a stream during which a product was pinned; while it lasts it is the room's card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from server.catalog.model import Product


@dataclass(frozen=True, slots=True)
class Moment:
    """`end_ms` is None while the card is pinned; both are on the stream's own timeline."""

    id: str
    stream_id: str
    room_id: str
    product_id: str
    title: str
    pinned_at: datetime
    start_ms: int
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """What the room sees: the product as it is now, and since when it has been pinned."""

    product: Product
    moment: Moment
