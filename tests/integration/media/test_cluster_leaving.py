"""Media nodes that die, leave or are full: each test has nodes of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import m3u8
import pytest
import pytest_asyncio

from config.bus import Bus
from config.objects import S3Objects
from tests.harness.data_servers import Environment
from tests.harness.processes import MediaProcess, running_media
from tests.integration.media.clients import WAIT_SECONDS, HookServer, until, viewer
from tests.integration.media.cluster import NODES, Cluster, follow_over_hls, has_begun_over_hls, hls, open_cluster

pytestmark = pytest.mark.long

SMALLER = (256, 192)  # the picture of a host who comes back, so that a take tells which part is whose


def sizes_of(take: dict[str, Any]) -> list[tuple[int, int]]:
    """The sizes of its pictures in turn. A host on a slow machine pauses, and each pause begins another run."""
    return [size for size, _ in groupby((run["width"], run["height"]) for run in take["runs"])]


@pytest.fixture
def nodes(
    request: pytest.FixtureRequest, environment: Environment, hook: HookServer, tmp_path: Path
) -> Iterator[list[MediaProcess]]:
    """Three nodes; a test adds settings by parametrizing this fixture."""
    environment.update(SHUTDOWN_SECONDS="5", **getattr(request, "param", {}))
    with running_media(environment, tmp_path, NODES) as processes:
        yield processes


@pytest_asyncio.fixture
async def cluster(
    nodes: list[MediaProcess], bus: Bus, environment: Environment, objects: S3Objects, hook: HookServer
) -> AsyncIterator[Cluster]:
    """The running nodes."""
    async with open_cluster(nodes, bus, environment, hook) as made:
        yield made


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
    back = cluster.host(1, size=SMALLER)
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
    await until(lambda: not (spool / cluster.stream).exists(), "the dead node's part to be mended", seconds=60)
    await back.delete()
    events = await cluster.heard.wait("publisher_joined", "publisher_joined", "stream_ended", "take_ready")
    take = json.loads(await objects.get(f"public/takes/{cluster.stream}/take.json"))
    assert sizes_of(take) == [(320, 240), SMALLER]
    assert take["parts"][0]["name"] == "part-000000.m4s"
    names = [part["name"] for part in take["parts"]]
    assert len(set(names)) == len(names)
    starts = [part["start_ms"] for part in take["parts"]]
    assert starts == sorted(starts)
    assert take["duration_ms"] == events[3]["duration_ms"]
    for name in names:
        assert (await objects.stat(f"public/takes/{cluster.stream}/{name}")).size > 0


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
    late = await cluster.play(1)
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
    back = cluster.host(2, size=SMALLER)
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
    status, body, _ = await hls(cluster, 1, f"{cluster.stream}/live.m3u8")
    assert status == 200
    assert m3u8.loads(body.decode()).is_endlist
    take = json.loads(await objects.get(f"public/takes/{cluster.stream}/take.json"))
    assert sizes_of(take) == [(320, 240), SMALLER]


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

    # when: he asks again, as players do, while his node has not seen yet that another one has room
    more = await cluster.play(1)

    # then
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

    # when: he asks again, as players do, while his node has not seen yet that another one has room
    url = f"{cluster.nodes[1].url}/whep/oranges?a=b"
    status = 503
    async with asyncio.timeout(WAIT_SECONDS):
        while status == 503:
            async with cluster.http.post(url, data=b"v=0", allow_redirects=False) as answer:
                status = answer.status
            await asyncio.sleep(0.2)

    # then
    assert status == 307
    assert answer.headers["Location"] == "https://another.example.cn/media/whep/oranges?a=b"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("nodes", [{"MEDIA_NODE_URL": "https://another.example.cn/media/"}], indirect=True)
async def test_hls_is_sent_to_the_nodes_own_address_if_it_has_one(cluster: Cluster) -> None:
    await cluster.live(0)
    status, _, headers = await hls(cluster, 1, "index.m3u8?a=b")
    assert status == 307
    assert headers["Location"] == "https://another.example.cn/media/hls/oranges/index.m3u8?a=b"
