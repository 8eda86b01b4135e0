"""A draw as the page sees it: the seed only after it is drawn."""

from __future__ import annotations

from typing import Any

from server.draws.model import Draw, DrawState, entries_hash
from server.wire import iso


def draw_shape(draw: Draw, entered: int) -> dict[str, Any]:
    """`Draw`"""
    is_drawn = draw.state is DrawState.DRAWN
    return {
        "id": draw.id,
        "title": draw.title,
        "places": draw.places,
        "state": draw.state,
        "entered": entered,
        "commitment": draw.commitment,
        "seed": draw.seed if is_drawn else None,
        "opened_at": iso(draw.opened_at),
        "closes_at": iso(draw.closes_at),
        "drawn_at": iso(draw.drawn_at),
        "winners": [
            {"ticket": winner.ticket, "user_id": winner.user_id, "name": winner.name} for winner in draw.winners
        ],
    }


def checkable_shape(draw: Draw, entered: int) -> dict[str, Any]:
    """`CheckableDraw`: with all tickets, once it is drawn."""
    is_drawn = draw.state is DrawState.DRAWN
    return {
        **draw_shape(draw, entered),
        "tickets": list(draw.tickets),
        "entries": entries_hash(draw.tickets) if is_drawn else None,
    }
