"""The media node: its sessions and streams, and how it starts and stops."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol
from weakref import WeakValueDictionary

from redis.exceptions import RedisError

from config.bus import Payload
from config.logs import logger
from config.objects import ObjectsUnavailable
from config.settings import MediaSettings
from config.tasks import Tasks
from media.answer import CannotServe, ChosenMedia, choose_for_publisher, choose_for_viewer, write_answer
from media.authorize import Grant
from media.cluster.caller import Caller
from media.cluster.leases import LeaseKeeper
from media.cluster.neighbours import Neighbours
from media.cluster.presence import Presence
from media.cluster.pull import Pulls
from media.cluster.registry import Leases as RegistryBus
from media.cluster.registry import Registry, StreamSeen
from media.cluster.silent import NoRecorder, say_nothing
from media.cluster.turns import Turn
from media.dtls import Certificate
from media.events import Outbox
from media.glue import PacketMemory
from media.passes import Passes
from media.problems import already_live, cannot_serve, full, key_wrong, not_live, unavailable
from media.publisher import Publisher
from media.recording.feed import TakeRecorder
from media.recording.spool import RecoveredTake
from media.recording.take_spool import SpoolBusy
from media.resource import Resource, digest
from media.rtp.counters import Counters
from media.rtp.fanout import HOLD_SECONDS, Fanout
from media.rtp.feedback import CNAME
from media.rtp.outlet import Sender
from media.rtp.single import Single
from media.sdp import Offer
from media.session import Ending
from media.sessions import Sessions
from media.stream import Stream, StreamContext, StreamEnding, StreamState
from media.transport.addresses import candidates, interface_addresses
from media.transport.ice import IceLite
from media.transport.port import Port
from media.transport.tcp import TcpLimits
from media.upkeep import keep_up
from media.viewer import Viewer

log = logger(__name__)

# stream, room, how to ask for a keyframe, who had the stream before
MakeRecorder = Callable[[str, str, Callable[[], None], Turn], TakeRecorder]


class NodeBus(RegistryBus, Protocol):
    """The part of config.bus.Bus that a node uses."""

    async def publish_event(self, event: str, fields: Mapping[str, Any]) -> None: ...
    async def consume_commands(self, handle: Callable[[Payload], Any]) -> None: ...


class Authorizer(Protocol):
    """Who may publish."""

    async def authorize(self, slug: str, key: str) -> Grant: ...


class Node:
    """One media process. `start()` and `aclose()`; between them `publish`, `play` and what comes from the bus."""

    def __init__(
        self,
        settings: MediaSettings,
        bus: NodeBus,
        authorizer: Authorizer,
        make_recorder: MakeRecorder,
        neighbours: Neighbours,
    ) -> None:
        self.settings = settings
        self.counters = Counters()
        self.is_draining = False
        self.on_drain: list[Callable[[], None]] = []  # called once, when draining begins
        self.streams: dict[str, Stream] = {}
        self.given_up: set[str] = set()  # rooms whose streams go on elsewhere, if somebody takes them
        self.outbox = Outbox(bus)
        self.http_port = settings.media_http_port
        self.registry = Registry(bus, settings.node_id)
        self.passes = Passes(settings.internal_secret.get_secret_value())
        self.presence = Presence(self)
        self.keeper = LeaseKeeper(self.registry, self.presence)
        self._bus = bus
        self._authorizer = authorizer
        self._make_recorder = make_recorder
        self._certificate = Certificate()
        self._ice = IceLite(self.counters)
        self._memory = PacketMemory()
        self._sender = Sender(self.counters)
        self._single = Single(self._memory, self.counters)
        self._port: Port | None = None
        self.sessions = Sessions(settings, self._certificate, self._ice, self._memory, self.counters)
        self._tasks = Tasks("media node")
        self._finishing: set[asyncio.Task[None]] = set()
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._context = StreamContext(
            settings=settings,
            make_fanout=self._make_fanout,
            tasks=self._tasks,
            emit=self.emit,
            ended=self._stream_ended,
        )
        caller = Caller(self._certificate, self._memory, self.counters, neighbours)
        connect_seconds = settings.connect_timeout_seconds
        self.pulls = Pulls(self.registry, caller, self._make_copy, self.counters, connect_seconds)

    # -- start and stop

    async def start(self) -> None:
        """Open the port and begin the background work."""
        settings = self.settings
        self._port = Port(settings.media_host, settings.media_udp_port, self._ice, self.counters, TcpLimits())
        await self._port.start()
        addresses = settings.media_announced_addresses or interface_addresses()
        self.sessions.candidates = candidates(addresses, self._port.number)
        self._tasks.keep("send events", self.outbox.run)
        self._tasks.keep("tick", lambda: keep_up(self.all_streams, settings.consent_timeout_seconds))
        self._tasks.keep("take commands", lambda: self._bus.consume_commands(self._obey))
        log.info("port open for udp and tcp", port=self._port.number, addresses=list(addresses))

    @property
    def udp_port(self) -> int:
        """The real port, also when the settings say 0."""
        return self._port.number if self._port is not None else self.settings.media_udp_port

    def announce(self, http_port: int) -> None:
        """HTTP listens: stand in the registry from now on."""
        self.http_port = http_port
        self._tasks.keep("renew leases", self.keeper.run)

    async def take_recovered(self, take: RecoveredTake) -> bool:
        """A take that a crash had interrupted is whole: its stream has ended, unless its publisher is back.

        Waits until the servers are told; False: they were not.
        """
        if any(stream.stream_id == take.stream_id for stream in self.streams.values()):
            return False
        try:
            if take.stream_id in await self.registry.streams_elsewhere():
                return True  # whoever goes on with the stream tells of the whole take at its end
        except (RedisError, OSError):
            return False
        about = {"stream_id": take.stream_id, "room_id": take.room_id, "duration_ms": take.summary.duration_ms}
        self.emit("stream_ended", {**about, "reason": StreamEnding.VANISHED})
        found = {"has_video": take.summary.has_video, "has_audio": take.summary.has_audio}
        return await self.emit("take_ready", {**about, **found})

    def drain(self) -> None:
        """Take no new sessions; the first step of stopping."""
        if self.is_draining:
            return
        self.is_draining = True
        self.keeper.wake()
        for call in self.on_drain:
            call()

    async def aclose(self) -> None:
        """Say goodbye to everybody, finish recordings, tell the servers; takes at most `shutdown_seconds`."""
        self.drain()
        patience = time.monotonic() + self.settings.shutdown_seconds
        for stream in list(self.streams.values()):
            stream.end(StreamEnding.SHUTDOWN)
        waiting = self.sessions.end_all() | self._finishing
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=self.settings.shutdown_seconds)
            if late:
                log.warning("stopped before everything was finished", left=len(late))
        await self.pulls.aclose()
        await self.keeper.drop_all(max(0.5, patience - time.monotonic()))
        if not await self.outbox.drained(max(0.5, patience - time.monotonic())):
            log.warning("stopped before every event was sent")
        await self.sessions.aclose()
        await self._tasks.aclose()
        if self._port is not None:
            await self._port.aclose()

    # -- what clients ask for

    async def publish(self, slug: str, key: str, offer: Offer, wants_takeover: bool) -> Resource:
        """Accept a publisher.

        Raises:
            Problem: as PROTOCOL.md lists them.
        """
        try:
            chosen = choose_for_publisher(offer)
        except CannotServe as error:
            raise cannot_serve(str(error)) from None
        if self.must_turn_away(slug, is_publisher=True):
            raise full()
        grant = await self._authorizer.authorize(slug, key)
        async with self._opening.setdefault(slug, asyncio.Lock()):
            stream = await self._stream_for(slug, grant, digest(key), wants_takeover)
            session = self.sessions.open(offer)
            publisher = Publisher(session, chosen, stream, self.counters)
            stream.attach(publisher)
        self.keeper.wake()  # copies must know at once what this one sends
        answer = write_answer(offer, chosen, self.sessions.local(session), secrets.randbits(62))
        return self.sessions.run(Resource(session, slug, answer, _mids(chosen), digest(key)))

    async def _stream_for(self, slug: str, grant: Grant, key_digest: bytes, wants_takeover: bool) -> Stream:
        stream = self.streams.get(slug)
        if stream is not None and stream.stream_id != grant.stream_id:
            stream.end(StreamEnding.VANISHED)  # the server has closed it; this one is new
            stream = None
        if stream is not None:
            if stream.is_held(time.monotonic()):
                self._check_takeover(stream, key_digest, wants_takeover)
            return stream
        about = {"stream_id": grant.stream_id, "room_id": grant.room_id, "state": StreamState.STARTING.value}
        turn = await self.keeper.claim(slug, about)
        try:
            stream = await self._begin(slug, grant, turn)
            stream.turn = turn
            self.streams[slug] = stream
        except BaseException:
            await self.keeper.release(slug, None)
            raise
        return stream

    async def _begin(self, slug: str, grant: Grant, turn: Turn) -> Stream:
        def make_recorder(stream_id: str, room_id: str, request_keyframe: Callable[[], None]) -> TakeRecorder:
            return self._make_recorder(stream_id, room_id, request_keyframe, turn)

        copy = await self.pulls.surrender(slug, grant.stream_id)
        try:
            if copy is not None:  # viewers were here before the publisher
                await copy.become_origin(make_recorder, self._context)
                return copy
            stream = Stream(slug, grant.room_id, grant.stream_id, make_recorder, self._context)
            await stream.start()
        except (SpoolBusy, OSError, ObjectsUnavailable) as error:
            log.warning("recording cannot begin", stream=grant.stream_id, error=type(error).__name__)
            raise unavailable("the recording cannot begin now") from error
        return stream

    def _check_takeover(self, stream: Stream, key_digest: bytes, wants_takeover: bool) -> None:
        if not wants_takeover:
            raise already_live()
        publisher = stream.publisher
        holder = next((r for r in self.resources.values() if publisher and r.session is publisher.session), None)
        if holder is not None and not hmac.compare_digest(holder.key_digest or b"", key_digest):
            raise key_wrong()

    async def play(
        self, slug: str, offer: Offer, client: str = "", shown: str = "", *, is_copy: bool = False
    ) -> Resource:
        """Accept a viewer; `client` is his address as `client_of` writes it, `shown` his pass, if he has one.
        `is_copy`: it is another node.

        A stream whose publisher is at another node is copied from there, for all viewers here together.

        Raises:
            Problem: as PROTOCOL.md lists them.
        """
        stream = self.streams.get(slug) if is_copy else self.stream(slug)
        if not is_copy:
            self._check_viewer(client)
            if stream is None:
                stream = await self.pulls.stream(slug)
                self._check_viewer(client)
        if stream is None or not stream.published:
            raise not_live()
        found = self.passes.check(shown, stream.room_id, time.time())
        try:
            chosen = choose_for_viewer(offer, stream.published)
        except CannotServe as error:
            raise cannot_serve(str(error)) from None
        session = self.sessions.open(offer)
        viewer = Viewer(session, chosen, stream, self.counters)
        stream.add_viewer(viewer)
        local = self.sessions.local(session)
        answer = write_answer(offer, chosen, local, secrets.randbits(62), viewer.sending, CNAME.decode())
        return self.sessions.run(Resource(session, slug, answer, _mids(chosen), None, client, viewer, is_copy, found))

    def _check_viewer(self, client: str) -> None:
        if self.is_draining:
            raise full()
        self.sessions.check_viewer(client)

    @property
    def resources(self) -> dict[str, Resource]:
        """Everybody's sessions, by id."""
        return self.sessions.resources

    def stream(self, slug: str) -> Stream | None:
        """The stream of a room, as it is here: with its publisher, or as a copy."""
        return self.streams.get(slug) or self.pulls.get(slug)

    def viewers_of(self, stream: Stream) -> int:
        """How many people watch a stream, at all nodes together; those elsewhere as they were counted last."""
        return (
            len(stream.viewers) - self.sessions.copies[stream.slug] + self.registry.watching.get(stream.stream_id, 0)
        )

    def all_streams(self) -> list[Stream]:
        """Those with their publishers, and copies."""
        return [*self.streams.values(), *self.pulls.streams]

    def must_turn_away(self, slug: str, *, is_publisher: bool) -> bool:
        """Whether somebody new has no place here: the node is full, or about to stop.

        A publisher whose stream is here is let in until the end.
        """
        if self.is_draining and (not is_publisher or slug not in self.streams or slug in self.given_up):
            return True
        return not self.sessions.has_room(for_publisher=is_publisher)

    def elsewhere(self, slug: str) -> str | None:
        """The public address of another node with room, if it has one of its own."""
        node = self.registry.with_room()
        return node.public_url or None if node is not None else None

    def _make_fanout(self, kind: str, clock_rate: int) -> Fanout:
        return Fanout(kind, clock_rate, self._sender, self._single, self.counters, _hold)

    def _make_copy(self, seen: StreamSeen, ended: Callable[[Stream], None]) -> Stream:
        context = replace(self._context, emit=say_nothing, ended=ended)
        return Stream(seen.slug, seen.room_id, seen.stream_id, NoRecorder, context)

    # -- streams

    def _stream_ended(self, stream: Stream) -> None:
        """The room is free for the next stream at once; the recording finishes beside it."""
        if self.streams.get(stream.slug) is stream:
            del self.streams[stream.slug]
        task = self._tasks.start("finish recording", self._finish(stream))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish(self, stream: Stream) -> None:
        slug, is_over = stream.slug, not stream.is_moved
        is_free = slug not in self.streams and slug not in self._opening
        await self.keeper.release(slug if is_free else None, stream.stream_id if is_over else None)
        await stream.finish()

    async def give_up(self, slug: str) -> None:
        """Let another node have this stream: its publisher is about to be sent away."""
        self.given_up.add(slug)
        await self.keeper.release(slug, None)

    async def tell_left(self, slug: str) -> None:
        """Tell how far a stream that was given up has come here. Raises redis' errors and OSError."""
        stream = self.streams.get(slug)
        if stream is not None:
            await self.keeper.leave(self.presence.about(stream))

    def let_go(self, slug: str) -> None:
        """Another node has this stream now: everybody here leaves, and only the recorded part is finished."""
        stream = self.streams.get(slug)
        if stream is not None:
            stream.end(StreamEnding.MOVED)

    def emit(self, event: str, fields: Mapping[str, object]) -> asyncio.Future[bool]:
        """Tell the servers; answers later whether Redis took it."""
        at = datetime.now(UTC).isoformat()
        self.keeper.wake()
        return self.outbox.add(event, {**fields, "node_id": self.settings.node_id, "at": at})

    async def _obey(self, command: Payload) -> None:
        if command.get("command") == "end_stream":
            for stream in [s for s in self.streams.values() if s.stream_id == command.get("stream_id")]:
                stream.end(StreamEnding.COMMAND)
        elif command.get("command") == "void_passes":
            self.passes.void(command)
            for resource in self.resources.values():
                if resource.shown is not None and self.passes.is_void(resource.shown):
                    resource.session.end(Ending.BANNED)


def _mids(chosen: Sequence[ChosenMedia]) -> tuple[str, ...]:
    """The names of the m-lines that something flows over."""
    return tuple(media.offer.mid for media in chosen if media.codecs)


def _hold(release: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(HOLD_SECONDS, release)
