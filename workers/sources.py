"""Uploaded sources on this worker's disk: fetched once for all chunks made here, dropped when others come."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

KEPT = 2  # sources that nobody reads at the moment; each may have the size of the largest upload


class Objects(Protocol):
    """Where sources come from."""

    async def get_file(self, key: str, path: Path) -> None: ...


@dataclass(slots=True)
class _Source:
    path: Path
    readers: int = 0
    is_there: bool = False
    fetching: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sources:
    """Files by their key."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects = objects
        self._folder = folder
        self._sources: OrderedDict[str, _Source] = OrderedDict()

    @asynccontextmanager
    async def upload(self, key: str) -> AsyncIterator[Path]:
        """The file of an upload, there as long as this context. Raises ObjectNotFound, ObjectsUnavailable."""
        source = self._sources.setdefault(key, _Source(self._folder / secrets.token_hex(6)))
        self._sources.move_to_end(key)
        source.readers += 1
        try:
            async with source.fetching:
                if not source.is_there:
                    await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
                    await self._objects.get_file(key, source.path)
                    source.is_there = True
            yield source.path
        finally:
            source.readers -= 1
            await self._drop_old()

    async def _drop_old(self) -> None:
        idle = [key for key, source in self._sources.items() if not source.readers]
        for key in idle[: max(0, len(idle) - KEPT)]:
            await asyncio.to_thread(self._sources.pop(key).path.unlink, missing_ok=True)
