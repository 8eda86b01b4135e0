"""Media nodes, streams and sessions as an operator sees them: what nodes tell, checked, in order, and kept small."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from server.streams.audience import Audience

MOST_SESSIONS_SHOWN = 1_000  # on one page, of all nodes together; who is left out is counted
MOST_SESSIONS_TOLD = 20_000  # by one node; one that tells more is not believed
FIRST = {"publisher": 0, "copy": 1}  # nobody looks for a host among a thousand viewers


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class NodeState(StrEnum):
    """Whether a node says what is on it."""

    OK = "ok"
    NO_ANSWER = "no_answer"  # it died a moment ago, hangs, or cannot be reached from here
    BAD_ANSWER = "bad_answer"  # somebody answers there, but not as this node should


class NodeLease(_Told):
    """`dongting:lease:node:{node_id}`: what a node says of itself in the registry."""

    node_id: str = Field(min_length=1, max_length=100)
    internal_url: str = Field(max_length=500)
    publishers: int = Field(0, ge=0)
    viewers: int = Field(0, ge=0)
    sessions: int = Field(0, ge=0)
    most_sessions: int = Field(0, ge=0)
    cpu: float = Field(0.0, ge=0)
    is_draining: bool = False


class StreamLease(_Told):
    """`dongting:lease:stream:{slug}`: which node has the publisher."""

    node_id: str = Field(max_length=100)
    stream_id: str = Field(max_length=100)
    state: Literal["starting", "live", "interrupted", "ended"]


class Session(_Told):
    """One session, as its node tells it. Round trip 0: not known; no family and transport: no address yet."""

    id: str = Field(max_length=200)
    kind: Literal["publisher", "viewer", "copy"]
    slug: str = Field(max_length=200)
    state: Literal["connecting", "connected", "ending"]
    age_seconds: float = Field(ge=0)
    family: Literal[4, 6] | None = None
    transport: Literal["udp", "tcp"] | None = None
    layer: str | None = Field(None, max_length=100)
    mode: Literal["auto", "layer", "slides", "audio"] | None = None
    bitrate: int = Field(0, ge=0)
    loss: float = Field(0.0, ge=0, le=1)
    rtt_ms: int = Field(0, ge=0)
    nacks: int = Field(0, ge=0)
    stalling: bool = False


class SessionsTold(_Told):
    """`GET /internal/sessions` of a node."""

    node_id: str
    items: tuple[Session, ...] = Field(max_length=MOST_SESSIONS_TOLD)


class SeenSession(Session):
    """A session and the node that it is on."""

    node_id: str


class SeenNode(_Told):
    """A node: its figures from the registry, and whether it answered."""

    node_id: str
    state: NodeState
    draining: bool
    publishers: int
    viewers: int
    sessions: int
    most_sessions: int
    cpu: float


class SeenStream(_Told):
    """A stream, where its publisher is, and what its viewers get. Title and host None: no such room any more."""

    slug: str
    title: str | None
    host_name: str | None
    node_id: str
    state: str
    audience: Audience


class Board(_Told):
    """All of it. `more_sessions`: how many were left out, the least troubled ones."""

    items: tuple[SeenNode, ...]
    streams: tuple[SeenStream, ...]
    sessions: tuple[SeenSession, ...]
    more_sessions: int


def seen_node(lease: NodeLease, state: NodeState) -> SeenNode:
    """What an operator is shown of a node: not where its own port is."""
    return SeenNode(
        node_id=lease.node_id,
        state=state,
        draining=lease.is_draining,
        publishers=lease.publishers,
        viewers=lease.viewers,
        sessions=lease.sessions,
        most_sessions=lease.most_sessions,
        cpu=lease.cpu,
    )


def worst_first(told: Iterable[SessionsTold], most: int) -> list[SeenSession]:
    """The first of all: hosts, copies, then viewers: who has stalls, who loses most, who is farthest, who is new."""
    pairs = ((answer.node_id, session) for answer in told for session in answer.items)
    return [
        SeenSession(**session.model_dump(), node_id=node_id)
        for node_id, session in heapq.nsmallest(most, pairs, key=_place)
    ]


def _place(pair: tuple[str, Session]) -> tuple[object, ...]:
    node_id, s = pair
    is_fed = s.state == "connected" and s.bitrate > 0  # who gets nothing has no figures that look bad
    return FIRST.get(s.kind, 2), is_fed, not s.stalling, -s.loss, -s.rtt_ms, s.age_seconds, node_id, s.id
