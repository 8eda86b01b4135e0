"""What an operator asks about media nodes: which there are, what is on them, and how it goes."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from config.clock import Clock
from config.logs import logger
from server.nodes.asking import BadAnswer, NoAnswer
from server.nodes.model import (
    MOST_SESSIONS_SHOWN,
    Board,
    NodeLease,
    NodeState,
    SeenNode,
    SeenStream,
    SessionsTold,
    StreamLease,
    seen_node,
    worst_first,
)
from server.rooms.model import Room
from server.streams.audience import add_up, read_reports

log = logger(__name__)

MOST_NODES = 100
MOST_STREAMS = 500
FRESH_FOR = timedelta(seconds=1)  # several operators, or one with several windows, ask the nodes once

NODE, STREAM, AUDIENCE = "node:", "stream:", "audience:"
Leases = Mapping[str, Mapping[str, Any]]
M = TypeVar("M", bound=BaseModel)


class Registry(Protocol):
    """What nodes say of themselves in Redis."""

    async def leases(self, prefix: str) -> dict[str, dict[str, Any]]: ...


class Nodes(Protocol):
    """Asks a node itself."""

    async def sessions(self, node: NodeLease) -> SessionsTold: ...


class Rooms(Protocol):
    """Finds rooms by address."""

    async def by_slugs(self, slugs: Sequence[str]) -> list[Room]: ...


class MediaNodes:
    """Looks at all nodes at once; one that does not answer is shown as such and holds nothing up for long."""

    def __init__(self, registry: Registry, nodes: Nodes, rooms: Rooms, clock: Clock) -> None:
        self._registry = registry
        self._nodes = nodes
        self._rooms = rooms
        self._clock = clock
        self._turn = asyncio.Lock()
        self._seen: tuple[datetime, Board] | None = None

    async def look(self) -> Board:
        """Nodes by name, streams by address, sessions worst first. Who asks meanwhile gets the same."""
        async with self._turn:
            if self._seen is not None and self._clock.now() - self._seen[0] < FRESH_FOR:
                return self._seen[1]
            board = await self._look()
            self._seen = self._clock.now(), board
            return board

    async def _look(self) -> Board:
        leases = read_leases(await self._registry.leases(NODE), NodeLease)
        nodes = sorted(leases.values(), key=lambda node: node.node_id)[:MOST_NODES]
        streams = await self._streams()
        answers = await asyncio.gather(*(self._ask(node) for node in nodes))
        told = [answer for _, answer in answers if answer is not None]
        return Board(
            items=tuple(node for node, _ in answers),
            streams=tuple(streams),
            sessions=tuple(worst_first(told, MOST_SESSIONS_SHOWN)),
            more_sessions=max(0, sum(len(answer.items) for answer in told) - MOST_SESSIONS_SHOWN),
        )

    async def _ask(self, node: NodeLease) -> tuple[SeenNode, SessionsTold | None]:
        try:
            told = await self._nodes.sessions(node)
        except NoAnswer:
            return seen_node(node, NodeState.NO_ANSWER), None
        except BadAnswer as error:
            log.warning("a media node does not answer as it should", node=node.node_id, reason=str(error))
            return seen_node(node, NodeState.BAD_ANSWER), None
        return seen_node(node, NodeState.OK), told

    async def _streams(self) -> list[SeenStream]:
        leases = read_leases(await self._registry.leases(STREAM), StreamLease)
        names = sorted(leases)[:MOST_STREAMS]
        audiences = by_stream(await self._registry.leases(AUDIENCE))
        slugs = [name.removeprefix(STREAM) for name in names]
        rooms = {room.slug: room for room in await self._rooms.by_slugs(slugs)}
        return [
            _seen_stream(slug, leases[name], rooms.get(slug), audiences)
            for name, slug in zip(names, slugs, strict=True)
        ]


def _seen_stream(slug: str, lease: StreamLease, room: Room | None, audiences: Mapping[str, Leases]) -> SeenStream:
    return SeenStream(
        slug=slug,
        title=None if room is None else room.title,
        host_name=None if room is None else room.host_name,
        node_id=lease.node_id,
        state=lease.state,
        audience=add_up(read_reports(audiences.get(lease.stream_id, {}))),
    )


def by_stream(leases: Leases) -> dict[str, Leases]:
    """Audience leases of each stream, by the stream's id."""
    found: defaultdict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for name, value in leases.items():
        found[name.removeprefix(AUDIENCE).partition(":")[0]][name] = value
    return dict(found)


def read_leases(leases: Leases, kind: type[M]) -> dict[str, M]:
    """These leases by name; one that is malformed is left out."""
    found = {}
    for name, value in leases.items():
        try:
            found[name] = kind.model_validate(value)
        except ValidationError as error:
            log.warning("a lease is malformed, left out", lease=name, problems=error.error_count())
    return found
