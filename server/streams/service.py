"""What happens to a broadcast: somebody may publish, a picture comes, is lost, comes back, ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypedDict, Unpack

from config.clock import Clock
from config.logs import logger
from server.errors import Conflict, NotAllowed, NotFound
from server.ids import new_id
from server.infra.announce import room_channel
from server.rooms.model import Room, is_stream_key
from server.streams.audience import Audience, add_up, audience_leases, read_reports
from server.streams.model import ON_AIR, EndReason, Step, Stream, StreamState, next_state, timeline_ms
from server.streams.shape import stream_shape

log = logger(__name__)

MOVE_TRIES = 3  # somebody else moved the stream meanwhile: read again


class Store(Protocol):
    """What this service keeps."""

    async def add(self, stream: Stream) -> bool: ...
    async def get(self, stream_id: str) -> Stream | None: ...
    async def open_in(self, room_id: str) -> Stream | None: ...
    async def on_air(self) -> list[Stream]: ...
    async def set_lesson(self, stream_id: str, lesson_id: str | None) -> None: ...
    async def starting_before(self, moment: datetime) -> list[Stream]: ...
    async def move(self, before: Stream, after: Stream) -> Stream | None: ...


class Rooms(Protocol):
    """Finds rooms by address."""

    async def by_slug(self, slug: str) -> Room | None: ...


class Nodes(Protocol):
    """Speaks to the media nodes."""

    async def send_command(self, command: str, fields: dict[str, Any]) -> int: ...
    async def leases(self, prefix: str) -> dict[str, dict[str, Any]]: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...


class EndListener(Protocol):
    """Who must know that a stream is over."""

    async def stream_ended(self, stream: Stream, duration_ms: int) -> None: ...


class Changes(TypedDict, total=False):
    """What a step sets of a stream."""

    started_at: datetime
    first_picture_at: datetime
    ended_at: datetime
    end_reason: EndReason | None
    reported_at: datetime


class Streams:
    """The life of broadcasts. Media nodes report what they see; this decides what it means."""

    def __init__(
        self,
        store: Store,
        rooms: Rooms,
        nodes: Nodes,
        voice: Voice,
        clock: Clock,
        *,
        key_secret: str,
        start_timeout_seconds: float,
        lost_after_seconds: float,
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._nodes = nodes
        self._voice = voice
        self._clock = clock
        self._key_secret = key_secret
        self._start_timeout = timedelta(seconds=start_timeout_seconds)
        self._lost_after = timedelta(seconds=lost_after_seconds)
        self._unseen_since: dict[str, datetime] = {}
        self._end_listeners: Sequence[EndListener] = ()

    def tell_ends_to(self, *listeners: EndListener) -> None:
        """Whom to call, in this order, when a stream has ended."""
        self._end_listeners = listeners

    async def get(self, stream_id: str) -> Stream:
        """One stream. Raises NotFound."""
        stream = await self._store.get(stream_id)
        if stream is None:
            raise NotFound("there is no such stream")
        return stream

    async def on_air_in(self, room_id: str) -> Stream:
        """The stream that is on in a room now. Raises Conflict (`not_live`)."""
        stream = await self._store.open_in(room_id)
        if stream is None or stream.state not in ON_AIR:
            raise Conflict("nothing is live in this room", code="not_live")
        return stream

    async def audience_in(self, room_id: str) -> Audience | None:
        """What the viewers of the room's stream get now; None while nothing is on."""
        stream = await self._store.open_in(room_id)
        if stream is None:
            return None
        return add_up(read_reports(await self._nodes.leases(audience_leases(stream.id))))

    async def let_in(self, slug: str, key: str) -> Stream:
        """The stream that a key may publish: the room's unfinished one, or a new one.

        Raises:
            NotFound (`unknown_room`), NotAllowed (`key_wrong`)
        """
        room = await self._rooms.by_slug(slug)
        if room is None:
            raise NotFound("there is no such room", code="unknown_room")
        if not is_stream_key(self._key_secret, room, key):
            raise NotAllowed("this stream key does not open this room", code="key_wrong")
        for _ in range(MOVE_TRIES):
            if (stream := await self._store.open_in(room.id)) is not None:
                return stream
            stream = Stream(
                id=new_id(),
                room_id=room.id,
                host_id=room.host_id,
                title=room.title,
                state=StreamState.STARTING,
                created_at=self._clock.now(),
            )
            if await self._store.add(stream):
                return stream
        raise Conflict("the room's stream is changing; please try again")

    async def publisher_joined(self, stream_id: str, at: datetime, first_picture_at: datetime | None) -> None:
        """A media node saw the publisher's picture. A report that comes after a newer one is old news."""
        stream = await self.get(stream_id)
        if _is_old_news(stream, at):
            return
        joined = await self._step(
            stream,
            Step.JOIN,
            started_at=stream.started_at or self._clock.now(),
            first_picture_at=stream.first_picture_at or first_picture_at or at,
            reported_at=at,
        )
        if joined.state is not StreamState.LIVE:
            log.warning("a picture came for a stream that is over", stream=stream_id, state=joined.state)

    async def publisher_left(self, stream_id: str, at: datetime) -> None:
        """A media node lost the publisher, who may come back. A report that comes after a newer one is old news."""
        stream = await self.get(stream_id)
        if not _is_old_news(stream, at):
            await self._step(stream, Step.LOSE, reported_at=at)

    async def publisher_ended(
        self, stream_id: str, duration_ms: int, at: datetime | None = None, reason: EndReason | None = None
    ) -> Stream:
        """A media node says that the broadcast is over, and was at that moment. Safe to hear twice."""
        return await self._end(await self.get(stream_id), duration_ms, at or self._clock.now(), reason)

    async def end_by_host(self, room_id: str) -> Stream:
        """The host ends the broadcast from the page. Raises Conflict (`not_live`)."""
        stream = await self.on_air_in(room_id)
        await self._nodes.send_command("end_stream", {"stream_id": stream.id})
        now = self._clock.now()
        return await self._end(stream, timeline_ms(stream, now), now, EndReason.COMMAND)

    async def became_lesson(self, stream_id: str, lesson_id: str | None) -> None:
        """The replay is in the library, or was taken out of it. The room is told unless its next stream is on."""
        await self._store.set_lesson(stream_id, lesson_id)
        stream = await self.get(stream_id)
        if await self._store.open_in(stream.room_id) is None:
            await self._tell(stream)

    async def sweep(self) -> None:
        """Close what never began, and what no media node knows any more."""
        # Leases first: with Redis away nothing is closed, for then the media nodes can't report either.
        known = {lease.get("stream_id") for lease in (await self._nodes.leases("stream:")).values()}
        now = self._clock.now()
        for stream in await self._store.starting_before(now - self._start_timeout):
            if stream.id not in known:
                await self._step(stream, Step.GIVE_UP, ended_at=now)
        on_air = await self._store.on_air()
        self._unseen_since = {
            stream.id: self._unseen_since.get(stream.id, now) for stream in on_air if stream.id not in known
        }
        for stream in on_air:
            since = self._unseen_since.get(stream.id)
            if since is not None and now - since > self._lost_after:
                log.warning("no media node knows this stream any more, ended", stream=stream.id)
                await self._end(stream, timeline_ms(stream, since), since, EndReason.LOST)

    async def _end(self, stream: Stream, duration_ms: int, at: datetime, reason: EndReason | None) -> Stream:
        ended = await self._step(stream, Step.END, ended_at=min(at, self._clock.now()), end_reason=reason)
        if ended.state is StreamState.ENDED:
            for listener in self._end_listeners:
                await listener.stream_ended(ended, duration_ms)
        return ended

    async def _step(self, stream: Stream, step: Step, **changes: Unpack[Changes]) -> Stream:
        """Do a step and set these fields; one that the table does not know any more changes nothing."""
        for _ in range(MOVE_TRIES):
            try:
                state = next_state(stream.state, step)
            except Conflict:
                return stream  # heard twice, or too late: what is true already stays true
            moved = await self._store.move(stream, replace(stream, state=state, **changes))
            if moved is not None:
                log.info("stream moved", stream=stream.id, state=state)
                await self._tell(moved)
                return moved
            stream = await self.get(stream.id)
        raise Conflict("the stream is changing; please try again")

    async def _tell(self, stream: Stream) -> None:
        await self._voice.tell(room_channel(stream.room_id), "stream", {"stream": stream_shape(stream)})


def _is_old_news(stream: Stream, at: datetime) -> bool:
    """Events may come late and in another order; the newest that was seen counts."""
    return stream.reported_at is not None and at < stream.reported_at
