"""What people do with draws: a host opens one, viewers enter, the time or the host ends it, anybody checks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from config.clock import Clock
from config.logs import logger
from server.accounts.model import User
from server.draws.model import (
    Draw,
    DrawState,
    Winner,
    check_draw,
    commitment_of,
    new_seed,
    ticket_of,
    winning_tickets,
)
from server.draws.shape import checkable_shape, draw_shape
from server.errors import Conflict, NotAllowed, NotFound
from server.ids import new_id
from server.infra.announce import Build, room_channel
from server.moderation.door import Entry
from server.moderation.model import Act
from server.rooms.model import RoomRole

log = logger(__name__)

COUNT_WINDOW_SECONDS = 1.0


class Store(Protocol):
    """What this service keeps."""

    async def add(self, draw: Draw) -> bool: ...
    async def get(self, draw_id: str) -> Draw | None: ...
    async def newest(self, room_id: str) -> Draw | None: ...
    async def due(self, now: datetime) -> list[Draw]: ...
    async def enter(self, draw_id: str, user_id: str, name: str, ticket: str) -> None: ...
    async def has_entered(self, draw_id: str, user_id: str) -> bool: ...
    async def count(self, draw_id: str) -> int: ...
    async def close(self, draw_id: str) -> Draw | None: ...
    async def tickets(self, draw_id: str) -> list[str]: ...
    async def holders(self, draw_id: str, tickets: Sequence[str]) -> dict[str, Winner]: ...
    async def finish(
        self, draw_id: str, tickets: Sequence[str], winners: Sequence[Winner], at: datetime
    ) -> Draw | None: ...


class Door(Protocol):
    """Says who may take part and who is the host."""

    async def look(self, user: User | None, room_id: str) -> Entry: ...
    async def take_part(self, user: User, room_id: str, address: str) -> Entry: ...


class Log(Protocol):
    """The moderation log."""

    async def note(self, entry: Entry, actor: User, act: Act, subject: str = "", **more: Any) -> None: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...
    def tell_soon(self, channel: str, event: str, window_seconds: float, build: Build) -> None: ...


class Draws:
    """Draws of all rooms. Whoever's entry was acknowledged is among those who can win."""

    def __init__(self, store: Store, door: Door, audit: Log, voice: Voice, clock: Clock) -> None:
        self._store = store
        self._door = door
        self._audit = audit
        self._voice = voice
        self._clock = clock

    async def open(self, host: User, room_id: str, title: str, places: int, minutes: int) -> dict[str, Any]:
        """Begin a draw; its seed is fixed now, and promised.

        Raises:
            BadRequest, Conflict (`draw_running`), NotAllowed
        """
        entry = await self._only_host(host, room_id)
        cleaned, seed, now = check_draw(title, places, minutes), new_seed(), self._clock.now()
        draw = Draw(
            id=new_id(),
            room_id=room_id,
            title=cleaned,
            places=places,
            seed=seed,
            commitment=commitment_of(seed),
            opened_at=now,
            closes_at=now + timedelta(minutes=minutes),
        )
        await self._audit.note(entry, host, Act.OPEN_DRAW, f"{cleaned} × {places}, {draw.commitment}")
        if not await self._store.add(draw):
            raise Conflict("another draw is not drawn yet", code="draw_running")
        return await self._tell(draw)

    async def enter(self, user: User, room_id: str, draw_id: str, address: str) -> dict[str, Any]:
        """Take part; answers the draw and one's ticket. Raises Conflict (`draw_closed`), NotAllowed, NotFound."""
        entry = await self._door.take_part(user, room_id, address)
        if entry.is_staff:
            raise NotAllowed("the room's staff takes no part", code="staff_cannot_win")
        draw = await self._get(draw_id)
        if draw.room_id != room_id:
            raise NotFound("there is no such draw")
        self._check_open(draw)
        ticket = ticket_of(draw_id, user.id)
        await self._store.enter(draw_id, user.id, user.display_name, ticket)
        # Tickets are read after the closing: if it is open still, this one will be read.
        self._check_open(await self._get(draw_id))
        self._voice.tell_soon(room_channel(room_id), "draw", COUNT_WINDOW_SECONDS, lambda: self._again(draw_id))
        return {**draw_shape(draw, await self._store.count(draw_id)), "my_ticket": ticket}

    async def draw_now(self, host: User, room_id: str, draw_id: str) -> dict[str, Any]:
        """End a draw before its time. Raises Conflict (`draw_closed`), NotAllowed, NotFound."""
        entry = await self._only_host(host, room_id)
        draw = await self._get(draw_id)
        if draw.room_id != room_id:
            raise NotFound("there is no such draw")
        await self._audit.note(entry, host, Act.DRAW, draw.title)
        drawn = await self._draw(draw)
        if drawn is None:
            raise Conflict("this draw is over", code="draw_closed")
        return drawn

    async def sweep(self) -> None:
        """Draw what is due, also what a server that died left half done."""
        for draw in await self._store.due(self._clock.now()):
            await self._draw(draw)

    async def check(self, draw_id: str) -> dict[str, Any]:
        """Everything that is needed to check a draw. Raises NotFound."""
        draw = await self._get(draw_id)
        return checkable_shape(draw, await self._store.count(draw_id))

    async def shown(self, room_id: str, *, to_staff: bool) -> dict[str, Any]:
        """What everybody who joins sees."""
        draw = await self._store.newest(room_id)
        if draw is None or not draw.is_shown(self._clock.now()):
            return {"draw": None}
        return {"draw": {**draw_shape(draw, await self._store.count(draw.id)), "my_ticket": None}}

    async def own(self, shown: Mapping[str, Any], user: User) -> dict[str, Any]:
        """Somebody's ticket, if he takes part."""
        draw = shown["draw"]
        if draw is None or not await self._store.has_entered(draw["id"], user.id):
            return {}
        return {"draw": {**draw, "my_ticket": ticket_of(draw["id"], user.id)}}

    async def _draw(self, draw: Draw) -> dict[str, Any] | None:
        if await self._store.close(draw.id) is None:
            return None
        tickets = await self._store.tickets(draw.id)
        won = winning_tickets(draw.seed, tickets, draw.places)
        holders = await self._store.holders(draw.id, won)
        winners = [holders[ticket] for ticket in won]
        drawn = await self._store.finish(draw.id, tickets, winners, self._clock.now())
        if drawn is None:
            return None
        log.info("draw drawn", draw=draw.id, entered=len(tickets), winners=len(winners))
        return await self._tell(drawn)

    def _check_open(self, draw: Draw) -> None:
        if draw.state is not DrawState.OPEN or self._clock.now() >= draw.closes_at:
            raise Conflict("this draw is over", code="draw_closed")

    async def _only_host(self, user: User, room_id: str) -> Entry:
        entry = await self._door.look(user, room_id)
        if entry.role is not RoomRole.HOST:
            raise NotAllowed("only the room's host may do this")
        return entry

    async def _get(self, draw_id: str) -> Draw:
        draw = await self._store.get(draw_id)
        if draw is None:
            raise NotFound("there is no such draw")
        return draw

    async def _tell(self, draw: Draw) -> dict[str, Any]:
        shape = draw_shape(draw, await self._store.count(draw.id))
        await self._voice.tell(room_channel(draw.room_id), "draw", {"draw": shape})
        return shape

    async def _again(self, draw_id: str) -> dict[str, Any] | None:
        draw = await self._store.get(draw_id)
        return None if draw is None else {"draw": draw_shape(draw, await self._store.count(draw_id))}
