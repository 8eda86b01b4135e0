"""A real browser publishes over WHIP and plays over WHEP, without our pages in between."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser

from media.session import Session
from tests.integration.media.chromium import CONNECT, Evaluates, eventually, page_of
from tests.integration.media.clients import KEY, until
from tests.integration.media.conftest import Running

PUBLISH = f"""
async ([url, key]) => {{
  const camera = await navigator.mediaDevices.getUserMedia({{video: {{width: 640, height: 360}}, audio: true}})
  const pc = window.pc = new RTCPeerConnection({{bundlePolicy: 'max-bundle'}})
  for (const track of camera.getTracks()) pc.addTransceiver(track, {{direction: 'sendonly'}})
  await pc.setLocalDescription(await pc.createOffer())
  await ({CONNECT})(url, pc.localDescription.sdp, {{Authorization: `Bearer ${{key}}`}})
}}"""
PUBLISH_CODEC = PUBLISH.replace("([url, key])", "([url, key, codec])").replace(
    "  await pc.setLocalDescription",
    """  const video = pc.getTransceivers().find((t) => t.sender.track.kind === 'video')
  const known = RTCRtpSender.getCapabilities('video').codecs
  video.setCodecPreferences(known.filter((c) => c.mimeType === `video/${codec}`))
  await pc.setLocalDescription""",
)
PLAY = f"""
async ([url]) => {{
  const pc = window.pc = new RTCPeerConnection({{bundlePolicy: 'max-bundle'}})
  const video = document.body.appendChild(document.createElement('video'))
  video.muted = video.autoplay = true
  video.srcObject = new MediaStream()
  pc.ontrack = (event) => video.srcObject.addTrack(event.track)
  for (const kind of ['audio', 'video']) pc.addTransceiver(kind, {{direction: 'recvonly'}})
  await pc.setLocalDescription(await pc.createOffer())
  const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve))
  const began = performance.now()
  await ({CONNECT})(url, pc.localDescription.sdp, {{}})
  await shown
  return performance.now() - began
}}"""
# On a slow line the new port is tried, and chosen, with the node's old name before the answer is here.
RESTART = """
async ([key, isSlow]) => {
  const nominated = async () => [...(await pc.getStats()).values()].filter((s) => s.nominated).length
  const before = await nominated()
  await pc.setLocalDescription(await pc.createOffer({iceRestart: true}))
  while (isSlow && await nominated() === before) await new Promise((resolve) => setTimeout(resolve, 20))
  const credential = (text, name) => text.match(new RegExp(`a=${name}:(\\\\S+)`))[1]
  const offer = pc.localDescription.sdp
  const fragment = ['ice-ufrag', 'ice-pwd'].map((name) => `a=${name}:${credential(offer, name)}\\r\\n`).join('')
  const response = await fetch(window.location_, {method: 'PATCH', body: fragment, headers: {
    'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': '*', Authorization: `Bearer ${key}`}})
  const text = await response.text()
  let sdp = window.answer_
  for (const name of ['ice-ufrag', 'ice-pwd'])
    sdp = sdp.replaceAll(new RegExp(`a=${name}:\\\\S+`, 'g'), `a=${name}:${credential(text, name)}`)
  await pc.setRemoteDescription({type: 'answer', sdp})
  return response.status
}"""
# A browser tells nothing of a track before its first packet: that is nothing so far.
INBOUND = """
async () => Object.fromEntries([
  ...['video', 'audio'].map((kind) => ({type: 'inbound-rtp', kind})), ...(await pc.getStats()).values(),
].filter((s) => s.type === 'inbound-rtp').map((s) => [s.kind, {
  frames: s.framesDecoded ?? 0, samples: s.totalSamplesReceived ?? 0, height: s.frameHeight ?? 0}]))
"""


async def more_frames(page: Evaluates, count: int, seconds: float = 20.0) -> dict[str, Any]:
    """Wait until so many more frames were decoded; gives what came in."""
    wanted = (await page.evaluate(INBOUND))["video"]["frames"] + count
    found: dict[str, Any] = await eventually(
        page, INBOUND, lambda seen: seen["video"]["frames"] >= wanted, f"{count} more frames", seconds
    )
    return found


async def test_chromium_publishes_and_another_chromium_sees_and_hears_it(running: Running, browser: Browser) -> None:
    # given
    host, viewer = await page_of(browser, running), await page_of(browser, running)
    await host.evaluate(PUBLISH, [running.url("/whip/oranges"), KEY])
    (joined,) = await running.heard.wait("publisher_joined")

    # when
    first_frame_ms = await viewer.evaluate(PLAY, [running.url("/whep/oranges")])

    # then
    assert joined["video_codec"] == "H264"
    found = await more_frames(viewer, 20)
    assert found["audio"]["samples"] > 0
    assert found["video"]["height"] > 0
    print("ms from the WHEP request to the first frame:", round(first_frame_ms))  # noqa: T201 -- a figure, not a limit


@pytest.mark.parametrize("line", ["fast", "slow"])
async def test_an_ice_restart_keeps_the_broadcast_going(running: Running, browser: Browser, line: str) -> None:
    # given
    host, viewer = await page_of(browser, running), await page_of(browser, running)
    await host.evaluate(PUBLISH, [running.url("/whip/oranges"), KEY])
    await running.heard.wait("publisher_joined")
    await viewer.evaluate(PLAY, [running.url("/whep/oranges")])
    session = running.node.streams["oranges"].publisher.session  # type: ignore[union-attr]
    old, before = session.credentials, session.path.address

    # when
    status = await host.evaluate(RESTART, [KEY, line == "slow"])

    # then
    assert status == 200
    assert session.credentials != old
    await host.wait_for_function("() => pc.iceConnectionState === 'connected'", timeout=20_000)
    await more_frames(viewer, 20)
    assert running.heard.names() == ["publisher_joined"]
    await until(lambda: session.path.address != before, "media from the new port")


async def answers(session: Session) -> None:
    """Have the node ask a browser whether he is where he is, as it does at a new address."""
    path, proven = session.path, list[Any]()
    session.proven = lambda address, way: proven.append(address)  # type: ignore[method-assign]
    username = f"{session._remote.ufrag}:{session.credentials.ufrag}"

    def has_answered() -> bool:
        # Asked again: a check of the browser's own, which says the same, has the node expect no answer any more.
        if not proven:
            session._ice.ask(session, path.address, username, session._remote.pwd, path.way)
        return proven[:1] == [path.address]

    await until(has_answered, "the browser's answer")


async def test_a_viewers_browser_answers_when_the_node_asks_whether_he_is_there(
    running: Running, browser: Browser
) -> None:
    host, viewer = await page_of(browser, running), await page_of(browser, running)
    await host.evaluate(PUBLISH, [running.url("/whip/oranges"), KEY])
    await running.heard.wait("publisher_joined")
    await viewer.evaluate(PLAY, [running.url("/whep/oranges")])
    await answers(next(r.session for r in running.node.resources.values() if not r.is_publisher))


@pytest.mark.parametrize("codec", ["VP9", "AV1"])
async def test_a_codec_that_is_neither_recorded_nor_changed_is_shown(
    running: Running, browser: Browser, codec: str
) -> None:
    # given
    host, viewer = await page_of(browser, running), await page_of(browser, running)
    await host.evaluate(PUBLISH_CODEC, [running.url("/whip/oranges"), KEY, codec])
    (joined,) = await running.heard.wait("publisher_joined")
    assert joined["video_codec"] == codec

    # when
    await viewer.evaluate(PLAY, [running.url("/whep/oranges")])

    # then
    await more_frames(viewer, 20)
