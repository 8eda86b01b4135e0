"""Stream events on their way to the servers: in order, tried again while Redis is away, from a bounded queue."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import RedisError

from config.logs import logger
from config.tasks import is_ending

log = logger(__name__)

EVENTS_WAITING = 1000
RETRY_SECONDS = 0.5


class Bus(Protocol):
    """The part of config.bus.Bus that is used here."""

    async def publish_event(self, event: str, fields: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    event: str
    fields: Mapping[str, Any]
    sent: asyncio.Future[bool]

    def settle(self, *, is_sent: bool) -> None:
        if not self.sent.done():  # else whoever waited has gone
            self.sent.set_result(is_sent)


class Outbox:
    """Events that Redis has not taken yet.

    Holds EVENTS_WAITING of them; when full the oldest is lost, and the server learns the truth from the leases and
    from what it finds in the object store. What is still here when the process dies is lost the same way, except what
    somebody says again because he did not hear that it was sent.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waiting: deque[_Entry] = deque()
        self._has_some = asyncio.Event()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        self.lost = 0

    @property
    def waiting(self) -> int:
        """How many are not sent yet."""
        return len(self._waiting)

    def add(self, event: str, fields: Mapping[str, Any]) -> asyncio.Future[bool]:
        """Say this as soon as Redis listens. The answer tells later whether Redis took it (else: it was lost)."""
        if len(self._waiting) >= EVENTS_WAITING:
            self._waiting.popleft().settle(is_sent=False)
            self.lost += 1
            log.error("event lost, Redis is away for too long")
        entry = _Entry(event, fields, asyncio.Future())
        self._waiting.append(entry)
        self._is_empty.clear()
        self._has_some.set()
        return entry.sent

    async def run(self) -> None:
        """Send what waits; runs until cancelled."""
        while not is_ending():
            await self._has_some.wait()
            while self._waiting and not is_ending():
                entry = self._waiting[0]
                try:
                    await self._bus.publish_event(entry.event, entry.fields)
                except (RedisError, OSError) as error:
                    log.warning("event not sent, trying again", error=type(error).__name__)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                if self._waiting and self._waiting[0] is entry:
                    self._waiting.popleft()
                entry.settle(is_sent=True)
            if not self._waiting:
                self._has_some.clear()
                self._is_empty.set()

    async def drained(self, timeout_seconds: float) -> bool:
        """Wait until everything is sent; False when that took too long."""
        try:
            await asyncio.wait_for(self._is_empty.wait(), timeout_seconds)
        except TimeoutError:
            return False
        return True
