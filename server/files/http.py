"""Route: public objects with ranges, conditions and caching, streamed from the object store."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from aiohttp import web

from config.logs import logger
from config.objects import ObjectNotFound, ObjectStat, ObjectsUnavailable
from server.errors import NotFound, RangeOutside
from server.files.model import ByteRange, cache_control, check_key, content_type, is_known, parse_range
from server.http import Routes, problem

log = logger(__name__)

ANYBODY = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Accept-Ranges",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Range, If-None-Match",
    "Access-Control-Max-Age": "86400",
}


class Objects(Protocol):
    """Where files come from."""

    async def stat(self, key: str) -> ObjectStat: ...
    def read(self, key: str, offset: int = 0, length: int = 0) -> AsyncGenerator[bytes, None]: ...


def file_routes(objects: Objects) -> Routes:
    """Routes of this noun."""

    async def preflight(_: web.Request) -> web.Response:
        return web.Response(status=204, headers={**ANYBODY, **PREFLIGHT})

    async def get_file(request: web.Request) -> web.StreamResponse:
        key = check_key(request.match_info["key"])
        try:
            found = await objects.stat(key)
        except ObjectNotFound:
            raise NotFound("there is no such file") from None
        etag = f'"{found.etag}"'
        headers = {
            **ANYBODY,
            "Cache-Control": cache_control(key),
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "X-Content-Type-Options": "nosniff",
        }
        if is_known(request.headers.get("If-None-Match"), etag):
            return web.Response(status=304, headers=headers)
        if request.headers.get("If-Range", etag) == etag:
            try:
                wanted = parse_range(request.headers.get("Range"), found.size)
            except RangeOutside as error:
                response = problem(error.status, error.code, error.detail)
                response.headers.update({**ANYBODY, "Content-Range": f"bytes */{found.size}"})
                return response
        else:
            wanted = None
        return await _send(request, objects, found, headers, wanted)

    return [web.options("/files/{key:.+}", preflight), web.get("/files/{key:.+}", get_file)]


async def _send(
    request: web.Request, objects: Objects, found: ObjectStat, headers: dict[str, str], wanted: ByteRange | None
) -> web.StreamResponse:
    response = web.StreamResponse(status=206 if wanted else 200, headers=headers)
    part = wanted or ByteRange(0, found.size)
    response.headers["Content-Type"] = content_type(found.key)
    response.content_length = part.length
    if wanted:
        response.headers["Content-Range"] = part.header(found.size)
    await response.prepare(request)
    if request.method == "HEAD" or part.length == 0:
        return response
    try:
        # Each chunk waits for the client to take the one before; leaving in any way gives the connection back.
        async with aclosing(objects.read(found.key, part.offset, part.length)) as chunks:
            async for chunk in chunks:
                await response.write(chunk)
    except ConnectionError:
        return response  # the client went away; nobody is left to be told
    except (ObjectNotFound, ObjectsUnavailable) as error:
        log.warning("file broke off", key=found.key, error=type(error).__name__)
        if request.transport is not None:
            request.transport.abort()  # so that the client does not take a part for the whole
    return response
