"""A real Firefox publishes over WHIP and plays over WHEP; skipped where none is installed (apt: firefox-esr)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.harness.data_servers import Environment
from tests.harness.firefox import FirefoxPage, firefox_page, firefox_path
from tests.harness.namespace import Namespace, NoNamespace, network_namespace
from tests.integration.media.chromium import CONNECT
from tests.integration.media.clients import KEY, WAIT_SECONDS
from tests.integration.media.conftest import Running

PUBLISH = f"""
async (url, key) => {{
  const camera = await navigator.mediaDevices.getUserMedia({{video: true, audio: true}})
  const pc = window.pc = new RTCPeerConnection({{bundlePolicy: 'max-bundle'}})
  for (const track of camera.getTracks()) pc.addTransceiver(track, {{direction: 'sendonly'}})
  await pc.setLocalDescription(await pc.createOffer())
  await ({CONNECT})(url, pc.localDescription.sdp, {{Authorization: `Bearer ${{key}}`}})
  return pc.localDescription.sdp
}}"""
PLAY = f"""
async (url) => {{
  const pc = window.pc = new RTCPeerConnection({{bundlePolicy: 'max-bundle'}})
  const video = document.body.appendChild(document.createElement('video'))
  video.muted = video.autoplay = true
  video.srcObject = new MediaStream()
  pc.ontrack = (event) => video.srcObject.addTrack(event.track)
  for (const kind of ['audio', 'video']) pc.addTransceiver(kind, {{direction: 'recvonly'}})
  await pc.setLocalDescription(await pc.createOffer())
  await ({CONNECT})(url, pc.localDescription.sdp, {{}})
  return pc.localDescription.sdp
}}"""
INBOUND = """
async () => Object.fromEntries([...(await pc.getStats()).values()].filter((s) => s.type === 'inbound-rtp').map(
  (s) => [s.kind, {frames: s.framesDecoded ?? 0, packets: s.packetsReceived ?? 0}]))
"""


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


async def plays(page: FirefoxPage, frames: int) -> None:
    """Wait until so many frames were decoded, with sound beside them."""
    found: dict[str, Any] = {}
    end = time.monotonic() + WAIT_SECONDS
    while found.get("video", {}).get("frames", 0) < frames or found.get("audio", {}).get("packets", 0) < frames:
        assert time.monotonic() < end, f"waited in vain for {frames} frames, got {found}"
        await asyncio.sleep(0.1)
        found = await page.evaluate(INBOUND)


async def test_firefox_plays_what_a_host_sends(running: Running, page: FirefoxPage) -> None:
    # given: VP8, since a Firefox that has not fetched its H.264 yet can't play that
    host = running.publisher()
    await host.connect(lambda sdp: sdp.replace("H264/90000", "H266/90000"))
    await running.heard.wait("publisher_joined")

    # when
    await page.evaluate(PLAY, "/whep/oranges")

    # then
    await plays(page, 20)


async def test_firefox_publishes_and_others_see_and_hear_it(running: Running, page: FirefoxPage) -> None:
    # given
    await page.evaluate(PUBLISH, "/whip/oranges", KEY)
    await running.heard.wait("publisher_joined")

    # when
    viewer = running.viewer()
    assert await viewer.connect() == 201

    # then
    await viewer.sees(video=15, audio=30)
