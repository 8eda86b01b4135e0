"""Socket.IO events: join and leave a room; joining answers all that a page needs to begin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import Field
from pydantic_core import to_json

from config.clock import Clock
from config.tasks import Tasks
from media.passes import Pass
from server.accounts.model import User
from server.errors import Conflict, NotAllowed
from server.http import Body
from server.infra.announce import room_channel
from server.infra.room_log import Told
from server.infra.together import Together
from server.moderation.model import Sanction
from server.moderation.shape import sanction_shape
from server.rooms.model import STAFF, Room, role_in, staff_channel
from server.rooms.presence import Presence
from server.rooms.shape import MediaAddress
from server.rooms.shown import Showing
from server.sio import Event, Peer, Reply, Written
from server.wire import iso


class Join(Body):
    """`join`"""

    slug: str = Field(max_length=100)
    after: int | None = Field(None, ge=1, strict=True)  # the number of the last event that the page has heard


class Leave(Body):
    """`leave`"""


class Channels(Protocol):
    """Lets a page hear a channel."""

    async def enter(self, peer: Peer, channel: str) -> None: ...
    async def exit(self, peer: Peer, channel: str) -> None: ...


class Door(Protocol):
    """Says who may come in."""

    async def enter(self, user: User | None, room: Room) -> Sanction | None: ...


class PassWriter(Protocol):
    """Writes what a page shows to the media node."""

    def write(self, shown: Pass) -> str: ...


class Order(Protocol):
    """What a room was told, by number."""

    async def missed(self, name: str, number: int) -> list[Told] | None: ...


class Rooms(Protocol):
    """Finds a room by its address."""

    async def find(self, slug: str) -> Room: ...


class Follows(Protocol):
    """Who follows a room."""

    async def follows(self, room_id: str, user_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Missed:
    """What pages missed after a number, as JSON, and the last number."""

    body: bytes
    number: int


class RoomEvents:
    """Joining and leaving."""

    def __init__(
        self,
        rooms: Rooms,
        showing: Showing,
        presence: Presence,
        media: MediaAddress,
        passes: PassWriter,
        clock: Clock,
        order: Order,
        door: Door,
        follows: Follows,
        tasks: Tasks,
    ) -> None:
        self._order = order
        self._door = door
        self._follows = follows
        self._rooms = rooms
        self._showing = showing
        self._presence = presence
        self._media = media
        self._passes = passes
        self._clock = clock
        # Pages that lost their connections at the same moment missed the same.
        self._missed = Together("asking what was missed", tasks, self._look_up)

    def events(self, channels: Callable[[], Channels]) -> list[Event[Any]]:
        """Events of this noun; `channels` answers the socket server, which is built after its events."""

        async def join(peer: Peer, fields: Join) -> Written:
            room = await self._rooms.find(fields.slug)
            came_at, bans_heard = self._clock.now(), peer.bans_heard
            mute = await self._door.enter(peer.user, room)
            if peer.room_id != room.id:
                await self.put_out(peer, channels())
                if peer.is_gone:  # hung up while we looked: nobody would count it out again
                    raise Conflict("this connection is closing", code="not_joined")
                peer.room_id, peer.room_host_id = room.id, room.host_id
                if _counts(peer):
                    self._presence.joined(room.id)
                await channels().enter(peer, room_channel(room.id))
            if peer.bans_heard != bans_heard:
                await self._ask_again(peer, room, channels())
            await self._hear_staff(peer, room, channels())
            # Read after entering: what changes from here on is also told, so nothing falls between.
            return Written(await self._answer(room, peer, self._me(room, peer, mute, came_at), fields.after))

        async def leave(peer: Peer, _: Leave) -> Reply:
            await self.put_out(peer, channels())
            return {}

        return [Event("join", Join, join), Event("leave", Leave, leave)]

    async def gone(self, peer: Peer) -> None:
        """A page has disconnected; its channels are gone already."""
        room_id, peer.room_id = peer.room_id, None
        if room_id is not None and _counts(peer):
            self._presence.left(room_id)

    async def put_out(self, peer: Peer, channels: Channels) -> None:
        """Let a page be in no room; in none already is fine."""
        if peer.room_id is not None:
            await channels.exit(peer, room_channel(peer.room_id))
            await channels.exit(peer, staff_channel(peer.room_id))
            await self.gone(peer)

    async def _ask_again(self, peer: Peer, room: Room, channels: Channels) -> None:
        """Somebody was banned while he came in: the answer of the door may be older than that. Raises NotAllowed."""
        try:
            await self._door.enter(peer.user, room)
        except NotAllowed:
            await self.put_out(peer, channels)
            raise

    async def _hear_staff(self, peer: Peer, room: Room, channels: Channels) -> None:
        """Staff hears what others don't; who was staff when he joined and is no more must stop hearing it."""
        if role_in(room, peer.user) in STAFF:
            await channels.enter(peer, staff_channel(room.id))
        else:
            await channels.exit(peer, staff_channel(room.id))

    def _me(self, room: Room, peer: Peer, mute: Sanction | None, came_at: datetime) -> dict[str, Any]:
        """What somebody is here. A ban since `came_at`, of which the door may not have known, voids the pass."""
        user = peer.user
        return {
            "role": role_in(room, user),
            "mute": sanction_shape(mute) if mute else None,
            "pass": self._passes.write(Pass(room.id, user.id, came_at.timestamp())) if user else None,
        }

    async def _answer(self, room: Room, peer: Peer, me: dict[str, Any], after: int | None) -> bytes:
        """What a page lacks: what it missed, if it was here a moment ago, else everything."""
        user, to_staff = peer.user, role_in(room, peer.user) in STAFF
        missed, following = await asyncio.gather(self._what_missed(room, after), self._is_following(room, user))
        fields = {
            b"me": to_json({**me, "following": following}),
            b"viewers": b"%d" % (await self._presence.counts([room.id]))[room.id],
            b"server_now": to_json(iso(self._clock.now())),
        }
        if missed is not None:
            shown = await self._showing.lately(room, to_staff=to_staff)
            fields |= {b"missed": missed.body, b"n": b"%d" % missed.number}
        else:
            shown = await self._showing.now(room, to_staff=to_staff)
            own = {name: to_json(value) for name, value in (await self._showing.own(shown, user)).items()}
            fields |= {name.encode(): written for name, written in {**shown.written, **own}.items()}
            fields |= {b"room": shown.room(self._media.base(peer.scheme, peer.host)), b"n": b"%d" % shown.number}
        fields[b"followers"] = b"%d" % shown.followers
        return b"{%s}" % b",".join(b'"%s":%s' % one for one in fields.items())

    async def _is_following(self, room: Room, user: User | None) -> bool:
        return user is not None and await self._follows.follows(room.id, user.id)

    async def _what_missed(self, room: Room, after: int | None) -> Missed | None:
        return None if after is None else await self._missed.get((room_channel(room.id), after))

    async def _look_up(self, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Missed]:
        found = await asyncio.gather(*(self._order.missed(channel, after) for channel, after in wanted))
        return {key: _missed(told, key[1]) for key, told in zip(wanted, found, strict=True) if told is not None}


def _missed(told: Sequence[Told], after: int) -> Missed:
    entries = (b'["%s",%s,%d]' % (one.event.encode(), one.body, one.number) for one in told)
    return Missed(b"[%s]" % b",".join(entries), told[-1].number if told else after)


def _counts(peer: Peer) -> bool:
    """A host in his own room is no viewer."""
    return peer.user is None or peer.user.id != peer.room_host_id
