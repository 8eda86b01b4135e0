"""Copies of streams that other nodes have: one for all viewers here, from the first of them to the last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from redis.exceptions import RedisError

from config.logs import logger
from config.tasks import Tasks, end
from media.answer import ChosenMedia
from media.cluster.neighbours import Refused
from media.cluster.registry import NodeSeen, Registry, StreamSeen
from media.glue import SrtpKeys
from media.problems import Problem, not_live, unavailable
from media.publisher import Publisher
from media.rtp.counters import Counters
from media.session import Ending, Session
from media.stream import Stream, StreamEnding, StreamState

log = logger(__name__)

FIRST_COPY_SECONDS = 5.0  # a viewer who comes first waits so long for the copy to begin
LOOK_SECONDS = 1.0  # between looks at who has the stream
IDLE_SECONDS = 10.0  # a copy that nobody watched for so long is let go
DEAF_SECONDS = 6.0  # the other node answers our checks every 2.5 s; one that lost two of them is gone


class Line(Protocol):
    """A session with another node (media/cluster/caller.py)."""

    @property
    def session(self) -> Session: ...
    @property
    def chosen(self) -> tuple[ChosenMedia, ...]: ...
    async def run(self, node: NodeSeen, hosts: list[str], connect_timeout_seconds: float) -> None: ...


class Lines(Protocol):
    """Opens them."""

    async def call(self, node: NodeSeen, slug: str, kinds: frozenset[str]) -> tuple[Line, list[str]]: ...


MakeStream = Callable[[StreamSeen, Callable[[Stream], None]], Stream]


class CopyOwner:
    """Hands a call's packets to the publisher's side of the copy; notices a codec that we did not expect."""

    def __init__(self, publisher: Publisher) -> None:
        self.is_connected = asyncio.Event()
        self.wants_another = False  # the publisher over there changed: what we agreed on holds no longer
        self._publisher = publisher
        numbers = [(t.payload_type, t.rtx_payload_type) for t in publisher.tracks]
        self._expected = {number for pair in numbers for number in pair if number is not None}
        publisher.session.owner = self

    def connected(self, keys: SrtpKeys) -> None:
        """ICE and DTLS are up."""
        self._publisher.connected(keys)
        self.is_connected.set()

    def receive_rtp(self, packet: bytes) -> None:
        """A packet of the copy."""
        if len(packet) > 1 and packet[1] & 0x7F not in self._expected:
            self.wants_another = True
        else:
            self._publisher.receive_rtp(packet)

    def receive_rtcp(self, packet: bytes) -> None:
        """The other node's reports."""
        self._publisher.receive_rtcp(packet)

    def farewell(self) -> bytes:
        """Nothing: we send no media."""
        return self._publisher.farewell()

    def ended(self, reason: Ending) -> None:
        """The call is over; only a DELETE by the host would end the stream, and he does not speak to us."""
        self._publisher.ended(Ending.PEER_CLOSED if reason == Ending.DELETED else reason)


class Pull:
    """One copy."""

    def __init__(self, slug: str, stream: Stream) -> None:
        self.slug = slug
        self.stream = stream
        self.has_begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self.watched_at = time.monotonic()
        self.is_surrendered = False

    def fail(self, problem: Problem) -> None:
        """The copy could not be begun."""
        self.has_begun.set_exception(problem)
        self.has_begun.exception()  # nobody may be waiting

    def begun(self) -> None:
        """Media can flow."""
        if not self.has_begun.done():
            self.has_begun.set_result(None)

    def is_idle(self, now: float) -> bool:
        """Whether nobody has watched for a while."""
        if self.stream.viewers:
            self.watched_at = now
        return now - self.watched_at > IDLE_SECONDS


