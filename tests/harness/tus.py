"""An upload over the tus protocol as a client makes it, request by request."""

from __future__ import annotations

import base64
import io
from collections.abc import AsyncIterable
from typing import Any

from tests.harness.app import Json, Page

UPLOADS = "/api/my/uploads"
TUS = {"Tus-Resumable": "1.0.0"}


def metadata(**values: str) -> str:
    """`Upload-Metadata`"""
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in values.items())


async def begin_upload(page: Page, title: str, size: int, **more: str) -> tuple[int, Json]:
    """Announce a video: status, and `path` or the problem's body."""
    headers = {**TUS, "Upload-Length": str(size), "Upload-Metadata": metadata(title=title, **more)}
    async with page.http.post(UPLOADS, headers=headers) as response:
        if response.status == 201:
            return 201, {"path": response.headers["Location"]}
        return response.status, await response.json(content_type=None)


async def append(page: Page, path: str, offset: int, data: bytes | AsyncIterable[bytes], **headers: str) -> Any:
    """Send more: status, and the offset that the server is at, or the problem's code."""
    sent = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream", **headers}
    body = io.BytesIO(data) if isinstance(data, bytes) else data
    async with page.http.patch(path, data=body, headers=sent) as response:
        if response.status == 204:
            return 204, int(response.headers["Upload-Offset"])
        return response.status, (await response.json(content_type=None))["code"]


async def offset_of(page: Page, path: str) -> int | None:
    """How far the server is; None: it knows of no such upload."""
    async with page.http.head(path, headers=TUS) as response:
        return int(response.headers["Upload-Offset"]) if response.status == 200 else None


async def upload(page: Page, title: str, data: bytes, **more: str) -> Json:
    """A whole video in one request; answers its lesson."""
    status, begun = await begin_upload(page, title, len(data), **more)
    assert status == 201, begun
    assert await append(page, begun["path"], 0, data) == (204, len(data))
    _, shown = await page.ask("GET", begun["path"])
    status, lesson = await page.ask("GET", f"/api/lessons/{shown['lesson_id']}")
    assert status == 200, lesson
    return lesson
