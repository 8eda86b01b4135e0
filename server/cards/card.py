"""A card: what the room sees of a moment, of the one that lasts or of one that is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from server.cards.model import Moment
from server.catalog.model import Product
from server.courses.model import LessonView


@dataclass(frozen=True, slots=True)
class Card:
    """The product or the lesson as it is now, and since when it has been pinned."""

    moment: Moment
    product: Product | None = None
    lesson: LessonView | None = None

    @property
    def is_sold_out(self) -> bool:
        """Whether nothing of the product is left."""
        return self.product is not None and self.product.for_sale <= 0


@dataclass(frozen=True, slots=True)
class ShownCard:
    """A card with its end: `unpinned_at` is None while it is pinned. What it shows is as it is now."""

    card: Card
    unpinned_at: datetime | None
