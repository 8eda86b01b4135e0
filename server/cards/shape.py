"""A card as the page sees it."""

from __future__ import annotations

from typing import Any

from server.cards.card import Card
from server.catalog.shape import product_shape
from server.courses.shape import summary_shape
from server.wire import iso


def card_shape(card: Card | None) -> dict[str, Any] | None:
    """`Card`"""
    if card is None:
        return None
    return {
        "product": product_shape(card.product) if card.product else None,
        "lesson": summary_shape(card.lesson) if card.lesson else None,
        "explaining": card.moment.is_explaining,
        "sold_out": card.is_sold_out,
        "pinned_at": iso(card.moment.pinned_at),
        "start_ms": card.moment.start_ms,
    }
