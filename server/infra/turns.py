"""Turns: whoever wants to change the same thing waits in line, first come, first served, within this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from server.errors import Unavailable

WAIT_SECONDS = 10.0


class Turns:
    """One line per key. Rightness never hangs on it: it spares transactions from colliding, and keeps the order.

    Whoever has waited WAIT_SECONDS is sent away, so a line is no longer than what arrives in that time.
    """

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def take(self, *keys: str) -> AsyncIterator[None]:
        """Wait for one's turn with each of these, in their order, so that nobody waits in a circle.

        Raises:
            Unavailable
        """
        async with AsyncExitStack() as stack:
            for key in sorted(set(keys)):
                lock = self._lock(key)
                try:
                    async with asyncio.timeout(WAIT_SECONDS):
                        await lock.acquire()
                except TimeoutError:
                    raise Unavailable("too many are waiting for the same thing; please try again") from None
                stack.callback(lock.release)
            yield

    def _lock(self, key: str) -> asyncio.Lock:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock
