"""Puts out who is banned: at once, in each server process, whatever his pages do; what he watches ends, too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from config.clock import Clock
from config.tasks import Tasks
from server.accounts.model import User
from server.infra.announce import user_of
from server.infra.listeners import MISSED
from server.infra.room_log import Told
from server.moderation.model import Sanction
from server.sio import Peer

SANCTION = "sanction"  # tells all of a person's pages, and so all servers that have one
CLOCKS_APART = timedelta(seconds=10)  # of servers; a ban that is so much older than the last sweep is looked at again


class Bans(Protocol):
    """Who was banned."""

    async def bans_since(self, moment: datetime) -> list[Sanction]: ...


class Passes(Protocol):
    """What lets somebody watch."""

    async def void(self, sanction: Sanction) -> None: ...


class Door(Protocol):
    """Says who may be in a room."""

    async def keeps_out(self, user: User | None, room_id: str) -> bool: ...


class Pages(Protocol):
    """The open pages of this process."""

    def pages_of(self, user_id: str) -> list[Peer]: ...
    def tell_page(self, sid: str, event: str, data: dict[str, Any]) -> None: ...


class Bouncer:
    """Hears of bans from events, which are quick, and finds those of which no event came by looking."""

    def __init__(
        self,
        bans: Bans,
        door: Door,
        passes: Passes,
        pages: Pages,
        leave: Callable[[Peer], Awaitable[None]],
        tasks: Tasks,
        clock: Clock,
    ) -> None:
        self._bans = bans
        self._door = door
        self._passes = passes
        self._pages = pages
        self._leave = leave
        self._tasks = tasks
        self._clock = clock
        self._looked_at = clock.now()

    def hear(self, told: Told) -> None:
        """An event about somebody of this process: perhaps he is banned now."""
        self._tasks.start("putting out", self._put_out(user_of(told.channel)))

    async def sweep(self) -> None:
        """Look for bans since the last time."""
        now = self._clock.now()
        bans = await self._bans.bans_since(self._looked_at - CLOCKS_APART)
        for user_id in dict.fromkeys(ban.user_id for ban in bans):
            await self._put_out(user_id)
        await asyncio.gather(*(self._passes.void(ban) for ban in bans))
        self._looked_at = now

    async def _put_out(self, user_id: str) -> None:
        pages = self._pages.pages_of(user_id)
        for peer in pages:
            peer.bans_heard += 1  # whoever is just joining asks the door again
        for peer in pages:
            room_id = peer.room_id
            if room_id is None or not await self._door.keeps_out(peer.user, room_id):
                continue
            if peer.room_id == room_id:  # he may have gone to another one while we asked
                await self._leave(peer)
                self._pages.tell_page(peer.sid, MISSED, {})  # it joins again, and hears why it can't
