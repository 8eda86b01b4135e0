"""What an operator is shown of media nodes: the worst first, never too much, and no node can spoil the page."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from config.clock import SystemClock
from media.cluster.signature import HEADER, Sender, Signer
from server.nodes.asking import ANSWER_SECONDS, MOST_ANSWER_BYTES, BadAnswer, NoAnswer, open_node_client
from server.nodes.model import MOST_SESSIONS_SHOWN, NodeLease, Session, SessionsTold, worst_first
from server.nodes.service import MediaNodes, read_leases
from server.rooms.model import Room

SECRET = "only for tests"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_session(number: int = 1, **changes: Any) -> dict[str, Any]:
    """One session as a media node tells it."""
    return {
        "id": f"media-1.{number:06}",
        "kind": "viewer",
        "slug": "zhang",
        "state": "connected",
        "age_seconds": 60.0,
        "family": 4,
        "transport": "udp",
        "layer": "h",
        "mode": "auto",
        "bitrate": 1_800_000,
        "loss": 0.0,
        "rtt_ms": 20,
        "nacks": 0,
        "stalling": False,
        **changes,
    }


def told(*sessions: dict[str, Any], node_id: str = "media-1") -> bytes:
    """A node's whole answer."""
    return json.dumps({"node_id": node_id, "items": sessions}).encode()


@dataclass
class Installation:
    """Leases as Redis keeps them, and nodes that tell what a test wants them to."""

    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions_of: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: int = 0

    def add(self, node_id: str, sessions: list[dict[str, Any]] | None) -> None:
        """A node; None: it does not answer."""
        self.stored[f"node:{node_id}"] = {"node_id": node_id, "internal_url": "http://nowhere", "most_sessions": 2000}
        if sessions is not None:
            self.sessions_of[node_id] = sessions

    async def leases(self, prefix: str) -> dict[str, dict[str, Any]]:
        return {name: value for name, value in self.stored.items() if name.startswith(prefix)}

    async def sessions(self, node: NodeLease) -> SessionsTold:
        self.asked += 1
        if node.node_id not in self.sessions_of:
            raise NoAnswer
        return SessionsTold.model_validate({"node_id": node.node_id, "items": self.sessions_of[node.node_id]})

    async def by_slugs(self, slugs: Sequence[str]) -> list[Room]:
        now, known = SystemClock().now(), set(slugs) & {"zhang"}
        return [Room(slug, slug, "冰糖橙开园", "h", "张红", "m", None, None, 1, now) for slug in known]

    def look(self) -> MediaNodes:
        return MediaNodes(self, self, self, SystemClock())


def test_hosts_come_first_and_then_the_viewers_who_have_it_worst() -> None:
    # given
    sessions = [
        make_session(1),
        make_session(2, rtt_ms=400),
        make_session(3, loss=0.08),
        make_session(4, stalling=True),
        make_session(5, kind="copy"),
        make_session(6, kind="publisher"),
        make_session(7, age_seconds=3.0),
    ]

    # when
    ordered = worst_first([SessionsTold.model_validate({"node_id": "media-1", "items": sessions})], 6)

    # then
    assert [int(session.id.partition(".")[2]) for session in ordered] == [6, 5, 4, 3, 2, 7]


async def test_of_too_many_sessions_the_least_troubled_are_left_out_and_counted() -> None:
    # given two full nodes, with one viewer in trouble at the end
    place = Installation()
    place.add("media-1", [make_session(number) for number in range(900)])
    place.add("media-2", [make_session(number) for number in range(900)] + [make_session(999, stalling=True)])

    # when
    board = await place.look().look()

    # then
    assert len(board.sessions) == MOST_SESSIONS_SHOWN
    assert board.more_sessions == 801
    assert (board.sessions[0].node_id, board.sessions[0].stalling) == ("media-2", True)


async def test_a_node_that_does_not_answer_is_shown_beside_those_that_do() -> None:
    # given
    place = Installation()
    place.add("media-2", None)
    place.add("media-1", [make_session()])

    # when
    board = await place.look().look()

    # then
    assert [(node.node_id, node.state.value) for node in board.items] == [("media-1", "ok"), ("media-2", "no_answer")]
    assert len(board.sessions) == 1


async def test_a_stream_has_its_rooms_name_and_what_all_nodes_report_of_its_viewers() -> None:
    # given a stream at one node with viewers at two, and one whose room is gone
    place = Installation()
    place.stored |= {
        "stream:zhang": {"node_id": "media-1", "stream_id": "s1", "room_id": "r1", "state": "live"},
        "stream:old": {"node_id": "media-2", "stream_id": "s2", "room_id": "r2", "state": "interrupted"},
        "audience:s1:media-1": {"viewers": 2, "by_layer": {"h": 2}, "ingest": {"bitrate": 2_000_000}},
        "audience:s1:media-2": {"viewers": 1, "by_layer": {"l": 1}, "stalling": 1},
        "audience:s2:media-2": {"viewers": 9},
    }

    # when
    old, zhang = (await place.look().look()).streams

    # then
    assert (old.title, old.host_name, old.audience.viewers) == (None, None, 9)
    assert (zhang.title, zhang.host_name, zhang.node_id) == ("冰糖橙开园", "张红", "media-1")
    assert (zhang.audience.viewers, zhang.audience.stalling, zhang.audience.by_layer) == (3, 1, {"h": 2, "l": 1})
    assert zhang.audience.ingest is not None


