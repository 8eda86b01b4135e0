"""Older files of takes, from the spool or the object store: read once for all who ask, the last ones kept."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from config.objects import ObjectNotFound, Objects, ObjectsUnavailable
from media.hls.aac import with_aac
from media.problems import not_found, unavailable
from media.recording.upload import take_key

AAC_BYTES = 16_000_000
AAC_REST = 2.0  # after an encoding, times its length: strangers who scrub back must not slow down the packets
KEPT_BYTES = 48_000_000  # a minute of three streams: who scrubs back watches there for a while
READS_AT_ONCE = 6  # the others wait; uploads must not starve
READ_SECONDS = 9.0  # a player gives up soon after


class Cache:
    """Bytes by name, at most `most_bytes`; the least asked for goes first."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._making: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._bytes = 0

    async def get(self, key: tuple[str, str], make: Callable[[], Awaitable[bytes]]) -> bytes:
        """What is kept, or what `make` gives: once for all who ask meanwhile."""
        async with self._making.setdefault(key, asyncio.Lock()):
            found = self._kept.get(key)
            if found is None:
                found = self._kept[key] = await make()
                self._bytes += len(found)
            self._kept.move_to_end(key)
        while self._bytes > self._most:
            self._bytes -= len(self._kept.popitem(last=False)[1])
        return found


class Shelf:
    """Reads whole files, at most READS_AT_ONCE at a time; keeps KEPT_BYTES of them."""

    def __init__(self, spool_folder: str, objects: Objects) -> None:
        self._spool = Path(spool_folder)
        self._objects = objects
        self._cache = Cache(KEPT_BYTES)
        self._turns = asyncio.Semaphore(READS_AT_ONCE)

    async def read(self, stream_id: str, name: str) -> bytes:
        """A file of a take.

        Raises:
            Problem: 404, it is nowhere; 503, the object store does not answer.
        """
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._cache.get((stream_id, name), partial(self._read, stream_id, name))
        except ObjectNotFound:
            raise not_found("there is no such part") from None
        except (ObjectsUnavailable, TimeoutError):
            raise unavailable("the object store does not answer") from None

    async def inits(self, stream_id: str) -> list[str]:
        """The names of the init segments of a take that are in the object store. Raises Problem: 503."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                keys = await self._objects.list_keys(take_key(stream_id, "init-"))
        except (ObjectsUnavailable, TimeoutError):
            raise unavailable("the object store does not answer") from None
        return [key.rpartition("/")[2] for key in keys]

    async def _read(self, stream_id: str, name: str) -> bytes:
        async with self._turns:
            try:
                return await asyncio.to_thread((self._spool / stream_id / name).read_bytes)
            except OSError:  # it is in the object store by now, or never was here
                return await self._objects.get(take_key(stream_id, name))


class AacMaker:
    """Encodes sound for players without Opus, in a thread, one fragment at a time; only what somebody asks for."""

    def __init__(self) -> None:
        self._cache = Cache(AAC_BYTES)
        self._turn = asyncio.Semaphore(1)
        self._rests_until = 0.0

    async def make(self, stream_id: str, name: str, before: bytes, own: bytes, channels: int) -> bytes:
        """`own` with its sound in AAC. Raises Problem: 503, too much is asked of this node."""
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._cache.get((stream_id, name), partial(self._encode, before, own, channels))
        except TimeoutError:
            raise unavailable("this node has no time to encode sound") from None

    async def _encode(self, before: bytes, own: bytes, channels: int) -> bytes:
        async with self._turn:
            await asyncio.sleep(max(0.0, self._rests_until - time.monotonic()))
            began_at = time.monotonic()
            made = await asyncio.to_thread(with_aac, before, own, channels)
            now = time.monotonic()
            self._rests_until = now + (now - began_at) * AAC_REST
            return made
