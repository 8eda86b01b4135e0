"""What this node knows of the others, from their leases in Redis: who lives, who has room, who has which stream."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from config.bus import Payload
from config.logs import logger
from media.cluster.load import ROOM_SHARE
from media.cluster.turns import Turn, lease_of, take_turn

log = logger(__name__)

LEASE_SECONDS = 10.0
ENDED_SECONDS = 120.0  # so long it is remembered that a stream is over, and not only its node
RECORDED_SECONDS = 86_400.0  # so long after its last segment it is remembered which node recorded a stream last
AWAITED_SECONDS = 30.0  # so long a stream that nobody has, and nobody ended, is expected at another node


class Leases(Protocol):
    """The part of config.bus.Bus that is used here."""

    async def set_lease(self, name: str, value: Payload, seconds: float) -> None: ...
    async def drop_lease(self, name: str) -> None: ...
    async def claim_lease(
        self, name: str, value: Payload, seconds: float, *, instead_of: str = ""
    ) -> Payload | None: ...
    async def give_up_lease(self, name: str, node_id: str) -> bool: ...
    async def lease(self, name: str) -> Payload | None: ...
    async def leases(self, prefix: str) -> dict[str, Payload]: ...


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node, as its lease tells."""

    node_id: str
    boot: str  # another one after each start
    internal_url: str
    public_url: str
    udp_port: int
    sessions: int
    most_sessions: int
    cpu: float  # the share of a core that it uses
    is_draining: bool

    @property
    def has_room(self) -> bool:
        """Whether it takes new sessions; the last tenth is for those who come to it by themselves."""
        return not self.is_draining and self.sessions < self.most_sessions * 0.9 and self.cpu < ROOM_SHARE

    @property
    def load(self) -> float:
        """The share of its places, or of its core, that is taken."""
        return max(self.sessions / max(1, self.most_sessions), self.cpu)


@dataclass(frozen=True, slots=True)
class StreamSeen:
    """A stream, as its lease tells."""

    slug: str
    node_id: str
    stream_id: str
    room_id: str
    state: str
    kinds: frozenset[str]  # "audio", "video": what is published
    layers: tuple[str, ...]  # the rids of a simulcast, best first

    @property
    def shape(self) -> tuple[object, ...]:
        """What a copy was agreed on for: when it is another one, a new copy must be asked for."""
        return self.node_id, self.stream_id, self.kinds, self.layers


