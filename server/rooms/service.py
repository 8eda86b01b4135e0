"""What people do with rooms: look, open one, edit it, renew the stream key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from config.clock import Clock
from config.tasks import Tasks
from server.accounts.model import User
from server.errors import Conflict, NotFound
from server.ids import new_id
from server.infra.together import Together
from server.rooms.model import Room, check_slug, check_title, stream_key
from server.streams.model import Stream, StreamState


class Store(Protocol):
    """What this service keeps."""

    async def add(self, room: Room) -> None: ...
    async def get(self, room_id: str) -> Room | None: ...
    async def by_slug(self, slug: str) -> Room | None: ...
    async def by_slugs(self, slugs: Sequence[str]) -> list[Room]: ...
    async def by_host(self, host_id: str) -> Room | None: ...
    async def by_merchant(self, merchant_ids: list[str]) -> list[Room]: ...
    async def all(self) -> list[Room]: ...
    async def edit(self, room_id: str, changes: dict[str, str | datetime | None]) -> Room | None: ...
    async def renew_key(self, room_id: str) -> Room | None: ...


class Streams(Protocol):
    """What is or was on the air."""

    async def open_in(self, room_id: str) -> Stream | None: ...
    async def last_in(self, room_id: str) -> Stream | None: ...
    async def on_air(self) -> list[Stream]: ...


class Audience(Protocol):
    """How many are there."""

    async def counts(self, room_ids: list[str]) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room with what is on in it."""

    room: Room
    stream: Stream | None
    last_stream: Stream | None
    viewers: int

    @property
    def state(self) -> str:
        """`idle`, or the state of the unfinished stream."""
        return self.stream.state if self.stream else "idle"


ORDER_ON_PAGE = {StreamState.LIVE: 0, StreamState.INTERRUPTED: 1}


class Rooms:
    """Rooms for those who look, and for the hosts who own them."""

    def __init__(
        self, store: Store, streams: Streams, audience: Audience, tasks: Tasks, clock: Clock, key_secret: str
    ) -> None:
        self._store = store
        self._streams = streams
        self._audience = audience
        self._clock = clock
        self._key_secret = key_secret
        self._slugs = Together("asking for rooms", tasks, self._by_slugs)

    async def open(
        self,
        host: User,
        slug: str,
        title: str,
        merchant_id: str,
        *,
        cover_url: str | None = None,
        scheduled_at: datetime | None = None,
    ) -> Room:
        """Make the room of a host. Raises BadRequest, Conflict."""
        room = Room(
            id=new_id(),
            slug=check_slug(slug),
            title=check_title(title),
            host_id=host.id,
            host_name=host.display_name,
            merchant_id=merchant_id,
            cover_url=cover_url,
            scheduled_at=scheduled_at,
            key_version=1,
            created_at=self._clock.now(),
        )
        await self._store.add(room)
        return room

    async def has_room(self, host: User) -> bool:
        """Whether somebody has a room to be live in."""
        return await self._store.by_host(host.id) is not None

    async def check_free(self, slug: str) -> None:
        """Whether a room could be opened at an address. Raises BadRequest, Conflict (`slug_taken`)."""
        if await self._store.by_slug(check_slug(slug)) is not None:
            raise Conflict("this address is taken", code="slug_taken")

    async def list(self, merchant_id: str | None = None) -> list[RoomView]:
        """Every room, or those that sell for a merchant; those on the air first, then by next broadcast."""
        rooms = await (self._store.all() if merchant_id is None else self._store.by_merchant([merchant_id]))
        on_air = {stream.room_id: stream for stream in await self._streams.on_air()}
        counts = await self._audience.counts([room.id for room in rooms])
        views = [RoomView(room, on_air.get(room.id), None, counts.get(room.id, 0)) for room in rooms]
        return sorted(views, key=lambda view: ORDER_ON_PAGE.get(view.stream.state, 2) if view.stream else 2)

    async def look(self, slug: str) -> RoomView:
        """One room by address. Raises NotFound."""
        room = await self._store.by_slug(slug)
        if room is None:
            raise NotFound("there is no such room")
        return await self._view(room)

    async def find(self, slug: str) -> Room:
        """The room at an address. Raises NotFound."""
        room = await self._slugs.get(slug)
        if room is None:
            raise NotFound("there is no such room")
        return room

    async def _by_slugs(self, slugs: Sequence[str]) -> dict[str, Room]:
        return {room.slug: room for room in await self._store.by_slugs(slugs)}

    async def look_by_id(self, room_id: str) -> RoomView:
        """One room by id. Raises NotFound."""
        room = await self._store.get(room_id)
        if room is None:
            raise NotFound("there is no such room")
        return await self._view(room)

    async def own(self, host: User) -> RoomView:
        """The room of a host. Raises NotFound."""
        room = await self._store.by_host(host.id)
        if room is None:
            raise NotFound("you have no room yet")
        return await self._view(room)

    async def edit(self, host: User, changes: dict[str, str | datetime | None]) -> RoomView:
        """Change the title or the next broadcast. Raises BadRequest, NotFound."""
        view = await self.own(host)
        if "title" in changes:
            title = changes["title"]
            changes = {**changes, "title": check_title(title if isinstance(title, str) else "")}
        room = await self._store.edit(view.room.id, changes) if changes else view.room
        if room is None:
            raise NotFound("you have no room yet")
        return await self._view(room)

    async def renew_key(self, host: User) -> RoomView:
        """Void the stream key and make a new one. Raises NotFound."""
        view = await self.own(host)
        room = await self._store.renew_key(view.room.id)
        if room is None:
            raise NotFound("you have no room yet")
        return await self._view(room)

    def key_of(self, room: Room) -> str:
        """The room's stream key; for its host only."""
        return stream_key(self._key_secret, room)

    async def _view(self, room: Room) -> RoomView:
        counts = await self._audience.counts([room.id])
        return RoomView(
            room,
            await self._streams.open_in(room.id),
            await self._streams.last_in(room.id),
            counts.get(room.id, 0),
        )
