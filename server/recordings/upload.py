"""Taking in a video as a file: streamed to a disk, looked at early, never larger than allowed."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from server.errors import BadRequest, BodyTooLarge, UnsupportedType
from server.recordings.model import SIGNATURE_BYTES, looks_like_video

CHUNK_BYTES = 256 * 1024
SILENCE_SECONDS = 30.0  # a client that sends nothing for so long has gone


@dataclass(frozen=True, slots=True)
class Received:
    """A file that is there as long as its context."""

    path: Path
    size: int


@asynccontextmanager
async def receive_video(request: web.Request, limit_bytes: int, folder: Path) -> AsyncIterator[Received]:
    """The request's body in a file. Raises BadRequest, BodyTooLarge, UnsupportedType (`not_a_video`)."""
    if (request.content_length or 0) > limit_bytes:
        raise BodyTooLarge("the video is too large")
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    path = folder / f"{secrets.token_hex(12)}.upload"
    try:
        yield Received(path, await _save(request, limit_bytes, path))
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


async def _save(request: web.Request, limit_bytes: int, path: Path) -> int:
    size = 0
    head = b""
    with path.open("xb") as file:
        while chunk := await _chunk(request):
            size += len(chunk)
            if size > limit_bytes:
                raise BodyTooLarge("the video is too large")
            if len(head) < SIGNATURE_BYTES:
                head += chunk[: SIGNATURE_BYTES - len(head)]
                if len(head) == SIGNATURE_BYTES:
                    _check(head)
            await asyncio.to_thread(file.write, chunk)
    _check(head)
    return size


async def _chunk(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            return await request.content.read(CHUNK_BYTES)
    except (TimeoutError, ConnectionError, web.RequestPayloadError):
        raise BadRequest("the upload stopped before its end") from None


def _check(head: bytes) -> None:
    if not looks_like_video(head):
        raise UnsupportedType("this is not a video that we know", code="not_a_video")
