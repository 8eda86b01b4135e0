"""What people do with rooms they like: follow them, and stop following."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from config.clock import Clock
from config.tasks import Tasks
from server.accounts.model import User
from server.errors import NotFound
from server.infra.together import Together
from server.rooms.model import Room

FOLLOW_LIMIT = "30/minute"


class Store(Protocol):
    """What this service keeps."""

    async def add(self, room_id: str, user_id: str, at: datetime) -> None: ...
    async def drop(self, room_id: str, user_id: str) -> None: ...
    async def among(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bool]: ...
    async def count(self, room_id: str) -> int: ...


class Rooms(Protocol):
    """Finds a room by its address."""

    async def by_slug(self, slug: str) -> Room | None: ...


class Limits(Protocol):
    """Counts how often."""

    async def check(self, limit: str, *who: str) -> None: ...


class Follows:
    """Followers of all rooms."""

    def __init__(self, store: Store, rooms: Rooms, limits: Limits, tasks: Tasks, clock: Clock) -> None:
        self._store = store
        self._rooms = rooms
        self._limits = limits
        self._clock = clock
        self._pairs = Together("asking who follows", tasks, store.among)

    async def follow(self, user: User, slug: str, *, wanted: bool) -> int:
        """Follow a room or stop it; answers how many do. Raises NotFound, TooManyRequests."""
        room = await self._rooms.by_slug(slug)
        if room is None:
            raise NotFound("there is no such room")
        await self._limits.check(FOLLOW_LIMIT, "follow", user.id)
        if wanted:
            await self._store.add(room.id, user.id, self._clock.now())
        else:
            await self._store.drop(room.id, user.id)
        return await self._store.count(room.id)

    async def follows(self, room_id: str, user_id: str) -> bool:
        """Whether somebody follows a room."""
        return bool(await self._pairs.get((room_id, user_id)))

    async def count(self, room_id: str) -> int:
        """How many follow a room."""
        return await self._store.count(room_id)