class Pulls:
    """All copies of a node."""

    def __init__(
        self, registry: Registry, lines: Lines, make_stream: MakeStream, counters: Counters, connect_seconds: float
    ) -> None:
        self._registry = registry
        self._lines = lines
        self._make_stream = make_stream
        self._counters = counters
        self._connect_seconds = connect_seconds
        self._pulls: dict[str, Pull] = {}
        self._tasks = Tasks("copies")

    @property
    def streams(self) -> Iterable[Stream]:
        """The copies as streams."""
        return [pull.stream for pull in self._pulls.values()]

    def get(self, slug: str) -> Stream | None:
        """The copy of a room's stream, if there is one that has begun."""
        pull = self._pulls.get(slug)
        return pull.stream if pull is not None and pull.has_begun.done() else None

    async def stream(self, slug: str) -> Stream:
        """The copy of a room's stream, taken now if there is none yet. Many may wait for the same one.

        Raises:
            Problem: 409, nobody publishes; 503, the node that has it gives no copy now.
        """
        pull = self._pulls.get(slug)
        if pull is None:
            seen, _ = await self._holder(slug)
            pull = self._pulls.get(slug) or self._begin(seen)
        try:
            async with asyncio.timeout(FIRST_COPY_SECONDS):
                await asyncio.shield(pull.has_begun)
        except TimeoutError:
            raise unavailable("the node with the publisher gives no copy now") from None
        return pull.stream

    async def surrender(self, slug: str, stream_id: str) -> Stream | None:
        """The publisher has come to this node: the copy with its viewers, no longer fed from elsewhere.

        None: there is none of this stream.
        """
        pull = self._pulls.get(slug)
        if pull is None:
            return None
        pull.is_surrendered = pull.stream.stream_id == stream_id and pull.stream.state is not StreamState.ENDED
        if pull.task is not None:
            await end((pull.task,))
        return pull.stream if pull.is_surrendered else None

    async def aclose(self) -> None:
        """Let all copies go."""
        await self._tasks.aclose()

    # -- one copy

    def _begin(self, seen: StreamSeen) -> Pull:
        pull = self._pulls[seen.slug] = Pull(seen.slug, self._make_stream(seen, self._stream_ended))
        pull.task = self._tasks.start("copy", self._keep(pull))
        log.info("a copy begins", stream=seen.stream_id, origin=seen.node_id)
        return pull

    def _stream_ended(self, stream: Stream) -> None:
        pull = self._pulls.get(stream.slug)
        if pull is not None and pull.stream is stream:
            del self._pulls[stream.slug]

    async def _keep(self, pull: Pull) -> None:
        """Copy until nobody watches, or until the stream is over; from another node if the publisher moves."""
        try:
            while not self._is_over(pull):
                await self._try(pull)
                self._fail(pull, unavailable("the node with the publisher gives no copy now"))
                if pull.has_begun.exception() is not None:
                    return  # whoever waited for it has been told
                if not self._is_over(pull):
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._fail(pull, unavailable("the copy was let go"))
            if pull.is_surrendered:
                self._stream_ended(pull.stream)
            else:
                pull.stream.end(StreamEnding.VANISHED)

    def _fail(self, pull: Pull, problem: Problem) -> None:
        """Unless it has begun: whoever waits is told, and the next viewer begins anew."""
        if not pull.has_begun.done():
            pull.fail(problem)
            self._stream_ended(pull.stream)

    def _is_over(self, pull: Pull) -> bool:
        return pull.stream.state is StreamState.ENDED or pull.is_idle(time.monotonic())

    async def _try(self, pull: Pull) -> None:
        """One call to whoever has the stream now."""
        try:
            seen, node = await self._holder(pull.slug)
            if seen.stream_id != pull.stream.stream_id:
                pull.stream.end(StreamEnding.VANISHED)  # the room's next stream
                return
            await self._copy(pull, seen, node)
        except Refused:
            self._registry.refused(node)
        except (Problem, RedisError, OSError) as problem:
            if isinstance(problem, Problem):
                self._fail(pull, problem if problem.code == "not_live" else unavailable(problem.detail))
            await self._end_if_over(pull)

    async def _end_if_over(self, pull: Pull) -> None:
        try:
            if await self._registry.has_ended(pull.stream.stream_id):
                pull.stream.end(StreamEnding.VANISHED)
        except (RedisError, OSError):
            log.debug("nobody can say whether the stream is over")

    async def _holder(self, slug: str) -> tuple[StreamSeen, NodeSeen]:
        """Who has the stream.

        Raises:
            Problem: 409, nobody; 503, a node that is dead, or the registry is away.
        """
        try:
            seen = await self._registry.holder(slug)
            node = None if seen is None else await self._registry.node(seen.node_id)
        except (RedisError, OSError) as error:
            raise unavailable("the registry of streams does not answer") from error
        if seen is None:
            raise not_live()
        if node is None:
            raise unavailable("the node with the publisher is gone")
        return seen, node

    async def _copy(self, pull: Pull, seen: StreamSeen, node: NodeSeen) -> None:
        line, hosts = await self._lines.call(node, pull.slug, seen.kinds)
        publisher = Publisher(line.session, line.chosen, pull.stream, self._counters)
        owner = CopyOwner(publisher)
        pull.stream.attach(publisher)
        call = self._tasks.start("call", line.run(node, hosts, self._connect_seconds))
        try:
            await self._connected(call, owner)
            if owner.is_connected.is_set():
                pull.begun()
            await self._watch(pull, seen, call, owner)
        finally:
            line.session.end(Ending.SHUTDOWN)
            await asyncio.wait((call,), timeout=LOOK_SECONDS)
            await end((call,))
        await self._end_if_over(pull)

    @staticmethod
    async def _connected(call: asyncio.Task[None], owner: CopyOwner) -> None:
        connected = asyncio.ensure_future(owner.is_connected.wait())
        try:
            await asyncio.wait((call, connected), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end((connected,))

    async def _watch(self, pull: Pull, seen: StreamSeen, call: asyncio.Task[None], owner: CopyOwner) -> None:
        """Return when this call is over, or when another one is better."""
        while not call.done() and not self._is_over(pull) and not owner.wants_another:
            await asyncio.wait((call,), timeout=LOOK_SECONDS)
            if await self._is_another(pull.slug, seen):
                return
            publisher = pull.stream.publisher
            if publisher is not None and time.monotonic() - publisher.alive_at > DEAF_SECONDS:
                log.warning("a node with a publisher is deaf", origin=seen.node_id, stream=seen.stream_id)
                return

    async def _is_another(self, slug: str, before: StreamSeen) -> bool:
        """Whether the stream is at another node by now, or its publisher sends other things."""
        try:
            seen = await self._registry.holder(slug)
        except (RedisError, OSError):
            return False  # what flows goes on
        return seen is not None and seen.shape != before.shape
