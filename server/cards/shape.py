"""A card as the page sees it."""

from __future__ import annotations

from typing import Any

from server.cards.card import Card, ShownCard
from server.catalog.shape import product_shape
from server.courses.shape import summary_shape
from server.wire import iso


def card_shape(card: Card | None) -> dict[str, Any] | None:
    """`Card`"""
    return None if card is None else _card(card)


def shown_shape(shown: ShownCard) -> dict[str, Any]:
    """`ShownCard`"""
    return {**_card(shown.card), "unpinned_at": iso(shown.unpinned_at)}


def _card(card: Card) -> dict[str, Any]:
    return {
        "product": product_shape(card.product) if card.product else None,
        "lesson": summary_shape(card.lesson) if card.lesson else None,
        "explaining": card.moment.is_explaining,
        "sold_out": card.is_sold_out,
        "pinned_at": iso(card.moment.pinned_at),
        "start_ms": card.moment.start_ms,
    }