class Registry:
    """One node's look at the registry. Methods that ask raise redis' errors and OSError while Redis is away."""

    def __init__(self, leases: Leases, node_id: str) -> None:
        self.node_id = node_id
        self.boot = secrets.token_hex(6)
        self.others: Mapping[str, NodeSeen] = {}  # from the last look, without ourselves and the dead
        self.watching: Mapping[str, int] = {}  # viewers by stream, at the other nodes together
        self._leases = leases
        self._dead: dict[str, str] = {}  # node -> the boot that refused a connection: its lease still runs
        self._has_written = False
        self.has_twin = False

    # -- nodes

    async def look(self) -> None:
        """Read the other nodes' leases, and how many watch there."""
        seen = [_node(value) for value in (await self._leases.leases("node:")).values()]
        self.others = {node.node_id: node for node in seen if node is not None and self._lives(node)}
        watching: Counter[str] = Counter()
        for name, value in (await self._leases.leases("audience:")).items():
            if _text(value, "node_id") in self.others:
                watching[name.split(":")[1]] += _number(value, "viewers")
        self.watching = watching

    async def node(self, node_id: str) -> NodeSeen | None:
        """Another living node."""
        value = await self._leases.lease(f"node:{node_id}")
        node = None if value is None else _node(value)
        return node if node is not None and self._lives(node) else None

    def _lives(self, node: NodeSeen) -> bool:
        return node.node_id != self.node_id and self._dead.get(node.node_id) != node.boot

    def refused(self, node: NodeSeen) -> None:
        """Nobody listens at its address: it is dead, although its lease still runs."""
        log.warning("a node is gone", gone=node.node_id)
        self._dead[node.node_id] = node.boot
        self.others = {key: other for key, other in self.others.items() if key != node.node_id}

    def with_room(self) -> NodeSeen | None:
        """The other node with the most room, if any takes new sessions."""
        return min((n for n in self.others.values() if n.has_room), key=lambda n: n.load, default=None)

    # -- streams

    async def holder(self, slug: str) -> StreamSeen | None:
        """Who has the stream of a room now."""
        value = await self._leases.lease(f"stream:{slug}")
        return None if value is None else _stream(slug, value)

    async def claim(self, slug: str, about: Payload, *, instead_of: str = "") -> StreamSeen | None:
        """Take or renew the room for us; None: it is ours, else who has it."""
        value = {**about, "node_id": self.node_id}
        held = await self._leases.claim_lease(f"stream:{slug}", value, LEASE_SECONDS, instead_of=instead_of)
        return None if held is None else _stream(slug, held)

    async def release(self, slug: str) -> None:
        """Give a room up, if it is ours."""
        await self._leases.give_up_lease(f"stream:{slug}", self.node_id)

    async def await_stream(self, slug: str, stream_id: str) -> None:
        """Note that a room's stream is not over: if its node leaves or dies, another one may go on with it."""
        value = {"node_id": self.node_id, "stream_id": stream_id}
        await self._leases.set_lease(f"awaited:{slug}", value, AWAITED_SECONDS)

    async def await_no_more(self, slug: str) -> None:
        """The room's stream is over, if the last one was ours."""
        await self._leases.give_up_lease(f"awaited:{slug}", self.node_id)

    async def is_awaited(self, slug: str, stream_id: str) -> bool:
        """Whether this stream, or any if none is named, is on or may come back to the room."""
        value = await self._leases.lease(f"awaited:{slug}")
        return value is not None and stream_id in ("", _text(value, "stream_id"))

    async def note_ended(self, stream_id: str) -> None:
        """Tell the nodes that have copies that there will be no more."""
        await self._leases.set_lease(f"ended:{stream_id}", {"node_id": self.node_id}, ENDED_SECONDS)

    async def has_ended(self, stream_id: str) -> bool:
        """Whether a stream is over, and not only its node."""
        return await self._leases.lease(f"ended:{stream_id}") is not None

    async def take_turn(self, stream_id: str) -> Turn:
        """From now on we record this stream."""
        known = await self._leases.lease(f"recorded:{stream_id}")
        turn = take_turn(known, self.node_id)
        value = lease_of(turn, known, self.node_id)
        await self._leases.set_lease(f"recorded:{stream_id}", value, RECORDED_SECONDS)
        return turn

    async def keep_turn(self, stream_id: str, turn: Turn) -> None:
        """We still record it, and have come so far."""
        known = await self._leases.lease(f"recorded:{stream_id}")
        value = lease_of(turn, known, self.node_id)
        await self._leases.set_lease(f"recorded:{stream_id}", value, RECORDED_SECONDS)

    async def leave_turn(self, stream_id: str, turn: Turn) -> None:
        """Nothing more comes here; whoever goes on with it counts on from there, unless he has begun already."""
        known = await self._leases.lease(f"recorded:{stream_id}")
        value = lease_of(turn, known, self.node_id, is_left=True)
        await self._leases.claim_lease(f"recorded:{stream_id}", value, RECORDED_SECONDS)

    async def recorder_of(self, stream_id: str) -> NodeSeen | None:
        """The other living node that recorded a stream last: also while it gives it up, and when it is over."""
        value = await self._leases.lease(f"recorded:{stream_id}")
        return None if value is None else await self.node(_text(value, "node_id"))

    async def recorder_before(self, stream_id: str) -> NodeSeen | None:
        """The other living node that recorded a stream before the last one did: it has the older segments."""
        value = await self._leases.lease(f"recorded:{stream_id}")
        return None if value is None else await self.node(_text(value, "before"))

    async def lives_elsewhere(self, slug_of_room: str, stream_id: str) -> bool:
        """Whether another living node goes on with this stream."""
        seen = await self.holder(slug_of_room)
        is_same = seen is not None and seen.stream_id == stream_id and seen.node_id != self.node_id
        return seen is not None and is_same and await self.node(seen.node_id) is not None

    async def streams_elsewhere(self) -> set[str]:
        """The streams that other nodes have."""
        seen = [_stream("", value) for value in (await self._leases.leases("stream:")).values()]
        return {stream.stream_id for stream in seen if stream.node_id != self.node_id}

    # -- our own

    async def look_for_twin(self) -> None:
        """Our own lease must be as we wrote it: else another process has our name, and sessions go astray."""
        value = await self._leases.lease(f"node:{self.node_id}")
        is_others = self._has_written and value is not None and _text(value, "boot") != self.boot
        if is_others and not self.has_twin:
            log.error("another process has the same NODE_ID: give each its own", node=self.node_id)
        self.has_twin = self.has_twin or is_others

    async def write(self, values: Mapping[str, Payload]) -> None:
        """Write or renew leases that nobody else wants."""
        self._has_written = True
        for name, value in values.items():
            await self._leases.set_lease(name, value, LEASE_SECONDS)

    async def drop(self, name: str) -> None:
        """Give one of those up."""
        await self._leases.drop_lease(name)


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""


def _number(value: Mapping[str, Any], name: str) -> int:
    found = value.get(name)
    return found if isinstance(found, int) else 0


def _share(value: Mapping[str, Any], name: str) -> float:
    found = value.get(name)
    return float(found) if isinstance(found, int | float) else 0.0


def _node(value: Payload) -> NodeSeen | None:
    if not _text(value, "node_id") or not _text(value, "internal_url"):
        return None
    return NodeSeen(
        node_id=_text(value, "node_id"),
        boot=_text(value, "boot"),
        internal_url=_text(value, "internal_url").rstrip("/"),
        public_url=_text(value, "public_url").rstrip("/"),
        udp_port=_number(value, "udp_port"),
        sessions=_number(value, "sessions"),
        most_sessions=_number(value, "most_sessions"),
        cpu=_share(value, "cpu"),
        is_draining=value.get("is_draining") is True,
    )


def _stream(slug: str, value: Payload) -> StreamSeen:
    return StreamSeen(
        slug=slug,
        node_id=_text(value, "node_id"),
        stream_id=_text(value, "stream_id"),
        room_id=_text(value, "room_id"),
        state=_text(value, "state"),
        kinds=frozenset(str(kind) for kind in value.get("kinds") or ("audio", "video")),
        layers=tuple(str(rid) for rid in value.get("layers") or ()),
    )
