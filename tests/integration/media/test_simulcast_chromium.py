"""A browser publishes three sizes of its picture; each viewer gets the one that it asks for, or can carry."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from media.rtp.lane import Lane, State
from media.viewer import Viewer
from tests.harness.udp_proxy import UdpProxy
from tests.integration.media.chromium import CONNECT, Evaluates, eventually, page_of
from tests.integration.media.clients import KEY, until
from tests.integration.media.conftest import Running
from tests.integration.media.test_chromium import INBOUND, PLAY, more_frames

PUBLISH_LAYERS = f"""
async ([url, key, codec]) => {{
  const camera = await navigator.mediaDevices.getUserMedia(
    {{video: {{width: 960, height: 540, frameRate: 15}}, audio: true}})
  const pc = window.pc = new RTCPeerConnection({{bundlePolicy: 'max-bundle'}})
  pc.addTransceiver(camera.getAudioTracks()[0], {{direction: 'sendonly'}})
  const video = pc.addTransceiver(camera.getVideoTracks()[0], {{direction: 'sendonly', sendEncodings: [
    {{rid: 'h', maxBitrate: 900_000}}, {{rid: 'm', maxBitrate: 350_000, scaleResolutionDownBy: 2}},
    {{rid: 'l', maxBitrate: 120_000, scaleResolutionDownBy: 4}}]}})
  const codecs = RTCRtpSender.getCapabilities('video').codecs
  video.setCodecPreferences(codecs.filter((c) => c.mimeType.toLowerCase() === `video/${{codec}}`.toLowerCase() ||
    c.mimeType === 'video/rtx'))
  await pc.setLocalDescription(await pc.createOffer())
  await ({CONNECT})(url, pc.localDescription.sdp, {{Authorization: `Bearer ${{key}}`}})
}}"""
# The same as PLAY, but every candidate of the answer is replaced by a port between browser and node.
PLAY_THROUGH = PLAY.replace(
    "async ([url]) => {",
    """async ([url, port]) => {
  const take = RTCPeerConnection.prototype.setRemoteDescription
  RTCPeerConnection.prototype.setRemoteDescription = function (answer) {
    const sdp = answer.sdp.replace(/a=candidate:.* tcp .*\\r\\n/g, '')
      .replace(/(a=candidate:\\S+ 1 udp \\d+) \\S+ \\d+/g, `$1 127.0.0.1 ${port}`)
    return take.call(this, {type: 'answer', sdp})
  }""",
)
FREEZES = """
async () => [...(await pc.getStats()).values()].find(
  (s) => s.type === 'inbound-rtp' && s.kind === 'video').freezeCount
"""
MACHINE_FREEZES = 5  # of a viewer on a good line in a minute on a machine that does other things too
ALL_LAYERS = {"h", "m", "l"}


def flowing(running: Running) -> set[str]:
    """The layers of which packets come."""
    return {layer.rid for layer in running.node.streams["oranges"].layers() if layer.bits_per_second > 0}


def best_needs(running: Running) -> int:
    """Bits per second of the best layer: a browser that publishes begins with little."""
    return running.node.streams["oranges"].layers()[0].bits_per_second


async def choose(running: Running, page: Page, wish: dict[str, Any]) -> None:
    """Ask for a layer by the extension of WHEP."""
    location = await page.evaluate("() => window.location_")
    async with running.http.post(f"{location}/layer", json=wish) as response:
        assert response.status == 200


def only_viewer(running: Running) -> Viewer:
    (viewer,) = running.node.streams["oranges"].viewers
    return viewer


async def shows_height(page: Evaluates, height: int) -> None:
    # The encoder of H.264 makes even sizes only.
    await eventually(
        page, INBOUND, lambda seen: height - 1 <= seen["video"]["height"] <= height, f"{height} lines", 30
    )


@pytest.mark.alone
@pytest.mark.parametrize("codec", ["H264", "VP8"])
async def test_a_viewer_changes_between_the_layers_of_a_publishing_browser(
    running: Running, browser: Browser, codec: str
) -> None:
    # given
    host, viewer = await page_of(browser, running), await page_of(browser, running)
    await host.evaluate(PUBLISH_LAYERS, [running.url("/whip/oranges"), KEY, codec])
    await running.heard.wait("publisher_joined")
    await until(lambda: flowing(running) == ALL_LAYERS, "all layers", seconds=30)
    await viewer.evaluate(PLAY, [running.url("/whep/oranges")])

    for rid, height in (("l", 135), ("h", 540), ("m", 270), ("l", 135)):
        # when
        await choose(running, viewer, {"rid": rid})

        # then
        await shows_height(viewer, height)
        await more_frames(viewer, 10)
        assert only_viewer(running).selected == rid

    # and sound alone, and back
    await choose(running, viewer, {"mode": "audio"})
    await until(lambda: only_viewer(running).selected == "", "no pictures")
    before = (await viewer.evaluate(INBOUND))["audio"]["samples"]
    await eventually(viewer, INBOUND, lambda seen: seen["audio"]["samples"] > before + 48_000, "sound")
    await choose(running, viewer, {})
    await more_frames(viewer, 10)


@pytest.mark.pictures
async def test_slides_cost_little_and_move_now_and_then(running: Running, browser: Browser) -> None:
    # given
    host, viewer = await page_of(browser, running), await page_of(browser, running)
    await host.evaluate(PUBLISH_LAYERS, [running.url("/whip/oranges"), KEY, "H264"])
    await running.heard.wait("publisher_joined")
    await until(lambda: flowing(running) == ALL_LAYERS, "all layers", seconds=30)
    await viewer.evaluate(PLAY, [running.url("/whep/oranges")])

    # when
    await choose(running, viewer, {"mode": "slides"})
    await until(lambda: pictures_of(running).state is State.SLIDES, "slides")
    frames, octets, began = await frames_of(viewer), octets_sent(running), time.monotonic()
    await eventually(viewer, INBOUND, lambda seen: seen["video"]["frames"] >= frames + 4, "four slides", 40)

    # then
    sent = (octets_sent(running) - octets) * 8
    assert sent / (time.monotonic() - began) <= 60_000


def pictures_of(running: Running) -> Lane:
    """The only viewer's pictures, as the node sees them."""
    return next(placed.lane for placed in only_viewer(running).placed if placed.is_video)


def octets_sent(running: Running) -> int:
    """Payload octets to the only viewer until now."""
    return sum(placed.lane.totals()[1] for placed in only_viewer(running).placed)


async def frames_of(page: Page) -> int:
    return int((await page.evaluate(INBOUND))["video"]["frames"])


async def freezes_of(page: Page) -> int:
    return int(await page.evaluate(FREEZES))


@pytest.mark.alone
async def test_a_viewer_on_a_bad_line_gets_a_lower_layer_and_keeps_moving(running: Running, browser: Browser) -> None:
    # given
    host, viewer, neighbour = [await page_of(browser, running) for _ in range(3)]
    await host.evaluate(PUBLISH_LAYERS, [running.url("/whip/oranges"), KEY, "H264"])
    await running.heard.wait("publisher_joined")
    await until(lambda: flowing(running) == ALL_LAYERS, "all layers", seconds=30)
    async with UdpProxy(running.node.udp_port) as proxy:
        await viewer.evaluate(PLAY_THROUGH, [running.url("/whep/oranges"), proxy.port])
        seen = only_viewer(running)
        await until(lambda: seen.selected == "h", "the best layer on a good line", seconds=60)

        # when
        proxy.loss, proxy.bits_per_second = 0.05, 300_000

        # then: the best one does not fit any more; whether the middle one does is the encoder's business
        await until(lambda: seen.selected in ("m", "l"), "a lower layer", seconds=45)
        await eventually(viewer, INBOUND, lambda got: 0 < got["video"]["height"] <= 270, "a smaller picture", 30)

        # and a minute of pictures stands still once at most, but for when a good line's do, for the machine is busy
        await neighbour.evaluate(PLAY, [running.url("/whep/oranges")])
        await choose(running, neighbour, {"rid": "l"})
        await shows_height(neighbour, 135)
        lost, freezes, of_neighbour = proxy.lost, await freezes_of(viewer), await freezes_of(neighbour)
        await more_frames(viewer, 15 * 60, seconds=120)
        assert proxy.lost > lost
        machine = await freezes_of(neighbour) - of_neighbour
        assert machine <= MACHINE_FREEZES
        assert await freezes_of(viewer) - freezes <= 1 + machine


@pytest.mark.alone
async def test_a_viewer_whose_line_is_thin_from_the_first_second_begins_small_and_moves(
    running: Running, browser: Browser
) -> None:
    # given
    host, viewer = await page_of(browser, running), await page_of(browser, running)
    await host.evaluate(PUBLISH_LAYERS, [running.url("/whip/oranges"), KEY, "VP8"])
    await running.heard.wait("publisher_joined")
    await until(lambda: best_needs(running) > 400_000, "a best layer that does not fit", seconds=60)
    async with UdpProxy(running.node.udp_port) as proxy:
        proxy.bits_per_second = 300_000

        # when
        await viewer.evaluate(PLAY_THROUGH, [running.url("/whep/oranges"), proxy.port])
        assert only_viewer(running).selected == "l"
        await more_frames(viewer, 15)  # in two seconds better ones would be tried

        # then: nothing overflowed, where the best layer's kept pictures cost some two hundred packets
        assert proxy.lost < 20
        assert await freezes_of(viewer) <= 1
