"""The media node: its sessions and streams, its port, its place in the registry, and how it starts and stops."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from weakref import WeakValueDictionary

from redis.exceptions import RedisError

from config.bus import Payload
from config.logs import logger
from config.objects import ObjectsUnavailable
from config.settings import MediaSettings
from config.tasks import Tasks
from media.admission import Admission
from media.answer import CannotServe, ChosenMedia, Local, choose_for_publisher, choose_for_viewer, write_answer
from media.authorize import Grant
from media.events import Outbox
from media.glue import Certificate, PacketMemory
from media.metrics import Snapshot
from media.problems import already_live, cannot_serve, full, key_wrong, not_live, unavailable
from media.publisher import Publisher
from media.recording.spool import RecoveredTake
from media.recording.take_spool import SpoolBusy
from media.rtp.counters import Counters
from media.rtp.fanout import HOLD_SECONDS, Fanout
from media.rtp.outlet import Sender
from media.rtp.single import Single
from media.sdp import Offer
from media.session import Ending, Session
from media.stream import RecorderFactory, Stream, StreamContext, StreamEnding, StreamState
from media.transport.addresses import candidates, interface_addresses
from media.transport.ice import IceLite
from media.transport.port import Port
from media.transport.tcp import TcpLimits
from media.viewer import CNAME, Viewer

log = logger(__name__)

LEASE_INTERVAL_SECONDS = 3.0
LEASE_SECONDS = 10.0
TICK_SECONDS = 0.05  # NACKs and keyframe requests are repeated this often at most
SECOND = 1.0


class NodeBus(Protocol):
    """The part of config.bus.Bus that a node uses."""

    async def publish_event(self, event: str, fields: Mapping[str, Any]) -> None: ...
    async def consume_commands(self, handle: Callable[[Payload], Any]) -> None: ...
    async def set_lease(self, name: str, value: Payload, seconds: float) -> None: ...
    async def drop_lease(self, name: str) -> None: ...


class Authorizer(Protocol):
    """Who may publish."""

    async def authorize(self, slug: str, key: str) -> Grant: ...


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """A session as the HTTP client sees it: the thing behind a Location."""

    session: Session
    slug: str
    answer: str
    mids: tuple[str, ...]
    key_digest: bytes | None  # of the stream key, for publishers
    client: str = ""  # whose address it was opened from, as admission counts it
    viewer: Viewer | None = None  # for those who play

    @property
    def is_publisher(self) -> bool:
        """Whether somebody with a key sends here."""
        return self.key_digest is not None

    @property
    def is_connecting(self) -> bool:
        """Whether its DTLS is not up yet."""
        return self.session.is_connecting


def digest(key: str) -> bytes:
    """What is kept of a stream key, to compare with."""
    return hashlib.sha256(key.encode()).digest()


class Node:
    """One media process. `start()` and `aclose()`; between them `publish`, `play` and what comes from the bus."""

    def __init__(
        self, settings: MediaSettings, bus: NodeBus, authorizer: Authorizer, make_recorder: RecorderFactory
    ) -> None:
        self.settings = settings
        self.counters = Counters()
        self.is_draining = False
        self.streams: dict[str, Stream] = {}
        self.resources: dict[str, Resource] = {}
        self.outbox = Outbox(bus)
        self.http_port = settings.media_http_port
        self._bus = bus
        self._authorizer = authorizer
        self._make_recorder = make_recorder
        self._certificate = Certificate()
        self._ice = IceLite(self.counters)
        self._admission = Admission(settings.max_sessions, settings.connecting_per_address)
        self._memory = PacketMemory()
        self._sender = Sender(self.counters)
        self._single = Single(self._memory, self.counters)
        self._port: Port | None = None
        self._candidates: tuple[str, ...] = ()
        self._tasks = Tasks("media node")
        self._sessions: set[asyncio.Task[None]] = set()
        self._finishing: set[asyncio.Task[None]] = set()
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._context = StreamContext(
            settings=settings,
            make_fanout=self._make_fanout,
            tasks=self._tasks,
            emit=self.emit,
            ended=self._stream_ended,
        )

    # -- start and stop

    async def start(self) -> None:
        """Open the port and begin the background work."""
        settings = self.settings
        self._port = Port(settings.media_host, settings.media_udp_port, self._ice, self.counters, TcpLimits())
        await self._port.start()
        addresses = settings.media_announced_addresses or interface_addresses()
        self._candidates = candidates(addresses, self._port.number)
        self._tasks.start("send events", self.outbox.run())
        self._tasks.start("tick", self._tick())
        self._tasks.start("take commands", self._bus.consume_commands(self._obey))
        log.info("port open for udp and tcp", port=self._port.number, addresses=list(addresses))

    @property
    def udp_port(self) -> int:
        """The real port, also when the settings say 0."""
        return self._port.number if self._port is not None else self.settings.media_udp_port

    def announce(self, http_port: int) -> None:
        """HTTP listens: stand in the registry from now on."""
        self.http_port = http_port
        self._tasks.start("renew leases", self._renew_leases())

    async def take_recovered(self, take: RecoveredTake) -> bool:
        """A take that a crash had interrupted is whole: its stream has ended, unless its publisher is back.

        Waits until the servers are told; False: they were not.
        """
        if any(stream.stream_id == take.stream_id for stream in self.streams.values()):
            return False
        about = {"stream_id": take.stream_id, "room_id": take.room_id, "duration_ms": take.summary.duration_ms}
        self.emit("stream_ended", {**about, "reason": StreamEnding.VANISHED})
        found = {"has_video": take.summary.has_video, "has_audio": take.summary.has_audio}
        return await self.emit("take_ready", {**about, **found})

    def drain(self) -> None:
        """Take no new sessions; the first step of stopping."""
        self.is_draining = True

    async def aclose(self) -> None:
        """Say goodbye to everybody, finish recordings, tell the servers; takes at most `shutdown_seconds`."""
        self.drain()
        patience = time.monotonic() + self.settings.shutdown_seconds
        for stream in list(self.streams.values()):
            stream.end(StreamEnding.SHUTDOWN)
        for resource in list(self.resources.values()):
            resource.session.end(Ending.SHUTDOWN)
        waiting = self._sessions | self._finishing
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=self.settings.shutdown_seconds)
            if late:
                log.warning("stopped before everything was finished", left=len(late))
        await self._drop_leases(max(0.5, patience - time.monotonic()))
        if not await self.outbox.drained(max(0.5, patience - time.monotonic())):
            log.warning("stopped before every event was sent")
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
        self._check_accepts()
        self._admission.check_publisher(self.resources.values())
        grant = await self._authorizer.authorize(slug, key)
        async with self._opening.setdefault(slug, asyncio.Lock()):
            stream = await self._stream_for(slug, grant, digest(key), wants_takeover)
            session = self._open_session(offer)
            publisher = Publisher(session, chosen, stream, self.counters)
            stream.attach(publisher)
        answer = write_answer(offer, chosen, self.local(session), secrets.randbits(62))
        return self._run_session(session, slug, answer, chosen, digest(key))

    async def _stream_for(self, slug: str, grant: Grant, key_digest: bytes, wants_takeover: bool) -> Stream:
        stream = self.streams.get(slug)
        if stream is not None and stream.stream_id != grant.stream_id:
            stream.end(StreamEnding.VANISHED)  # the server has closed it; this one is new
            stream = None
        if stream is not None:
            if stream.is_held(time.monotonic()):
                self._check_takeover(stream, key_digest, wants_takeover)
            return stream
        stream = Stream(slug, grant.room_id, grant.stream_id, self._make_recorder, self._context)
        try:
            await stream.start()
        except (SpoolBusy, OSError, ObjectsUnavailable) as error:
            log.warning("recording cannot begin", stream=grant.stream_id, error=type(error).__name__)
            raise unavailable("the recording cannot begin now") from error
        self.streams[slug] = stream
        return stream

    def _check_takeover(self, stream: Stream, key_digest: bytes, wants_takeover: bool) -> None:
        if not wants_takeover:
            raise already_live()
        publisher = stream.publisher
        holder = next((r for r in self.resources.values() if publisher and r.session is publisher.session), None)
        if holder is not None and not hmac.compare_digest(holder.key_digest or b"", key_digest):
            raise key_wrong()

    def play(self, slug: str, offer: Offer, client: str = "") -> Resource:
        """Accept a viewer; `client` is his address as `client_of` writes it.

        Raises:
            Problem: as PROTOCOL.md lists them.
        """
        self._check_accepts()
        stream = self.streams.get(slug)
        if stream is None or not stream.published:
            raise not_live()
        try:
            chosen = choose_for_viewer(offer, stream.published)
        except CannotServe as error:
            raise cannot_serve(str(error)) from None
        self._admission.check_viewer(self.resources.values(), client)
        session = self._open_session(offer)
        viewer = Viewer(session, chosen, stream, self.counters)
        stream.add_viewer(viewer)
        answer = write_answer(
            offer, chosen, self.local(session), secrets.randbits(62), viewer.sending, CNAME.decode()
        )
        return self._run_session(session, slug, answer, chosen, None, client, viewer)

    def local(self, session: Session) -> Local:
        """Our side of a session's transport, for an answer."""
        credentials = session.credentials
        return Local(credentials.ufrag, credentials.pwd, self._certificate.fingerprint, self._candidates)

    def _check_accepts(self) -> None:
        if self.is_draining:
            raise full()

    def _make_fanout(self, kind: str, clock_rate: int) -> Fanout:
        return Fanout(kind, clock_rate, self._sender, self._single, self.counters, _hold)

    def _open_session(self, offer: Offer) -> Session:
        return Session(secrets.token_urlsafe(24), offer, self._certificate, self._ice, self._memory, self.counters)

    def _run_session(
        self,
        session: Session,
        slug: str,
        answer: str,
        chosen: tuple[ChosenMedia, ...],
        key_digest: bytes | None,
        client: str = "",
        viewer: Viewer | None = None,
    ) -> Resource:
        mids = tuple(m.offer.mid for m in chosen if m.codecs)
        resource = self.resources[session.id] = Resource(session, slug, answer, mids, key_digest, client, viewer)
        task = self._tasks.start("session", self._run(session))
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        return resource

    async def _run(self, session: Session) -> None:
        try:
            await session.run(self.settings.connect_timeout_seconds)
        finally:
            self.resources.pop(session.id, None)

    # -- streams

    def _stream_ended(self, stream: Stream) -> None:
        """The room is free for the next stream at once; the recording finishes beside it."""
        if self.streams.get(stream.slug) is stream:
            del self.streams[stream.slug]
        task = self._tasks.start("finish recording", self._finish(stream))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    async def _finish(self, stream: Stream) -> None:
        try:
            if stream.slug not in self.streams:
                await self._bus.drop_lease(f"stream:{stream.slug}")
        except (RedisError, OSError) as error:
            log.info("lease runs out by itself", error=type(error).__name__)
        await stream.finish()

    def emit(self, event: str, fields: Mapping[str, object]) -> asyncio.Future[bool]:
        """Tell the servers; answers later whether Redis took it."""
        at = datetime.now(UTC).isoformat()
        return self.outbox.add(event, {**fields, "node_id": self.settings.node_id, "at": at})

    async def _obey(self, command: Payload) -> None:
        if command.get("command") == "end_stream":
            for stream in [s for s in self.streams.values() if s.stream_id == command.get("stream_id")]:
                stream.end(StreamEnding.COMMAND)

    # -- background

    async def _tick(self) -> None:
        next_second = 0.0
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            for stream in list(self.streams.values()):
                stream.tick(now)
            if now >= next_second:
                next_second = now + SECOND
                self._tick_second(now, time.time())

    def _tick_second(self, now: float, wall: float) -> None:
        silent_since = now - self.settings.consent_timeout_seconds
        for stream in self.streams.values():
            publisher = stream.publisher
            if publisher is not None and publisher.session.is_connected and publisher.alive_at < silent_since:
                publisher.session.end(Ending.CONSENT_EXPIRED)
            for viewer in stream.viewers:
                if not viewer.session.is_connected:
                    continue
                if viewer.session.consent_at < silent_since:
                    viewer.session.end(Ending.CONSENT_EXPIRED)
                elif publisher is not None:
                    viewer.tick(wall)

    async def _renew_leases(self) -> None:
        while True:
            try:
                for name, value in self._leases().items():
                    await self._bus.set_lease(name, value, LEASE_SECONDS)
            except (RedisError, OSError) as error:
                log.warning("leases not renewed", error=type(error).__name__)
            await asyncio.sleep(LEASE_INTERVAL_SECONDS)

    def _leases(self) -> dict[str, Payload]:
        seen = self.snapshot()
        node_id = self.settings.node_id
        leases: dict[str, Payload] = {
            f"node:{node_id}": {
                "node_id": node_id,
                "http_port": self.http_port,
                "udp_port": self.udp_port,
                "publishers": seen.publishers,
                "viewers": seen.viewers,
            }
        }
        for slug, stream in self.streams.items():
            leases[f"stream:{slug}"] = {
                "node_id": node_id,
                "stream_id": stream.stream_id,
                "room_id": stream.room_id,
                "state": stream.state.value,
            }
        return leases

    async def _drop_leases(self, timeout_seconds: float) -> None:
        names = [f"node:{self.settings.node_id}", *(f"stream:{slug}" for slug in self.streams)]
        try:
            async with asyncio.timeout(timeout_seconds):
                for name in names:
                    await self._bus.drop_lease(name)
        except (RedisError, OSError) as error:
            log.info("leases run out by themselves", error=type(error).__name__)

    def snapshot(self) -> Snapshot:
        """What is there right now."""
        streams = list(self.streams.values())
        states = {state.value: sum(s.state == state for s in streams) for state in StreamState}
        return Snapshot(
            sessions=len(self.resources),
            publishers=sum(s.publisher is not None for s in streams),
            viewers=sum(len(s.viewers) for s in streams),
            streams=states,
            events_waiting=self.outbox.waiting,
            events_lost=self.outbox.lost,
        )


def _hold(release: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(HOLD_SECONDS, release)
