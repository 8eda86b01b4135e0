"""What staff reads: rules, words, helpers, who is muted or banned, what waits, and the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.chat.model import ChatMessage
from server.errors import NotAllowed, NotFound
from server.moderation.door import Door
from server.moderation.model import EVERYWHERE, LogEntry, Sanction
from server.moderation.words import ForbiddenWord
from server.rooms.model import Room, RoomRole

LOG_PAGE = 50


class Store(Protocol):
    """What is kept."""

    async def sanctions_in(self, room_id: str, now: datetime) -> list[Sanction]: ...
    async def bans_since(self, moment: datetime) -> list[Sanction]: ...
    async def words(self, room_id: str) -> tuple[ForbiddenWord, ...]: ...
    async def entries(self, room_id: str | None, before: str | None, count: int) -> list[LogEntry]: ...


class Rooms(Protocol):
    """Finds rooms by their address or ids."""

    async def by_slug(self, slug: str) -> Room | None: ...
    async def by_ids(self, room_ids: Sequence[str]) -> list[Room]: ...


class Messages(Protocol):
    """The chat."""

    async def held(self, room_id: str) -> list[ChatMessage]: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that a room's staff sees at once."""

    room: Room
    role: RoomRole
    words: tuple[ForbiddenWord, ...]
    sanctions: list[Sanction]
    held: list[ChatMessage]


class Board:
    """Reads for staff and operators."""

    def __init__(self, store: Store, door: Door, rooms: Rooms, messages: Messages, clock: Clock) -> None:
        self._store = store
        self._door = door
        self._rooms = rooms
        self._messages = messages
        self._clock = clock

    async def find(self, slug: str) -> Room:
        """A room by its address. Raises NotFound."""
        room = await self._rooms.by_slug(slug)
        if room is None:
            raise NotFound("there is no such room")
        return room

    async def look(self, user: User, slug: str) -> Desk:
        """A room's desk. Raises NotAllowed, NotFound."""
        entry = await self._door.staff(user, (await self.find(slug)).id)
        room_id = entry.room.id
        return Desk(
            entry.room,
            entry.role,
            await self._store.words(room_id),
            await self._store.sanctions_in(room_id, self._clock.now()),
            await self._messages.held(room_id),
        )

    async def log(self, user: User, slug: str, before: str | None) -> list[LogEntry]:
        """A page of a room's log, newest first; for its host and operators. Raises NotAllowed, NotFound."""
        entry = await self._door.staff(user, (await self.find(slug)).id)
        if entry.role is RoomRole.HELPER:
            raise NotAllowed("only the host and operators read the log")
        return await self._store.entries(entry.room.id, before, LOG_PAGE)

    async def whole_log(self, before: str | None) -> list[LogEntry]:
        """A page of the log of all rooms; for operators, whom the caller has checked."""
        return await self._store.entries(None, before, LOG_PAGE)

    async def bans_since(self, moment: datetime) -> list[Sanction]:
        """Who was banned from where since a moment."""
        return await self._store.bans_since(moment)

    async def rooms_of(self, entries: Iterable[LogEntry]) -> dict[str, Room]:
        """The rooms of which a log speaks, by id."""
        room_ids = {entry.room_id for entry in entries if entry.room_id != EVERYWHERE}
        return {room.id: room for room in await self._rooms.by_ids(sorted(room_ids))}

    async def everywhere(self) -> list[Sanction]:
        """Who is muted or banned in all rooms, newest first; for operators, whom the caller has checked."""
        return await self._store.sanctions_in(EVERYWHERE, self._clock.now())

    async def platform_words(self) -> tuple[ForbiddenWord, ...]:
        """The list that holds in every room."""
        return await self._store.words(EVERYWHERE)
