"""Routes: clips for everybody; cutting them, for hosts."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from server.accounts.model import Role
from server.clips.service import Clips
from server.clips.shape import clip_shape, own_clip_shape
from server.http import USER, Body, Routes, answer, parse_body, require_role

LONGEST_MS = 2**31


class SpanBody(Body):
    """`PUT /api/my/clips/{id}`"""

    title: str = Field(max_length=200)
    start_ms: int = Field(ge=0, lt=LONGEST_MS, strict=True)
    end_ms: int = Field(ge=0, lt=LONGEST_MS, strict=True)


class NewClipBody(SpanBody):
    """`POST /api/my/lessons/{id}/clips`"""

    product_id: str | None = Field(None, max_length=40)


def clip_routes(clips: Clips) -> Routes:
    """Routes of this noun."""

    async def look(request: web.Request) -> web.Response:
        return answer(clip_shape(await clips.look(request.match_info["id"])))

    async def of_lesson(request: web.Request) -> web.Response:
        found = await clips.of_lesson(request.match_info["id"], request.get(USER))
        return answer({"items": [clip_shape(clip) for clip in found]})

    async def of_product(request: web.Request) -> web.Response:
        found = await clips.of_product(request.match_info["id"])
        return answer({"items": [clip_shape(clip) for clip in found]})

    async def own(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer({"items": [own_clip_shape(one) for one in await clips.own(host, request.match_info["id"])]})

    async def add(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        body = await parse_body(request, NewClipBody)
        span = (body.start_ms, body.end_ms)
        return answer(
            own_clip_shape(await clips.add(host, request.match_info["id"], body.title, span, body.product_id)), 201
        )

    async def change(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        body = await parse_body(request, SpanBody)
        span = (body.start_ms, body.end_ms)
        return answer(own_clip_shape(await clips.change(host, request.match_info["id"], body.title, span)))

    async def cancel(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(own_clip_shape(await clips.cancel(host, request.match_info["id"])))

    async def retry(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        return answer(own_clip_shape(await clips.retry(host, request.match_info["id"])))

    async def remove(request: web.Request) -> web.Response:
        host = require_role(request, Role.HOST)
        await clips.remove(host, request.match_info["id"])
        return web.Response(status=204)

    return [
        web.get("/api/clips/{id}", look),
        web.get("/api/lessons/{id}/clips", of_lesson),
        web.get("/api/products/{id}/clips", of_product),
        web.get("/api/my/lessons/{id}/clips", own),
        web.post("/api/my/lessons/{id}/clips", add),
        web.put("/api/my/clips/{id}", change),
        web.post("/api/my/clips/{id}/cancel", cancel),
        web.post("/api/my/clips/{id}/retry", retry),
        web.delete("/api/my/clips/{id}", remove),
    ]
