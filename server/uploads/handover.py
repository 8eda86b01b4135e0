"""How a request that goes on with an upload ends one that another server has: over the upload's record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from config.tasks import Tasks, is_ending
from server.infra.away import AWAY
from server.uploads.model import Upload
from server.uploads.places import TAKE_OVER_SECONDS

WATCH_SECONDS = 0.5  # each request that sends asks so often whether it is to end
ASK_SECONDS = 0.1  # and who waits for it, whether it has
HEARD_SECONDS = 2.0  # four looks: a server that has not heard by then is dead, or hangs


class Store(Protocol):
    """What servers tell each other over."""

    async def get(self, upload_id: str) -> Upload | None: ...
    async def want(self, upload: Upload) -> None: ...
    async def hear(self, upload: Upload) -> bool: ...
    async def is_heard(self, upload: Upload) -> bool: ...


class Handover:
    """Between the servers that share a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def wait(self, upload: Upload) -> None:
        """Until the request that writes an upload has kept what has come, or its server must be dead."""
        if not upload.is_taken:
            return
        await self._store.want(upload)
        with suppress(TimeoutError):
            async with asyncio.timeout(TAKE_OVER_SECONDS):
                async with asyncio.timeout(HEARD_SECONDS):
                    if await self._is_over(upload, or_heard=True):
                        return
                await self._is_over(upload)

    async def _is_over(self, upload: Upload, *, or_heard: bool = False) -> bool:
        """Waits until nobody writes an upload; `or_heard`: False once whoever does knows that it is wanted."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            found = await self._store.get(upload.id)
            if found is None or not found.is_taken:
                return True
            if or_heard and await self._store.is_heard(upload):
                return False

    @asynccontextmanager
    async def watched(self, upload: Upload, lose: Callable[[], None]) -> AsyncGenerator[None]:
        """While a request writes an upload that it took like this: `lose` is called when another one wants it."""
        async with Tasks("upload") as tasks:
            tasks.start("watch who wants it", self._watch(upload, lose))
            yield

    async def _watch(self, upload: Upload, lose: Callable[[], None]) -> None:
        while not is_ending():
            await asyncio.sleep(WATCH_SECONDS)
            try:
                is_wanted = await self._store.hear(upload)
            except AWAY:
                continue  # nor can anybody say that he wants it
            if is_wanted:
                lose()
                return
