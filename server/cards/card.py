"""A card: what the room sees of the moment that lasts."""

from __future__ import annotations

from dataclasses import dataclass

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
