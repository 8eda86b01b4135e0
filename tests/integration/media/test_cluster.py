"""Several media nodes, real processes behind one HTTP port: copies, passing on, deaths, leaving."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import m3u8
import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy

from config.bus import Bus
from config.objects import S3Objects
from media.cluster.signature import HEADER, Sender, Signer
from tests.harness.data_servers import Environment
from tests.harness.processes import MediaProcess, running_media
from tests.integration.media.clients import WAIT_SECONDS, Client, Heard, HookServer, publisher, until, viewer

pytestmark = pytest.mark.long

NODES = 3
STREAM = "stream-oranges-1"


@pytest.fixture
def nodes(
    request: pytest.FixtureRequest, environment: Environment, hook: HookServer, tmp_path: Path
) -> Iterator[list[MediaProcess]]:
    """Three nodes; a test adds settings by parametrizing this fixture."""
    environment.update(SHUTDOWN_SECONDS="5", **getattr(request, "param", {}))
    with running_media(environment, tmp_path, NODES) as processes:
        yield processes


@dataclass(slots=True)
class Cluster:
    """The nodes, what servers hear of them, and clients that are closed with the test."""

    nodes: list[MediaProcess]
    http: aiohttp.ClientSession
    bus: Bus
    heard: Heard
    secret: str
    shared: str
    clients: list[Client] = field(default_factory=list)

    def host(self, node: int, query: str = "") -> Client:
        """A host who speaks to this node."""
        return self._keep(publisher(self.http, f"{self.nodes[node].url}/whip/oranges{query}"))

    def viewer(self, node: int) -> Client:
        """A viewer who speaks to this node."""
        return self._keep(viewer(self.http, f"{self.nodes[node].url}/whep/oranges"))

    def _keep(self, client: Client) -> Client:
        self.clients.append(client)
        return client

    async def live(self, node: int) -> Client:
        """A host who is live at this node."""
        host = self.host(node)
        assert await host.connect() == 201
        await self.heard.wait("publisher_joined")
        await self.leases_say(lambda leases: leases["stream:oranges"]["state"] == "live")
        return host

    async def play(self, node: int) -> Client:
        """A viewer at this node who sees and hears; he asks again, as players do, while there is nothing."""
        end = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            client = self.viewer(node)
            status = await client.connect()
            if status == 201:
                await client.sees(video=3, audio=3)
                return client
            assert status in (409, 503), status
            assert asyncio.get_running_loop().time() < end, "nothing to play"
            await client.vanish()
            await asyncio.sleep(0.2)

    async def sessions(self, node: int) -> list[dict[str, Any]]:
        """What a node says of its sessions."""
        url = f"{self.nodes[node].url}/internal/sessions"
        async with self.http.get(url, headers=self.signed_for(url)) as answer:
            assert answer.status == 200
            found: list[dict[str, Any]] = (await answer.json())["items"]
            return found

    def signed_for(self, url: str) -> dict[str, str]:
        """The header with which the server asks there."""
        return {HEADER: Signer(self.secret).sign(Sender("server"), "GET", url, time.time())}

    async def leases_say(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the leases are so."""
        end = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            leases = await self.bus.leases("")
            with suppress(KeyError):
                if condition(leases):
                    return leases
            assert asyncio.get_running_loop().time() < end, leases
            await asyncio.sleep(0.1)


@pytest_asyncio.fixture
async def cluster(
    nodes: list[MediaProcess], bus: Bus, environment: Environment, objects: S3Objects
) -> AsyncIterator[Cluster]:
    """The running nodes with an ear on their events."""
    heard = Heard()
    listening = asyncio.create_task(heard.listen(bus))
    async with aiohttp.ClientSession() as http:
        shared = f"http://127.0.0.1:{environment['MEDIA_HTTP_PORT']}"
        made = Cluster(nodes, http, bus, heard, environment["INTERNAL_SECRET"], shared)
        await made.leases_say(lambda leases: all(f"node:{node.node_id}" in leases for node in nodes))
        yield made
        for client in made.clients:
            await client.vanish()
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening


