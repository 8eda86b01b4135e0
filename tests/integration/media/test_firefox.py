"""A real Firefox publishes over WHIP and plays over WHEP; skipped where none is installed (apt: firefox-esr)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.harness.data_servers import Environment
from tests.harness.firefox import FirefoxPage, firefox_page, firefox_path
from tests.harness.namespace import Namespace, NoNamespace, network_namespace
from tests.integration.media.clients import KEY, until
from tests.integration.media.conftest import Running
from tests.integration.media.test_chromium import PLAY, PUBLISH, more_frames
from tests.integration.media.test_simulcast_chromium import ALL_LAYERS, PUBLISH_LAYERS, flowing, shows_height

pytestmark = pytest.mark.pictures

# What is asked of `pc` is asked of the last one; the others must not be forgotten.
KEEP = "() => { window.host = window.pc }"
CHOOSE = """
async (wish) => (await fetch(`${window.location_}/layer`, {method: 'POST', body: JSON.stringify(wish),
  headers: {'Content-Type': 'application/json'}})).status"""


@pytest.fixture
def firefox() -> str:
    """Where it is."""
    path = firefox_path()
    if path is None:
        pytest.skip("no Firefox on this machine")
    return path


@pytest.fixture
def namespace(firefox: str) -> Iterator[Namespace]:
    """Where it runs: Firefox gathers no candidate on the loopback, and so reaches nobody there."""
    with ExitStack() as stack:
        try:
            made = stack.enter_context(network_namespace())
        except NoNamespace as error:
            pytest.skip(f"no network for Firefox: {error}")
        yield made


@pytest.fixture
def environment(namespace: Namespace, environment: Environment) -> Environment:
    """The node listens to the namespace, too, and says so."""
    environment.update(MEDIA_HOST="0.0.0.0", MEDIA_ANNOUNCED_ADDRESSES=namespace.outside)
    return environment


@pytest_asyncio.fixture
async def page(running: Running, firefox: str, namespace: Namespace, tmp_path: Path) -> AsyncIterator[FirefoxPage]:
    """A page of the node's in Firefox: plain text, since Firefox shows JSON in a page of its own."""
    url = f"http://{namespace.outside}:{running.node.http_port}/metrics"
    async with firefox_page(firefox, tmp_path / "profile", namespace, url) as opened:
        yield opened


async def test_firefox_plays_what_a_host_sends(running: Running, page: FirefoxPage) -> None:
    # given: VP8, since a Firefox that has not fetched its H.264 yet can't play that
    host = running.publisher()
    await host.connect(lambda sdp: sdp.replace("H264/90000", "H266/90000"))
    await running.heard.wait("publisher_joined")

    # when
    await page.evaluate(PLAY, ["/whep/oranges"])

    # then
    found = await more_frames(page, 20)
    assert found["video"]["height"] == 240
    assert found["audio"]["samples"] > 0


async def test_firefox_publishes_and_others_see_and_hear_it(running: Running, page: FirefoxPage) -> None:
    # given
    await page.evaluate(PUBLISH, ["/whip/oranges", KEY])
    await running.heard.wait("publisher_joined")

    # when
    viewer = running.viewer()
    assert await viewer.connect() == 201

    # then
    await viewer.sees(video=15, audio=30)


async def test_firefox_publishes_three_layers_and_shows_the_one_that_it_chooses(
    running: Running, page: FirefoxPage
) -> None:
    # given
    await page.evaluate(PUBLISH_LAYERS, ["/whip/oranges", KEY, "VP8"])
    await running.heard.wait("publisher_joined")
    await until(lambda: flowing(running) == ALL_LAYERS, "all layers")
    await page.evaluate(KEEP)
    await page.evaluate(PLAY, ["/whep/oranges"])

    for rid, height in (("l", 135), ("h", 540), ("m", 270)):
        # when
        assert await page.evaluate(CHOOSE, {"rid": rid}) == 200

        # then
        await shows_height(page, height)
        await more_frames(page, 10)
