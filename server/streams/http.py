"""Routes: the hook by which media nodes ask whether a stream key may publish."""

from __future__ import annotations

import hmac

from aiohttp import web
from pydantic import Field

from server.errors import NotAllowed
from server.http import Body, Routes, answer, parse_body
from server.streams.service import Streams


class AskPublish(Body):
    """`POST /internal/publish`"""

    slug: str = Field(max_length=100)
    key: str = Field(max_length=200)
    node_id: str = Field(max_length=100)


def stream_routes(streams: Streams, internal_secret: str) -> Routes:
    """Routes of this noun."""
    expected = f"Bearer {internal_secret}".encode()

    async def ask_publish(request: web.Request) -> web.Response:
        if not hmac.compare_digest(
            request.headers.get("Authorization", "").encode("utf-8", "surrogateescape"), expected
        ):
            raise NotAllowed("only media nodes of this installation may ask")
        body = await parse_body(request, AskPublish)
        stream = await streams.let_in(body.slug, body.key)
        return answer({"room_id": stream.room_id, "stream_id": stream.id, "title": stream.title})

    return [web.post("/internal/publish", ask_publish)]
