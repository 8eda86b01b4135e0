"""Keeps this node's leases: what it is, what it has, what its viewers get; and notices when another took a stream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Protocol

from redis.exceptions import RedisError

from config.bus import Payload
from config.logs import logger
from config.tasks import is_ending
from media.cluster.registry import NodeSeen, Registry
from media.cluster.turns import UNKNOWN, Turn
from media.problems import Problem, already_live

log = logger(__name__)

LEASE_INTERVAL_SECONDS = 3.0
LEAST_INTERVAL_SECONDS = 0.2  # changes are told at once, but not more often than this


class HeldElsewhere(Problem):
    """Another living node has the room's stream: 409, unless the request is passed on to it."""

    def __init__(self, node: NodeSeen) -> None:
        plain = already_live()
        super().__init__(plain.status, plain.code, plain.detail, plain.headers)
        self.node = node


class House(Protocol):
    """The node, as far as its leases are concerned."""

    def own_lease(self) -> Payload: ...
    def stream_leases(self) -> Mapping[str, Payload]:
        """By slug: the streams whose publisher is, or was, here."""

    async def figure_leases(self) -> Mapping[str, Payload]:
        """By the lease's name: what viewers get and what comes in."""

    def lost_stream(self, slug: str, node_id: str) -> None:
        """Another node has this stream now."""


class LeaseKeeper:
    """Writes the leases every few seconds, and at once when something changed."""

    def __init__(self, registry: Registry, house: House) -> None:
        self._registry = registry
        self._house = house
        self._changed = asyncio.Event()
        self._written: set[str] = set()
        self.has_looked = asyncio.Event()  # the other nodes are known

    def wake(self) -> None:
        """Something changed that the others should know."""
        self._changed.set()

    async def run(self) -> None:
        """Write and look; runs until cancelled."""
        while True:
            self._changed.clear()
            await self._say(self._turn, "leases not renewed")
            if is_ending():
                return
            await asyncio.sleep(LEAST_INTERVAL_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(LEASE_INTERVAL_SECONDS - LEAST_INTERVAL_SECONDS):
                    await self._changed.wait()

    async def _turn(self) -> None:
        house, registry = self._house, self._registry
        await self._write()
        for slug in tuple(house.stream_leases()):
            about = house.stream_leases().get(slug)  # it may have ended, or been given up, since the last turn
            if about is None:
                continue
            held = await registry.claim(slug, about)
            if held is not None:
                house.lost_stream(slug, held.node_id)
            else:
                await registry.await_stream(slug, str(about["stream_id"]))
                await registry.keep_turn(str(about["stream_id"]), _turn_of(about))
        await registry.look()
        self.has_looked.set()

    async def _write(self) -> None:
        await self._registry.look_for_twin()
        values = {f"node:{self._registry.node_id}": self._house.own_lease(), **await self._house.figure_leases()}
        for name in self._written - values.keys():
            await self._registry.drop(name)
        self._written = set(values)
        await self._registry.write(values)

    async def claim(self, slug: str, about: Payload) -> Turn:
        """Take a room for a stream that begins here; answers after whom, and how far they came.

        While Redis is away the stream begins all the same, as if one had, and whoever loses the room later ends his.

        Raises:
            HeldElsewhere: a living node has the room.
            Problem: 409, another node took it at this moment.
        """
        registry = self._registry
        try:
            held = await registry.claim(slug, about)
            if held is not None:
                node = await registry.node(held.node_id)
                if node is not None:
                    raise HeldElsewhere(node)
                if await registry.claim(slug, about, instead_of=held.node_id) is not None:
                    raise already_live()
            stream_id = str(about["stream_id"])
            await registry.await_stream(slug, stream_id)
            return await registry.take_turn(stream_id)
        except (RedisError, OSError) as error:
            log.warning("a stream begins without its lease", error=type(error).__name__)
            return UNKNOWN

    async def release(self, slug: str | None, ended_stream_id: str | None) -> None:
        """Give a room up, if one is named; `ended_stream_id`: that stream is over, and nobody goes on with it."""

        async def say() -> None:
            if ended_stream_id is not None:
                await self._registry.note_ended(ended_stream_id)
            if slug is not None and ended_stream_id is not None:
                await self._registry.await_no_more(slug)
            if slug is not None:
                await self._registry.release(slug)

        await self._say(say, "lease runs out by itself")

    async def leave(self, about: Payload) -> None:
        """A stream that was given up has come so far here. Raises redis' errors and OSError."""
        await self._registry.leave_turn(str(about["stream_id"]), _turn_of(about))

    async def drop_all(self, timeout_seconds: float) -> None:
        """The node stops: give everything up."""

        async def say() -> None:
            for slug in self._house.stream_leases():
                await self._registry.release(slug)
            for name in self._written:
                await self._registry.drop(name)

        try:
            async with asyncio.timeout(timeout_seconds):
                await self._say(say, "leases run out by themselves")
        except TimeoutError:
            log.info("leases run out by themselves")

    async def _say(self, say: Callable[[], Awaitable[None]], words: str) -> None:
        try:
            await say()
        except (RedisError, OSError) as error:
            log.warning(words, error=type(error).__name__)


def _turn_of(about: Payload) -> Turn:
    return Turn(about.get("turn", 0), about.get("first_sequence", 0), about.get("next_sequence", 0))
