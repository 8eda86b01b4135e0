"""Routes: what was shown in a stream."""

from __future__ import annotations

from aiohttp import web

from server.cards.service import Cards
from server.cards.shape import shown_shape
from server.http import Routes, answer


def card_routes(cards: Cards) -> Routes:
    """Routes of this noun."""

    async def list_shown(request: web.Request) -> web.Response:
        return answer({"items": [shown_shape(shown) for shown in await cards.shown_in(request.match_info["id"])]})

    return [web.get("/api/streams/{id}/cards", list_shown)]
