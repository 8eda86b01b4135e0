"""An object store in memory, for the rules of recording that need no S3 server; it can be away."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from config.conditional import ObjectChanged
from config.objects import ObjectNotFound, ObjectStat, ObjectsUnavailable, TaggedObject


class ObjectShelf:
    """Objects by key. While `fault` is set every call raises it; `before_put_over` is called with the key."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.fault: Exception | None = None
        self.before_put_over: Callable[[str], None] = lambda _: None
        self._news = asyncio.Event()
        self._refused = asyncio.Event()

    def is_away(self) -> None:
        """From now on nobody answers."""
        self.fault = ObjectsUnavailable("away")

    async def was_asked(self) -> None:
        """Wait until a call has met the fault."""
        async with asyncio.timeout(20):
            await self._refused.wait()

    async def has(self, key: str) -> None:
        """Wait until an object is there."""
        async with asyncio.timeout(20):
            while key not in self.held:
                self._news.clear()
                await self._news.wait()

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        self._answer()
        self.held[key] = data
        self._news.set()

    async def put_file(self, key: str, path: Path, content_type: str) -> None:
        await self.put(key, await asyncio.to_thread(path.read_bytes), content_type)

    async def put_over(self, key: str, data: bytes, content_type: str, etag: str | None) -> None:
        self.before_put_over(key)
        held = self.held.get(key)
        if etag != (None if held is None else _etag(held)):
            raise ObjectChanged(key)
        await self.put(key, data, content_type)

    async def get_tagged(self, key: str) -> TaggedObject:
        body = await self.get(key)
        return TaggedObject(body, _etag(body))

    async def get(self, key: str) -> bytes:
        self._answer()
        if key not in self.held:
            raise ObjectNotFound(key)
        return self.held[key]

    async def get_file(self, key: str, path: Path) -> None:
        await asyncio.to_thread(path.write_bytes, await self.get(key))

    async def stat(self, key: str) -> ObjectStat:
        return ObjectStat(key, len(await self.get(key)), "", "")

    async def list_keys(self, prefix: str) -> list[str]:
        self._answer()
        return sorted(key for key in self.held if key.startswith(prefix))

    async def delete_prefix(self, prefix: str) -> int:
        keys = await self.list_keys(prefix)
        for key in keys:
            del self.held[key]
        return len(keys)

    async def read(self, key: str, offset: int = 0, length: int = 0) -> AsyncGenerator[bytes, None]:
        yield (await self.get(key))[offset:]

    def _answer(self) -> None:
        if self.fault is not None:
            self._refused.set()
            raise self.fault


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