async def test_viewers_of_every_node_see_the_host_of_one_over_a_single_copy_each(cluster: Cluster) -> None:
    # given
    await cluster.live(0)

    # when three come to each node at once
    viewers = await asyncio.gather(*(cluster.play(node) for node in (0, 0, 1, 1, 1, 2)))

    # then
    await asyncio.gather(*(each.sees(video=10, audio=20) for each in viewers))
    kinds = [session["kind"] for session in await cluster.sessions(0)]
    assert sorted(kinds) == ["copy", "copy", "publisher", "viewer", "viewer"]
    assert [session["kind"] for session in await cluster.sessions(1)] == ["viewer"] * 3
    leases = await cluster.leases_say(
        lambda leases: sum(v["viewers"] for k, v in leases.items() if k.startswith(f"audience:{STREAM}:")) == 6
    )
    assert leases["stream:oranges"]["node_id"] == "media-1"
    assert "ingest" in leases[f"audience:{STREAM}:media-1"]
    assert "ingest" not in leases[f"audience:{STREAM}:media-2"]


async def test_a_session_is_changed_and_ended_wherever_the_request_lands(cluster: Cluster) -> None:
    # given
    host = await cluster.live(0)
    viewer = await cluster.play(1)
    path = viewer.location.removeprefix(cluster.nodes[1].url)
    other = cluster.nodes[2].url

    # when
    fragment = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": viewer.etag}
    async with cluster.http.patch(other + path, data="a=end-of-candidates\r\n", headers=fragment) as answer:
        patched = answer.status
    async with cluster.http.post(f"{other}{path}/layer", json={"mode": "audio"}) as answer:
        chosen = answer.status
    async with cluster.http.delete(other + path) as answer:
        ended = answer.status
    await until(lambda: viewer.pc.connectionState == "closed", "the viewer's end")
    async with cluster.http.delete(other + path) as answer:
        again = answer.status

    # then
    assert (patched, chosen, ended, again) == (204, 200, 200, 404)
    path = host.location.removeprefix(cluster.nodes[0].url)
    async with cluster.http.delete(other + path) as answer:
        assert answer.status == 401
    async with cluster.http.delete(other + path, headers=host.headers) as answer:
        assert answer.status == 200
    await cluster.heard.wait("publisher_joined", "stream_ended", "take_ready")


async def test_server_sent_events_come_through_another_node(cluster: Cluster) -> None:
    # given
    await cluster.live(0)
    viewer = await cluster.play(1)
    other = cluster.nodes[2].url + viewer.location.removeprefix(cluster.nodes[1].url)

    # when
    async with cluster.http.post(f"{other}/sse", json=["active", "viewercount"]) as answer:
        assert answer.status == 201
        place = cluster.nodes[2].url + answer.headers["Location"]
    async with cluster.http.get(place, headers={"Accept": "text/event-stream"}) as answer:
        # then
        assert answer.content_type == "text/event-stream"
        assert answer.headers.getall("Access-Control-Allow-Origin") == ["*"]
        text = b""
        while b"event: active" not in text:
            text += await asyncio.wait_for(answer.content.readany(), WAIT_SECONDS)


async def test_a_second_host_is_refused_and_takes_over_at_whatever_node_he_asks(cluster: Cluster) -> None:
    # given
    first = await cluster.live(0)
    viewer = await cluster.play(2)

    # when
    refused = await cluster.host(1).connect()
    second = cluster.host(1, "?takeover=1")
    accepted = await second.connect()

    # then: the stream stays where it was
    assert (refused, accepted) == (409, 201)
    assert "/media-1." in second.location
    await cluster.heard.wait("publisher_joined", "publisher_joined")
    await until(lambda: first.pc.connectionState == "closed", "the first host to be sent away")
    await viewer.sees(video=10, audio=20)


async def test_of_two_hosts_at_the_same_moment_one_wins(cluster: Cluster) -> None:
    # when
    hosts = [cluster.host(node) for node in range(NODES)]
    statuses = await asyncio.gather(*(host.connect() for host in hosts))

    # then
    assert sorted(statuses) == [201, 409, 409]
    await cluster.heard.wait("publisher_joined")
    await cluster.play(1)
    publishers = [s for node in range(NODES) for s in await cluster.sessions(node) if s["kind"] == "publisher"]
    assert len(publishers) == 1


async def test_a_host_who_vanished_comes_back_at_another_node_and_viewers_stay(cluster: Cluster) -> None:
    # given
    host = await cluster.live(0)
    viewers = [await cluster.play(node) for node in range(NODES)]

    # when
    await host.vanish()
    await cluster.heard.wait("publisher_joined", "publisher_left")
    assert await cluster.host(2).connect() == 201

    # then
    first, _, again = await cluster.heard.wait("publisher_joined", "publisher_left", "publisher_joined")
    assert again["stream_id"] == first["stream_id"]
    await asyncio.gather(*(viewer.sees(video=10, audio=20) for viewer in viewers))


