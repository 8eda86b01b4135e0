"""A browser publishes three sizes to one node; a browser at another node changes between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.harness.chromium import FLAGS, chromium_path
from tests.integration.media.chromium import eventually
from tests.integration.media.clients import KEY
from tests.integration.media.cluster import Cluster
from tests.integration.media.test_chromium import INBOUND, PLAY, more_frames
from tests.integration.media.test_cluster_leaving import cluster, nodes
from tests.integration.media.test_simulcast_chromium import PUBLISH_LAYERS

pytestmark = pytest.mark.pictures

__all__ = ["cluster", "nodes"]  # fixtures


@pytest_asyncio.fixture
async def chromium() -> AsyncIterator[Browser]:
    """A browser that belongs to no node."""
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        yield opened
        await opened.close()


def has_height(height: int, seen: Any) -> bool:
    return bool(seen["video"]["height"] == height)


async def test_every_layer_reaches_the_viewers_of_another_node(cluster: Cluster, chromium: Browser) -> None:
    # given
    host = await (await chromium.new_context()).new_page()
    await host.goto(f"{cluster.nodes[0].url}/healthz")
    await host.evaluate(PUBLISH_LAYERS, [f"{cluster.nodes[0].url}/whip/oranges", KEY, "VP8"])
    await cluster.heard.wait("publisher_joined")
    await cluster.leases_say(lambda leases: leases["stream:oranges"]["state"] == "live")
    viewer = await (await chromium.new_context()).new_page()
    await viewer.goto(f"{cluster.nodes[1].url}/healthz")
    await viewer.evaluate(PLAY, [f"{cluster.nodes[1].url}/whep/oranges"])
    location = await viewer.evaluate("() => window.location_")

    for rid, height in (("l", 135), ("h", 540), ("m", 270)):
        # when
        async with cluster.http.post(f"{location}/layer", json={"rid": rid}) as response:
            assert response.status == 200, await response.text()

        # then
        await eventually(viewer, INBOUND, partial(has_height, height), f"{height} lines", 30)
        await more_frames(viewer, 10)


async def test_a_copy_follows_a_host_who_comes_back_with_another_camera(cluster: Cluster, chromium: Browser) -> None:
    # given three sizes of VP8, of which a viewer elsewhere has chosen one
    host = await (await chromium.new_context()).new_page()
    await host.goto(f"{cluster.nodes[0].url}/healthz")
    await host.evaluate(PUBLISH_LAYERS, [f"{cluster.nodes[0].url}/whip/oranges", KEY, "VP8"])
    await cluster.heard.wait("publisher_joined")
    await cluster.leases_say(lambda leases: leases["stream:oranges"]["layers"] == ["h", "m", "l"])
    viewer = await (await chromium.new_context()).new_page()
    await viewer.goto(f"{cluster.nodes[1].url}/healthz")
    await viewer.evaluate(PLAY, [f"{cluster.nodes[1].url}/whep/oranges"])
    location = await viewer.evaluate("() => window.location_")
    async with cluster.http.post(f"{location}/layer", json={"rid": "m"}) as response:
        assert response.status == 200
    leases = await cluster.leases_say(
        lambda leases: leases[f"audience:{cluster.stream}:media-2"]["by_layer"] == {"m": 1}
    )
    assert leases[f"audience:{cluster.stream}:media-1"]["viewers"] == 0

    # when he takes over with one size of another codec
    await cluster.host(2, "?takeover=1").connect()

    # then
    await eventually(viewer, INBOUND, partial(has_height, 240), "the other camera", 30)
    await more_frames(viewer, 10)
