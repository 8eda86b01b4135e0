"""What people do with polls: staff opens and closes one, everybody votes once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from config.clock import Clock
from config.tasks import Tasks
from server.accounts.model import User
from server.errors import BadRequest, Conflict, NotFound
from server.ids import new_id
from server.infra.announce import Build, room_channel
from server.infra.together import Together
from server.moderation.door import Entry
from server.moderation.model import Act
from server.polls.model import Poll, check_poll
from server.polls.shape import poll_shape

COUNTS_WINDOW_SECONDS = 1.0


class Store(Protocol):
    """What this service keeps."""

    async def add(self, poll: Poll) -> bool: ...
    async def get(self, room_id: str, poll_id: str) -> Poll | None: ...
    async def newest(self, room_id: str) -> Poll | None: ...
    async def close(self, room_id: str, poll_id: str, at: datetime) -> Poll | None: ...
    async def vote(self, poll_id: str, user_id: str, option: int) -> bool: ...
    async def vote_of(self, poll_id: str, user_id: str) -> int | None: ...
    async def counts(self, poll_id: str) -> dict[int, int]: ...


class Door(Protocol):
    """Says who may take part and who is staff."""

    async def staff(self, user: User, room_id: str) -> Entry: ...
    async def take_part(self, user: User, room_id: str, address: str) -> Entry: ...


class Log(Protocol):
    """The moderation log."""

    async def note(self, entry: Entry, actor: User, act: Act, subject: str = "", **more: Any) -> None: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...
    def tell_soon(self, channel: str, event: str, window_seconds: float, build: Build) -> None: ...


class Polls:
    """Polls of all rooms. Results are counted from the votes, so every vote that was acknowledged is in them."""

    def __init__(self, store: Store, door: Door, log: Log, voice: Voice, tasks: Tasks, clock: Clock) -> None:
        self._store = store
        self._door = door
        self._log = log
        self._voice = voice
        self._clock = clock
        # Each vote is answered with the counts: a room that votes at one moment counts once for all.
        self._counts = Together("counting votes", tasks, self._count)

    async def open(self, actor: User, room_id: str, question: str, options: Sequence[str]) -> dict[str, Any]:
        """Ask the room. Raises BadRequest, Conflict (`poll_running`), NotAllowed."""
        entry = await self._door.staff(actor, room_id)
        asked, offered = check_poll(question, options)
        poll = Poll(new_id(), room_id, asked, offered, self._clock.now())
        await self._log.note(entry, actor, Act.OPEN_POLL, f"{asked}: {' / '.join(offered)}")
        if not await self._store.add(poll):
            raise Conflict("another poll is open; close it first", code="poll_running")
        return await self._tell(poll)

    async def close(self, actor: User, room_id: str, poll_id: str) -> dict[str, Any]:
        """End the voting. Raises NotAllowed, NotFound."""
        entry = await self._door.staff(actor, room_id)
        poll = await self._get(room_id, poll_id)
        await self._log.note(entry, actor, Act.CLOSE_POLL, poll.question)
        closed = await self._store.close(room_id, poll_id, self._clock.now())
        if closed is None:
            raise NotFound("this poll is closed already")
        # Whose vote was let in a moment before is counted too: told once more.
        self._tell_soon(room_id, poll_id)
        return await self._tell(closed)

    async def vote(self, user: User, room_id: str, poll_id: str, option: int, address: str) -> dict[str, Any]:
        """Vote, once. Raises BadRequest, Conflict (`poll_closed`, `voted_already`), NotAllowed, NotFound."""
        await self._door.take_part(user, room_id, address)
        poll = await self._get(room_id, poll_id)
        if poll.closed_at is not None:
            raise Conflict("this poll is closed", code="poll_closed")
        if option not in range(len(poll.options)):
            raise BadRequest("option: the number of one of the options")
        if not await self._store.vote(poll_id, user.id, option):
            raise Conflict("you have voted already", code="voted_already")
        self._tell_soon(room_id, poll_id)
        return {**await self._shape(poll), "my_option": option}

    async def shown(self, room_id: str, *, to_staff: bool) -> dict[str, Any]:
        """What everybody who joins sees."""
        poll = await self._store.newest(room_id)
        if poll is None or not poll.is_shown(self._clock.now()):
            return {"poll": None}
        return {"poll": {**await self._shape(poll), "my_option": None}}

    async def own(self, shown: Mapping[str, Any], user: User) -> dict[str, Any]:
        """How somebody voted, if he did."""
        poll = shown["poll"]
        mine = await self._store.vote_of(poll["id"], user.id) if poll else None
        return {} if mine is None else {"poll": {**poll, "my_option": mine}}

    async def _get(self, room_id: str, poll_id: str) -> Poll:
        poll = await self._store.get(room_id, poll_id)
        if poll is None:
            raise NotFound("there is no such poll")
        return poll

    async def _shape(self, poll: Poll) -> dict[str, Any]:
        return poll_shape(poll, await self._counts.get(poll.id) or {})

    async def _count(self, poll_ids: Sequence[str]) -> dict[str, dict[int, int]]:
        counts = await asyncio.gather(*(self._store.counts(poll_id) for poll_id in poll_ids))
        return dict(zip(poll_ids, counts, strict=True))

    async def _tell(self, poll: Poll) -> dict[str, Any]:
        shape = await self._shape(poll)
        await self._voice.tell(room_channel(poll.room_id), "poll", {"poll": shape})
        return shape

    def _tell_soon(self, room_id: str, poll_id: str) -> None:
        async def build() -> dict[str, Any] | None:
            poll = await self._store.get(room_id, poll_id)
            return None if poll is None else {"poll": await self._shape(poll)}

        self._voice.tell_soon(room_channel(room_id), "poll", COUNTS_WINDOW_SECONDS, build)