async def test_when_the_hosts_node_dies_he_goes_on_at_another_and_the_other_nodes_viewers_stay(
    cluster: Cluster, objects: S3Objects
) -> None:
    # given
    host = await cluster.live(0)
    away, here = await cluster.play(1), await cluster.play(2)
    await cluster.play(0)
    await has_begun_over_hls(cluster, 0)  # what was killed before has recorded nothing that the take could have
    following = asyncio.create_task(follow_over_hls(cluster, 2, is_death=True))

    # when
    cluster.nodes[0].child.kill()
    await host.vanish()
    back = cluster.host(1)
    assert await back.connect() == 201

    # then: nobody has to ask again but those of the dead node
    events = await cluster.heard.wait("publisher_joined", "publisher_joined")
    assert [event["node_id"] for event in events] == ["media-1", "media-2"]
    assert events[0]["stream_id"] == events[1]["stream_id"]
    await asyncio.gather(away.sees(video=10, audio=20), here.sees(video=10, audio=20))
    await cluster.play(2)
    seen = await asyncio.wait_for(following, WAIT_SECONDS)
    assert 0 < seen[-1].media_sequence < 100, "players who follow in place would lose theirs"

    # and when the dead one is started again, it spoils nothing, and the take has both parts
    cluster.nodes[0].child.start()
    await asyncio.to_thread(cluster.nodes[0].child.wait_ready)
    await cluster.play(0)
    spool = Path(cluster.nodes[0].child.program.environment["SPOOL_FOLDER"])
    await until(lambda: not (spool / STREAM).exists(), "the dead node's part to be mended", seconds=60)
    await back.delete()
    events = await cluster.heard.wait("publisher_joined", "publisher_joined", "stream_ended", "take_ready")
    take = json.loads(await objects.get(f"public/takes/{STREAM}/take.json"))
    assert len(take["runs"]) == 2
    assert take["parts"][0]["name"] == "part-000000.m4s"
    names = [part["name"] for part in take["parts"]]
    assert len(set(names)) == len(names)
    starts = [part["start_ms"] for part in take["parts"]]
    assert starts == sorted(starts)
    assert take["duration_ms"] == events[3]["duration_ms"]
    for name in names:
        assert (await objects.stat(f"public/takes/{STREAM}/{name}")).size > 0


@pytest.mark.parametrize("nodes", [{"PUBLISHER_GRACE_SECONDS": "3"}], indirect=True)
async def test_viewers_elsewhere_wait_one_grace_for_a_host_whose_node_has_died(cluster: Cluster) -> None:
    # given
    await cluster.live(0)
    viewer = await cluster.play(1)

    # when
    cluster.nodes[0].child.kill()

    # then: his picture stands still, he is not sent away before the time, and then told
    assert viewer.pc.connectionState == "connected"
    await until(lambda: viewer.pc.connectionState == "closed", "the end of the grace", seconds=30)
    assert await cluster.viewer(1).connect() in (409, 503)


@pytest.mark.parametrize("victim", [1, 2])
async def test_a_node_that_dies_takes_only_its_own_viewers_with_it(cluster: Cluster, victim: int) -> None:
    # given
    await cluster.live(0)
    viewers = {node: await cluster.play(node) for node in range(NODES)}

    # when
    cluster.nodes[victim].child.kill()

    # then
    await asyncio.gather(*(v.sees(video=10, audio=20) for node, v in viewers.items() if node != victim))
    again = viewer(cluster.http, f"{cluster.shared}/whep/oranges")  # the kernel no longer sends him to the dead one
    cluster.clients.append(again)
    assert await again.connect() == 201
    await again.sees(video=3, audio=3)
    async with cluster.http.delete(f"{cluster.shared}/whep/oranges/media-{victim + 1}.gone") as answer:
        assert answer.status == 404
    assert cluster.heard.names() == ["publisher_joined"]


async def test_a_copy_is_let_go_when_nobody_watches_it(cluster: Cluster) -> None:
    # given
    await cluster.live(0)
    viewer = await cluster.play(1)
    await cluster.leases_say(lambda leases: leases[f"audience:{STREAM}:media-2"]["viewers"] == 1)

    # when
    await viewer.delete()

    # then
    leases = await cluster.leases_say(lambda leases: f"audience:{STREAM}:media-2" not in leases)
    assert f"audience:{STREAM}:media-1" in leases
    assert [session["kind"] for session in await cluster.sessions(0)] == ["publisher"]


