"""Routes: follow a room, stop following."""

from __future__ import annotations

from aiohttp import web

from server.follows.service import Follows
from server.http import Routes, answer, require_user


def follow_routes(follows: Follows) -> Routes:
    """Routes of this noun."""

    async def follow(request: web.Request) -> web.Response:
        count = await follows.follow(require_user(request), request.match_info["slug"], wanted=True)
        return answer({"following": True, "followers": count})

    async def unfollow(request: web.Request) -> web.Response:
        count = await follows.follow(require_user(request), request.match_info["slug"], wanted=False)
        return answer({"following": False, "followers": count})

    return [web.put("/api/rooms/{slug}/follow", follow), web.delete("/api/rooms/{slug}/follow", unfollow)]
