"""Socket.IO events: join and leave a room; joining answers all that a page needs to begin."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from pydantic import Field

from config.clock import Clock
from server.accounts.model import User
from server.cards.service import Cards
from server.cards.shape import card_shape
from server.chat.service import Chat
from server.chat.shape import message_shape
from server.errors import Conflict, NotAllowed
from server.http import Body
from server.infra.announce import room_channel
from server.infra.room_log import Told
from server.moderation.model import Sanction
from server.moderation.shape import sanction_shape
from server.rooms.model import STAFF, Room, role_in, staff_channel
from server.rooms.presence import Presence
from server.rooms.service import Rooms, RoomView
from server.rooms.shape import MediaAddress, room_shape
from server.sio import Event, Peer, Reply
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


FindSale = Callable[[str], Awaitable[dict[str, Any] | None]]


class SnapshotPart(Protocol):
    """A noun that has something to show to whoever joins."""

    async def snapshot(self, room_id: str, user: User | None) -> dict[str, Any]: ...


class Door(Protocol):
    """Says who may come in."""

    async def enter(self, user: User | None, room: Room) -> Sanction | None: ...


class Order(Protocol):
    """The numbers of what a room was told."""

    async def number(self, name: str) -> int: ...
    async def missed(self, name: str, number: int) -> list[Told] | None: ...


class Follows(Protocol):
    """Who follows a room."""

    async def follows(self, room_id: str, user_id: str) -> bool: ...
    async def count(self, room_id: str) -> int: ...


class RoomEvents:
    """Joining and leaving. `find_sale` answers the shape of a room's open sale."""

    def __init__(
        self,
        rooms: Rooms,
        chat: Chat,
        cards: Cards,
        presence: Presence,
        find_sale: FindSale,
        media: MediaAddress,
        clock: Clock,
        order: Order,
        door: Door,
        follows: Follows,
        parts: Sequence[SnapshotPart] = (),
    ) -> None:
        self._order = order
        self._door = door
        self._follows = follows
        self._parts = parts
        self._rooms = rooms
        self._chat = chat
        self._cards = cards
        self._presence = presence
        self._find_sale = find_sale
        self._media = media
        self._clock = clock

    def events(self, channels: Callable[[], Channels]) -> list[Event[Any]]:
        """Events of this noun; `channels` answers the socket server, which is built after its events."""

        async def join(peer: Peer, fields: Join) -> Reply:
            room = (await self._rooms.look(fields.slug)).room
            bans_heard = peer.bans_heard
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
            return await self._answer(await self._rooms.look(fields.slug), peer, mute, fields.after)

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

    async def _answer(self, view: RoomView, peer: Peer, mute: Sanction | None, after: int | None) -> Reply:
        """What a page lacks: what it missed, if it was here a moment ago, else everything."""
        room_id, user = view.room.id, peer.user
        channel = room_channel(room_id)
        reply: Reply = {
            "me": {
                "role": role_in(view.room, user),
                "following": user is not None and await self._follows.follows(room_id, user.id),
                "mute": sanction_shape(mute) if mute else None,
            },
            "followers": await self._follows.count(room_id),
            "viewers": (await self._presence.counts([room_id]))[room_id],
            "server_now": iso(self._clock.now()),
        }
        missed = None if after is None else await self._order.missed(channel, after)
        if missed is not None:
            told = [[one.event, json.loads(one.body), one.number] for one in missed]
            return {**reply, "missed": told, "n": told[-1][2] if told else after}
        number = await self._order.number(channel)
        return {**reply, **await self._snapshot(view, peer), "n": number}

    async def _snapshot(self, view: RoomView, peer: Peer) -> Reply:
        room_id, user = view.room.id, peer.user
        more: Reply = {}
        for part in self._parts:
            more |= await part.snapshot(room_id, user)
        return {
            **more,
            "room": room_shape(view, self._media.base(peer.scheme, peer.host)),
            "chat": [message_shape(message) for message in await self._chat.history(room_id)],
            "card": card_shape(await self._cards.current(view.stream)),
            "sale": await self._find_sale(room_id),
            "likes": await self._chat.likes(room_id),
        }


def _counts(peer: Peer) -> bool:
    """A host in his own room is no viewer."""
    return peer.user is None or peer.user.id != peer.room_host_id
