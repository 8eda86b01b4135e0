"""What everybody who joins a room is shown: built and written once for all who join while nothing happens in it."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic_core import to_json

from config.tasks import Tasks
from server.accounts.model import User
from server.cards.card import Card
from server.cards.shape import card_shape
from server.chat.model import ChatMessage
from server.chat.shape import message_shape
from server.errors import NotFound
from server.infra.announce import room_channel
from server.infra.room_log import NO_NUMBER
from server.infra.together import Together
from server.rooms.model import Room
from server.rooms.service import RoomView
from server.rooms.shape import room_shape
from server.streams.model import Stream

KEPT_SECONDS = 0.5  # for what changes without being told: followers, titles
ROOMS_KEPT = 200
ADDRESSES_KEPT = 8  # names under which pages reach this server

Fields = Mapping[str, Any]
FindSale = Callable[[str], Awaitable[dict[str, Any] | None]]


class Rooms(Protocol):
    """Rooms with what is on in them."""

    async def look_by_id(self, room_id: str) -> RoomView: ...


class Chat(Protocol):
    """What was said."""

    async def history(self, room_id: str) -> list[ChatMessage]: ...
    async def likes(self, room_id: str) -> int: ...


class Cards(Protocol):
    """What is pinned."""

    async def current(self, stream: Stream | None) -> Card | None: ...


class Followers(Protocol):
    """How many follow a room."""

    async def count(self, room_id: str) -> int: ...


class Order(Protocol):
    """The numbers of what a room was told."""

    async def number(self, name: str) -> int: ...


class Part(Protocol):
    """A noun that has something to show to whoever joins; `own` says what of it is another thing for one person."""

    async def shown(self, room_id: str, *, to_staff: bool) -> dict[str, Any]: ...
    async def own(self, shown: Fields, user: User) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """A room at the moment of a number: all that it was told up to there is in it. `written`: its fields as JSON."""

    number: int
    at: float
    view: RoomView
    followers: int
    fields: Fields
    written: Mapping[str, bytes]
    _rooms: dict[str, bytes] = field(default_factory=dict)

    def room(self, media_base: str) -> bytes:
        """`Room` as JSON, for pages that reach the media node there."""
        written = self._rooms.get(media_base)
        if written is None:
            written = to_json(room_shape(self.view, media_base))
            if len(self._rooms) < ADDRESSES_KEPT:
                self._rooms[media_base] = written
        return written


class Showing:
    """Answers joins. A page hears its channel before it asks, so nothing falls between the answer and what it hears.

    What was built before is as good as new while its number is still the room's last one; else it is built anew,
    once for all who ask while another is being built.
    """

    def __init__(
        self,
        rooms: Rooms,
        chat: Chat,
        cards: Cards,
        find_sale: FindSale,
        followers: Followers,
        order: Order,
        parts: Sequence[Part],
        tasks: Tasks,
    ) -> None:
        self._rooms = rooms
        self._chat = chat
        self._cards = cards
        self._find_sale = find_sale
        self._followers = followers
        self._order = order
        self._parts = parts
        self._kept: OrderedDict[tuple[str, bool], Shown] = OrderedDict()  # the least used one gives way
        self._together = Together("showing rooms", tasks, self._build_all)

    async def now(self, room: Room, *, to_staff: bool) -> Shown:
        """A room as it is now. Raises NotFound."""
        key = (room.id, to_staff)
        number = await self._order.number(room_channel(room.id))
        kept = self._fresh(key)
        if kept is not None and number != NO_NUMBER and kept.number == number:
            return kept
        built = await self._together.get(key)
        if built is None:
            raise NotFound("there is no such room")
        return built

    async def lately(self, room: Room, *, to_staff: bool) -> Shown:
        """A room as it was a moment ago, for what no number counts. Raises NotFound."""
        return self._fresh((room.id, to_staff)) or await self.now(room, to_staff=to_staff)

    async def own(self, shown: Shown, user: User | None) -> dict[str, Any]:
        """Fields that are other ones for one person."""
        if user is None:
            return {}
        own: dict[str, Any] = {}
        for more in await asyncio.gather(*(part.own(shown.fields, user) for part in self._parts)):
            own |= more
        return own

    def _fresh(self, key: tuple[str, bool]) -> Shown | None:
        kept = self._kept.get(key)
        return kept if kept is not None and time.monotonic() - kept.at < KEPT_SECONDS else None

    async def _build_all(self, keys: Sequence[tuple[str, bool]]) -> dict[tuple[str, bool], Shown]:
        built = await asyncio.gather(*(self._build(room_id, to_staff=to_staff) for room_id, to_staff in keys))
        return {key: one for key, one in zip(keys, built, strict=True) if one is not None}

    async def _build(self, room_id: str, *, to_staff: bool) -> Shown | None:
        begin = time.monotonic()
        number = await self._order.number(room_channel(room_id))  # first: what is read later is at least as new
        try:
            view = await self._rooms.look_by_id(room_id)
        except NotFound:
            return None
        chat, card, sale, likes, followers, *parts = await asyncio.gather(
            self._chat.history(room_id),
            self._cards.current(view.stream),
            self._find_sale(room_id),
            self._chat.likes(room_id),
            self._followers.count(room_id),
            *(part.shown(room_id, to_staff=to_staff) for part in self._parts),
        )
        fields: dict[str, Any] = {
            "chat": [message_shape(message) for message in chat],
            "card": card_shape(card),
            "sale": sale,
            "likes": likes,
        }
        for part in parts:
            fields |= part
        written = {name: to_json(value) for name, value in fields.items()}
        shown = Shown(number, begin, view, followers, fields, written)
        self._keep((room_id, to_staff), shown)
        return shown

    def _keep(self, key: tuple[str, bool], shown: Shown) -> None:
        self._kept[key] = shown
        self._kept.move_to_end(key)
        if len(self._kept) > ROOMS_KEPT:
            self._kept.popitem(last=False)
