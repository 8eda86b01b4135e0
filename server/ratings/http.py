"""Routes: the stars of a lesson."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from server.http import USER, Body, Routes, answer, parse_body, require_user
from server.ratings.model import STARS, Rating
from server.ratings.service import Ratings


class Stars(Body):
    """`PUT /api/lessons/{id}/rating`"""

    stars: int = Field(ge=STARS.start, lt=STARS.stop)


def rating_routes(ratings: Ratings) -> Routes:
    """Routes of this noun."""

    async def look(request: web.Request) -> web.Response:
        rating, mine, may_rate = await ratings.look(request.match_info["id"], request.get(USER))
        return answer(_shape(rating, mine, may_rate=may_rate))

    async def give(request: web.Request) -> web.Response:
        user = require_user(request)
        body = await parse_body(request, Stars)
        rating = await ratings.give(user, request.match_info["id"], body.stars)
        return answer(_shape(rating, body.stars, may_rate=True))

    return [web.get("/api/lessons/{id}/rating", look), web.put("/api/lessons/{id}/rating", give)]


def _shape(rating: Rating, mine: int | None, *, may_rate: bool) -> dict[str, Any]:
    return {"average": rating.average, "count": rating.count, "mine": mine, "may_rate": may_rate}
