"""A node whose neighbour has the publisher, but gives no copy: viewers wait for one answer, and hear when to ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web

from config.bus import Bus
from config.settings import MediaSettings
from media.answer import Local, Published, SendingTrack, choose_for_viewer, write_answer
from media.app import run_node
from media.cluster.registry import LEASE_SECONDS, NodeSeen, Registry
from media.cluster.signature import HEADER, Sender, Signer
from media.sdp import parse_offer
from tests.harness.data_servers import SECRET
from tests.harness.udp_proxy import UdpProxy
from tests.integration.media.clients import until, viewer
from tests.integration.media.conftest import Running
from tests.unit.media.offers import CHROMIUM_PLAYS

SENDING = {"video": SendingTrack(1, 2), "audio": SendingTrack(3, 4)}
PUBLISHED = {"video": Published("VP8"), "audio": Published("opus")}


@dataclass(slots=True)
class Ghost:
    """A node that answers over HTTP as it is told; no packet ever comes from it."""

    status: int = 201
    asked: list[bool] = field(default_factory=list)  # was each request a node's?

    async def whep(self, request: web.Request) -> web.Response:
        """The one route."""
        sender = Signer(SECRET).read(request.headers.get(HEADER), "POST", request.path, time.time())
        self.asked.append(sender is not None and sender.is_copy and sender.node_id == "media-1")
        if self.status != 201:
            return web.Response(status=self.status)
        offer = parse_offer(await request.text())
        local = Local("ghostly", "p" * 24, ":".join(["AB"] * 32), ("1 1 udp 1 127.0.0.1 9 typ host",))
        answer = write_answer(offer, choose_for_viewer(offer, PUBLISHED), local, 1, SENDING)
        headers = {"Content-Type": "application/sdp", "Location": "/whep/oranges/ghost.1"}
        return web.Response(status=201, body=answer.encode(), headers=headers)


@pytest_asyncio.fixture
async def ghost(bus: Bus, running: Running) -> AsyncIterator[Ghost]:
    """It lives, and has the room's stream."""
    made = Ghost()
    app = web.Application()
    app.router.add_post("/whep/{slug}", made.whep)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    node = {"node_id": "ghost", "boot": "1", "internal_url": url, "udp_port": 9, "sessions": 0, "most_sessions": 9}
    stream = {"node_id": "ghost", "stream_id": "stream-9", "room_id": "room-9", "state": "live"}
    await bus.set_lease("node:ghost", node, 6 * LEASE_SECONDS)
    await bus.set_lease("stream:oranges", stream, 6 * LEASE_SECONDS)
    yield made
    await runner.cleanup()


async def ask(running: Running) -> tuple[int, str]:
    """A viewer's request: status and Retry-After."""
    headers = {"Content-Type": "application/sdp"}
    async with running.http.post(running.url("/whep/oranges"), data=CHROMIUM_PLAYS, headers=headers) as answer:
        return answer.status, answer.headers.get("Retry-After", "")


@pytest.mark.parametrize("media_settings", [{"CONNECT_TIMEOUT_SECONDS": "1"}], indirect=True)
async def test_many_viewers_wait_for_one_copy_and_are_told_when_it_does_not_come(
    running: Running, ghost: Ghost
) -> None:
    # when
    answers = await asyncio.gather(*(ask(running) for _ in range(10)))

    # then
    assert set(answers) == {(503, "3")}
    assert ghost.asked == [True]
    assert not list(running.node.pulls.streams)


async def test_a_neighbour_that_has_nothing_to_give_is_asked_again_by_the_next(
    running: Running, ghost: Ghost
) -> None:
    ghost.status = 409
    assert await ask(running) == (409, "3")
    assert await ask(running) == (409, "3")
    assert len(ghost.asked) == 2


async def test_a_neighbour_that_is_gone_is_told_from_one_that_has_nothing(
    running: Running, ghost: Ghost, bus: Bus
) -> None:
    # given nobody at its address
    node = {"node_id": "ghost", "boot": "2", "internal_url": "http://127.0.0.1:9", "udp_port": 9}
    await bus.set_lease("node:ghost", node, LEASE_SECONDS)

    # then
    assert await ask(running) == (503, "3")
    assert await ask(running) == (503, "3")
    assert not ghost.asked


async def test_a_node_does_not_give_a_copy_of_a_copy(running: Running, ghost: Ghost) -> None:
    # given
    path = "/whep/oranges"
    signed = Signer(SECRET).sign(Sender("media-2", is_copy=True), "POST", path, time.time())
    headers = {"Content-Type": "application/sdp", HEADER: signed}

    # when
    async with running.http.post(running.url(path), data=CHROMIUM_PLAYS, headers=headers) as answer:
        # then
        assert answer.status == 409
    assert not ghost.asked


class Detour(Registry):
    """Finds every node behind another UDP port."""

    udp_port = 0

    async def node(self, node_id: str) -> NodeSeen | None:
        seen = await super().node(node_id)
        return None if seen is None else replace(seen, udp_port=self.udp_port)


async def test_what_is_lost_between_nodes_is_sent_again_between_nodes(
    running: Running, media_settings: MediaSettings, bus: Bus, tmp_path: Path
) -> None:
    # given a host at one node, another node, and a line between them that loses packets
    host = running.publisher()
    await host.connect()
    await running.heard.wait("publisher_joined")
    settings = media_settings.model_copy(update={"node_id": "media-2", "spool_folder": str(tmp_path / "second")})
    async with UdpProxy(running.node.udp_port) as proxy, run_node(settings) as node:
        detour = Detour(bus, "media-2")
        detour.udp_port = proxy.port
        node.pulls._registry = detour
        client = viewer(running.http, f"http://127.0.0.1:{node.http_port}/whep/oranges")
        running.clients.append(client)
        assert await client.connect() == 201
        await client.sees(video=3)

        # when
        proxy.loss = 0.1
        await until(lambda: running.node.counters.packets_resent >= 10, "packets to be sent again", seconds=60)
        proxy.loss = 0.0

        # then
        await client.sees(video=10, audio=10)
        (copy,) = node.pulls.streams
        assert copy.publisher is not None
        await until(lambda: copy.publisher is not None and copy.publisher.fraction_lost == 0, "a clean report")
        assert node.counters.nacks_out >= 1
        await client.vanish()
