"""How many people are in each room, over all servers: each server leases its own counts in Redis."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Protocol

from redis.exceptions import RedisError

from config.logs import logger
from server.infra.announce import room_channel

log = logger(__name__)

REFRESH_SECONDS = 1.0
LEASE_SECONDS = 10.0  # a server that died is no longer counted after this


class Leases(Protocol):
    """Values that go away by themselves unless renewed."""

    async def set_lease(self, name: str, value: dict[str, Any], seconds: float) -> None: ...
    async def drop_lease(self, name: str) -> None: ...
    async def leases(self, prefix: str) -> dict[str, dict[str, Any]]: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...


class Presence:
    """Counts of viewers; while Redis is away a server counts its own."""

    def __init__(self, leases: Leases, voice: Voice, server_id: str) -> None:
        self._leases = leases
        self._voice = voice
        self._name = f"presence:{server_id}"
        self._own: Counter[str] = Counter()
        self._elsewhere: Counter[str] = Counter()
        self._told: dict[str, int] = {}

    def joined(self, room_id: str) -> None:
        """One more in a room of this server."""
        self._own[room_id] += 1

    def left(self, room_id: str) -> None:
        """One fewer."""
        self._own[room_id] -= 1
        if self._own[room_id] <= 0:
            del self._own[room_id]

    async def counts(self, room_ids: list[str]) -> dict[str, int]:
        """How many are in each of these rooms; at most REFRESH_SECONDS old for other servers."""
        return {room_id: self._own[room_id] + self._elsewhere[room_id] for room_id in room_ids}

    async def run(self) -> None:
        """Renew the lease, read the others', tell rooms whose count changed; runs until cancelled."""
        try:
            while True:
                await asyncio.sleep(REFRESH_SECONDS)
                await self.refresh()
        finally:
            await self._give_up()

    async def refresh(self) -> None:
        """One round of `run`."""
        try:
            await self._leases.set_lease(self._name, dict(self._own), LEASE_SECONDS)
            leases = await self._leases.leases("presence:")
        except RedisError as error:
            log.warning("presence counts only this server", error=type(error).__name__)
            leases = {}
        self._elsewhere = Counter()
        for name, counts in leases.items():
            if name != self._name:
                self._elsewhere.update({room: int(count) for room, count in counts.items()})
        totals = {room: self._own[room] + self._elsewhere[room] for room in {*self._own, *self._elsewhere}}
        for room_id in {*self._told, *totals}:
            if (count := totals.get(room_id, 0)) != self._told.get(room_id):
                await self._voice.tell(room_channel(room_id), "viewers", {"count": count})
        self._told = totals

    async def _give_up(self) -> None:
        try:
            await self._leases.drop_lease(self._name)
        except RedisError as error:
            log.info("presence lease runs out by itself", error=type(error).__name__)