async def test_a_stream_that_its_host_ends_ends_at_every_node_at_once(cluster: Cluster) -> None:
    # given
    host = await cluster.live(0)
    viewer = await cluster.play(1)

    # when
    assert await host.delete() == 200

    # then
    await until(lambda: viewer.pc.connectionState == "closed", "the viewer elsewhere to be told")
    assert await cluster.viewer(1).connect() == 409


async def test_nobody_can_pretend_to_be_a_node(cluster: Cluster) -> None:
    # given
    await cluster.live(0)
    url = f"{cluster.nodes[1].url}/whep/oranges"
    guess = {"X-Dongting-Node": "0" * 64 + ",media-3,1,1795348800,"}

    # when
    stranger = viewer(cluster.http, url)
    stranger.headers = guess
    cluster.clients.append(stranger)
    assert await stranger.connect() == 201

    # then: he is a viewer like any other
    assert [session["kind"] for session in await cluster.sessions(1)] == ["viewer"]
    url = f"{cluster.nodes[1].url}/internal/sessions"
    elsewhere = cluster.signed_for(f"{cluster.nodes[2].url}/internal/sessions")
    for headers in ({}, {"Authorization": f"Bearer {cluster.secret}"}, elsewhere):
        async with cluster.http.get(url, headers=headers) as answer:
            assert answer.status == 403


@pytest.mark.parametrize("nodes", [{"DRAIN_SECONDS": "30"}], indirect=True)
async def test_a_node_that_is_asked_to_stop_lets_its_viewers_move_and_goes(cluster: Cluster) -> None:
    # given
    await cluster.live(0)
    staying, moving = await cluster.play(2), await cluster.play(1)
    child = cluster.nodes[1].child

    # when
    child.ask_to_stop()
    await cluster.leases_say(lambda leases: leases["node:media-2"]["is_draining"])

    # then: new ones are served elsewhere, the old one may stay until he has moved
    late = cluster.viewer(1)
    assert await late.connect() == 201
    assert "/media-2." not in late.location
    await moving.sees(video=5)
    async with cluster.http.get(f"{cluster.nodes[1].url}/readyz") as answer:
        assert answer.status == 503
    assert child.is_running()
    await moving.delete()
    await until(lambda: not child.is_running(), "the node to stop")
    assert child.exit_code == 0
    await staying.sees(video=5)


@pytest.mark.parametrize("nodes", [{"DRAIN_SECONDS": "2"}], indirect=True)
async def test_a_node_that_leaves_hands_its_stream_over(cluster: Cluster, objects: S3Objects) -> None:
    # given
    host = await cluster.live(0)
    viewer = await cluster.play(1)
    following = asyncio.create_task(follow_over_hls(cluster, 1))
    child = cluster.nodes[0].child

    # when
    child.ask_to_stop()
    await until(lambda: host.pc.connectionState == "closed", "the host to be sent away")
    back = cluster.host(2)
    assert await back.connect() == 201

    # then: one stream, and the viewers elsewhere have only seen a pause
    events = await cluster.heard.wait("publisher_joined", "publisher_left", "publisher_joined")
    assert events[2]["stream_id"] == events[0]["stream_id"]
    await viewer.sees(video=10, audio=20)
    seen = await asyncio.wait_for(following, WAIT_SECONDS)
    assert seen[0].media_sequence == 0
    listed = max(playlist.media_sequence + len(playlist.segments) for playlist in seen[:-1])
    assert listed - 1 <= seen[-1].media_sequence <= listed + 2, "players who follow in place would lose theirs"
    assert not any(playlist.is_endlist for playlist in seen)
    await until(lambda: not child.is_running(), "the node to stop")
    assert child.exit_code == 0
    await back.delete()
    await cluster.heard.wait("publisher_joined", "publisher_left", "publisher_joined", "stream_ended", "take_ready")
    status, body, _ = await hls(cluster, 1, f"{STREAM}/live.m3u8")
    assert status == 200
    assert m3u8.loads(body.decode()).is_endlist
    take = json.loads(await objects.get(f"public/takes/{STREAM}/take.json"))
    assert len(take["runs"]) == 2


@pytest.mark.parametrize("nodes", [{"DRAIN_SECONDS": "60"}], indirect=True)
async def test_a_second_signal_ends_the_patience(cluster: Cluster) -> None:
    # given
    await cluster.live(0)
    await cluster.play(1)
    child = cluster.nodes[1].child
    assert child.pid is not None

    # when
    child.ask_to_stop()
    await cluster.leases_say(lambda leases: leases["node:media-2"]["is_draining"])
    child.ask_to_stop()

    # then
    await until(lambda: not child.is_running(), "the node to stop")
    assert child.exit_code == 0