async def test_nodes_are_asked_once_for_all_who_look_at_the_same_moment() -> None:
    # given
    place = Installation()
    place.add("media-1", [])
    nodes = place.look()

    # when
    boards = await asyncio.gather(*(nodes.look() for _ in range(5)))

    # then
    assert place.asked == 1
    assert all(board is boards[0] for board in boards)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"node_id": "", "internal_url": "http://a"},
        {"node_id": "a"},
        {"node_id": "a", "internal_url": "http://a", "sessions": -1},
        {"node_id": "a", "internal_url": "http://a", "cpu": float("nan")},
        {"node_id": "\ud83c", "internal_url": "http://a"},
        [],
        7,
    ],
    ids=repr,
)
def test_a_malformed_lease_is_left_out(wrong: Any) -> None:
    good = {"node_id": "b", "internal_url": "http://b", "later": "field"}
    assert list(read_leases({"node:a": wrong, "node:b": good}, NodeLease)) == ["node:b"]


# -- asking a node over real HTTP


@asynccontextmanager
async def node_at(answer: Answer) -> AsyncIterator[NodeLease]:
    """A node `media-1` on a free port whose every path answers this."""
    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield NodeLease(node_id="media-1", internal_url=f"http://127.0.0.1:{runner.addresses[0][1]}/")
    finally:
        await runner.cleanup()


async def ask(answer: Answer, answer_seconds: float = ANSWER_SECONDS) -> SessionsTold:
    """What becomes of a node's answer."""
    async with AsyncExitStack() as stack:
        node = await stack.enter_async_context(node_at(answer))
        client = await stack.enter_async_context(open_node_client(SECRET, answer_seconds))
        return await client.sessions(node)


async def test_a_node_is_asked_with_a_signature_for_its_address_alone_and_believed() -> None:
    # given
    async def answer(request: web.Request) -> web.Response:
        header, now = request.headers[HEADER], time.time()
        assert Signer(SECRET).read(header, "GET", str(request.url), now) == Sender("server")
        assert Signer(SECRET).read(header, "GET", request.path, now) is None
        assert SECRET not in str(request.raw_headers)
        return web.Response(body=told(make_session(later="field"), make_session(2, family=None, transport=None)))

    # when
    found = await ask(answer)

    # then
    assert [session.id for session in found.items] == ["media-1.000001", "media-1.000002"]
    assert isinstance(found.items[0], Session)


RUBBISH = {
    "not JSON": b"<html>",
    "cut": told(make_session())[:-20],
    "not an object": b"[1]",
    "another node": told(node_id="media-2"),
    "no such kind": told(make_session(kind="king")),
    "a negative age": told(make_session(age_seconds=-1)),
    "not a number": told(make_session(loss=float("nan"))),
    "half an emoji": told(make_session(slug="\ud83c")),
    "more than all": told(make_session(loss=1.5)),
    "too large": b" " * (MOST_ANSWER_BYTES + 1),
}


@pytest.mark.parametrize("body", RUBBISH.values(), ids=RUBBISH.keys())
async def test_rubbish_is_no_answer_of_a_node(body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    with pytest.raises(BadAnswer):
        await ask(answer)


@pytest.mark.parametrize("status", [204, 401, 403, 404, 500])
async def test_another_status_is_no_answer_of_a_node(status: int) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=told() if status != 204 else None)

    with pytest.raises(BadAnswer):
        await ask(answer)


async def test_a_node_cannot_send_the_server_elsewhere() -> None:
    # given
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    # when
    with pytest.raises(BadAnswer):
        await ask(answer)

    # then
    assert seen == ["/internal/sessions"]


@pytest.mark.parametrize(
    "url",
    ["", "media-1", "ftp://127.0.0.1", "https://127.0.0.1", "http://", "http://a:b@127.0.0.1", "http://h:99999"],
)
async def test_only_a_plain_address_is_asked(url: str) -> None:
    async with open_node_client(SECRET) as client:
        with pytest.raises(BadAnswer):
            await client.sessions(NodeLease(node_id="media-1", internal_url=url))


async def test_a_dead_or_silent_node_does_not_answer() -> None:
    # given one that hangs, and one that is gone
    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    # when, then
    with pytest.raises(NoAnswer):
        await ask(hang, answer_seconds=0.2)
    async with node_at(hang) as gone:
        pass
    async with open_node_client(SECRET) as client:
        with pytest.raises(NoAnswer):
            await client.sessions(gone)
