"""Several media nodes, real processes behind one HTTP port: copies, passing on. The tests share the nodes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from multidict import CIMultiDict
from yarl import URL

from config.bus import Bus
from config.objects import S3Objects
from tests.harness.data_servers import DataServers, Environment
from tests.harness.processes import MediaProcess, running_media
from tests.integration.media.clients import WAIT_SECONDS, HookServer, until, viewer
from tests.integration.media.cluster import NODES, Cluster, has_begun_over_hls, hls, open_cluster

pytestmark = pytest.mark.long

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def environment(data_servers: DataServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """One for all tests of this file, with a place where each runs its hook."""
    made = data_servers.new_environment(tmp_path_factory.mktemp("cluster"))
    made["SHUTDOWN_SECONDS"] = "5"
    yield made
    data_servers.forget(made)


@pytest.fixture(scope="module")
def nodes(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[MediaProcess]]:
    """Three nodes."""
    with running_media(environment, tmp_path_factory.mktemp("logs"), NODES) as processes:
        yield processes


@pytest_asyncio.fixture
async def hook(environment: Environment) -> AsyncIterator[HookServer]:
    """The hook where the nodes expect it; each test has a stream of its own."""
    server = HookServer(secret=environment["INTERNAL_SECRET"], number=next(numbers))
    async with server.running(URL(environment["AUTHORIZE_URL"]).port or 0):
        yield server


@pytest_asyncio.fixture
async def cluster(
    nodes: list[MediaProcess], bus: Bus, environment: Environment, objects: S3Objects, hook: HookServer
) -> AsyncIterator[Cluster]:
    """The nodes, left as they were found."""
    async with open_cluster(nodes, bus, environment, hook) as made:
        yield made
        await made.rest()


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
        lambda leases: (
            sum(v["viewers"] for k, v in leases.items() if k.startswith(f"audience:{cluster.stream}:")) == 6
        )
    )
    assert leases["stream:oranges"]["node_id"] == "media-1"
    assert "ingest" in leases[f"audience:{cluster.stream}:media-1"]
    assert "ingest" not in leases[f"audience:{cluster.stream}:media-2"]


async def test_a_session_is_changed_and_ended_wherever_the_request_lands(cluster: Cluster) -> None:
    # given
    host = await cluster.live(0)
    viewer = await cluster.play(1)
    path = viewer.location.removeprefix(cluster.nodes[1].url)
    other = cluster.nodes[2].url

    # when
    fragment = CIMultiDict({"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": '"older"'})
    fragment.add("If-Match", viewer.etag)  # a list in two lines
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


async def test_a_copy_is_let_go_when_nobody_watches_it(cluster: Cluster) -> None:
    # given
    await cluster.live(0)
    viewer = await cluster.play(1)
    await cluster.leases_say(lambda leases: leases[f"audience:{cluster.stream}:media-2"]["viewers"] == 1)

    # when
    await viewer.delete()

    # then
    leases = await cluster.leases_say(lambda leases: f"audience:{cluster.stream}:media-2" not in leases)
    assert f"audience:{cluster.stream}:media-1" in leases
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


async def test_hls_comes_through_any_node(cluster: Cluster) -> None:
    # given a stream of which the first segment is whole
    await cluster.live(0)
    await has_begun_over_hls(cluster, 1)
    status, waited, headers = await hls(cluster, 1, f"{cluster.stream}/live.m3u8?_HLS_msn=0")

    # then what another node passes on is what the node with the publisher has
    assert (status, headers["Cache-Control"]) == (200, "public, max-age=24")
    assert b"part-000000.m4s\n" in waited
    for name in ("part-000000.m4s", "part-000000.1.m4s", "aac/part-000000.m4s", "init-0.mp4"):
        there, passed_on = (
            await hls(cluster, 0, f"{cluster.stream}/{name}"),
            await hls(cluster, 2, f"{cluster.stream}/{name}"),
        )
        assert passed_on[:2] == there[:2]
        assert passed_on[2]["ETag"] == there[2]["ETag"]
    assert (await hls(cluster, 1, f"{cluster.stream}/live.m3u8?_HLS_msn=900"))[0] == 400