@pytest.mark.parametrize("nodes", [{"MAX_SESSIONS": "2"}], indirect=True)
async def test_a_full_node_has_another_one_serve(cluster: Cluster) -> None:
    # given
    await cluster.live(0)
    await cluster.play(1)
    await cluster.play(1)
    await cluster.leases_say(lambda leases: leases["node:media-2"]["sessions"] == 2)

    # when
    more = cluster.viewer(1)

    # then
    assert await more.connect() == 201
    assert "/media-2." not in more.location


@pytest.mark.parametrize(
    "nodes", [{"MAX_SESSIONS": "2", "MEDIA_NODE_URL": "https://another.example.cn/media/"}], indirect=True
)
async def test_a_full_node_sends_clients_to_another_ones_own_address(cluster: Cluster) -> None:
    # given
    await cluster.live(0)
    await cluster.play(1)
    await cluster.play(1)
    await cluster.leases_say(lambda leases: leases["node:media-2"]["sessions"] == 2)

    # when
    url = f"{cluster.nodes[1].url}/whep/oranges?a=b"
    async with cluster.http.post(url, data=b"v=0", allow_redirects=False) as answer:
        # then
        assert answer.status == 307
        assert answer.headers["Location"] == "https://another.example.cn/media/whep/oranges?a=b"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


async def hls(cluster: Cluster, node: int, name: str) -> tuple[int, bytes, CIMultiDictProxy[str]]:
    """Ask a node for something of the room's HLS."""
    url = f"{cluster.nodes[node].url}/hls/oranges/{name}"
    async with cluster.http.get(url, allow_redirects=False) as answer:
        return answer.status, await answer.read(), answer.headers


async def follow_over_hls(cluster: Cluster, node: int, *, is_death: bool = False) -> list[m3u8.M3U8]:
    """What a player reads again and again until another node goes on with the stream, and the newest segment of the
    node before, if that is not dead; never that there is none. Who comes anew meanwhile is not sent away either."""
    seen: list[m3u8.M3U8] = []
    newest = ""
    while not seen or not seen[-1].discontinuity_sequence:
        for name in ("index.m3u8", f"{STREAM}/live.m3u8", newest):
            status, body, _ = await hls(cluster, node, name) if name else (200, b"", None)
            assert status in (200, 503), (name, status, body)
            if name.endswith("live.m3u8") and status == 200:
                seen.append(m3u8.loads(body.decode()))
                listed = [segment.uri for segment in seen[-1].segments if segment.uri]
                is_before = not seen[-1].discontinuity_sequence and not is_death
                newest = f"{STREAM}/{listed[-1]}" if listed and is_before else newest
        await asyncio.sleep(0.1)
    if newest:
        assert (await hls(cluster, node, newest))[0] == 200
    return seen


async def has_begun_over_hls(cluster: Cluster, node: int) -> None:
    """Until the stream's first fragment is recorded and listed."""
    end = asyncio.get_running_loop().time() + WAIT_SECONDS
    while (await hls(cluster, node, f"{STREAM}/live.m3u8"))[0] != 200:
        assert asyncio.get_running_loop().time() < end, "no playlist"
        await asyncio.sleep(0.1)


async def test_hls_comes_through_any_node(cluster: Cluster) -> None:
    # given a stream of which the first segment is whole
    await cluster.live(0)
    await has_begun_over_hls(cluster, 1)
    status, waited, headers = await hls(cluster, 1, f"{STREAM}/live.m3u8?_HLS_msn=0")

    # then what another node passes on is what the node with the publisher has
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=24")
    assert b"part-000000.m4s\n" in waited
    for name in ("part-000000.m4s", "part-000000.1.m4s", "aac/part-000000.m4s", "init-0.mp4"):
        there, passed_on = await hls(cluster, 0, f"{STREAM}/{name}"), await hls(cluster, 2, f"{STREAM}/{name}")
        assert passed_on[:2] == there[:2]
        assert passed_on[2]["ETag"] == there[2]["ETag"]
    assert (await hls(cluster, 1, f"{STREAM}/live.m3u8?_HLS_msn=900"))[0] == 400


@pytest.mark.parametrize("nodes", [{"MEDIA_NODE_URL": "https://another.example.cn/media/"}], indirect=True)
async def test_hls_is_sent_to_the_nodes_own_address_if_it_has_one(cluster: Cluster) -> None:
    await cluster.live(0)
    status, _, headers = await hls(cluster, 1, "index.m3u8?a=b")
    assert status == 307
    assert headers["Location"] == "https://another.example.cn/media/hls/oranges/index.m3u8?a=b"
