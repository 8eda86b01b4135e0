"""What a real browser publishes becomes a take that plays, in either video codec, with an interruption."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise

import pytest
from playwright.async_api import Browser, Page

from config.objects import S3Objects
from tests.harness.recorded import Shown, decode
from tests.integration.media.chromium import CONNECT, page_of
from tests.integration.media.clients import KEY, until
from tests.integration.media.conftest import Running

pytestmark = pytest.mark.pictures

PREFIX = "public/takes/stream-oranges-1/"
PUBLISH = f"""
async ([url, key, codec]) => {{
  const camera = await navigator.mediaDevices.getUserMedia({{video: {{width: 640, height: 360}}, audio: true}})
  const pc = window.pc = new RTCPeerConnection({{bundlePolicy: 'max-bundle'}})
  for (const track of camera.getTracks()) {{
    const lane = pc.addTransceiver(track, {{direction: 'sendonly'}})
    if (track.kind === 'video') lane.setCodecPreferences(
      RTCRtpSender.getCapabilities('video').codecs.filter((c) => c.mimeType === codec || c.mimeType === 'video/rtx'))
  }}
  await pc.setLocalDescription(await pc.createOffer())
  await ({CONNECT})(url, pc.localDescription.sdp, {{Authorization: `Bearer ${{key}}`}})
}}"""
END = """
async (key) => {
  await fetch(location_, {method: 'DELETE', headers: {Authorization: `Bearer ${key}`}})
  pc.close()
}"""


async def publish(page: Page, running: Running, codec: str, takeover: bool = False) -> None:
    url = running.url("/whip/oranges" + ("?takeover=1" if takeover else ""))
    await page.evaluate(PUBLISH, [url, KEY, f"video/{codec}"])


async def part_count(objects: S3Objects, wanted: int) -> None:
    """Wait until so many parts are in the object store."""
    async with asyncio.timeout(40):
        while len([key for key in await objects.list_keys(PREFIX) if "part-" in key]) < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def seen_of(objects: S3Objects, run: int) -> Shown:
    take = json.loads(await objects.get(PREFIX + "take.json"))
    data = await objects.get(PREFIX + take["runs"][run]["init"])
    for part in take["parts"]:
        data += await objects.get(PREFIX + part["name"]) if part["run"] == run else b""
    return decode(data)


@pytest.mark.parametrize("codec", ["H264", "VP8"])
async def test_what_chromium_publishes_is_recorded(
    codec: str, running: Running, browser: Browser, objects: S3Objects
) -> None:
    # given
    host = await page_of(browser, running)
    await publish(host, running, codec)
    await part_count(objects, 2)
    # when
    await host.evaluate(END, KEY)
    *_, ready = await running.heard.wait("publisher_joined", "stream_ended", "take_ready")
    # then
    seen = await seen_of(objects, 0)
    assert len(seen.pictures_ms) > 20
    assert seen.channels == 2
    assert seen.beeps_ms
    assert abs(seen.sounds_ms[0] - seen.pictures_ms[0]) < 40
    assert abs(seen.sound_end_ms - seen.pictures_ms[-1]) < 300
    take = json.loads(await objects.get(PREFIX + "take.json"))
    assert take["duration_ms"] == ready["duration_ms"]
    assert max(later - one for one, later in pairwise(seen.sounds_ms)) < 21  # unbroken
    print(codec, take["parts"], take["runs"], take["gaps"])  # noqa: T201 -- for the one who looks


async def test_a_host_who_comes_back_with_another_codec_is_one_take(
    running: Running, browser: Browser, objects: S3Objects
) -> None:
    first, second = await page_of(browser, running), await page_of(browser, running)
    await publish(first, running, "VP8")
    await part_count(objects, 1)
    await publish(second, running, "H264", takeover=True)
    await part_count(objects, 4)
    await second.evaluate(END, KEY)
    await until(lambda: "take_ready" in running.heard.names(), "the take to be ready")
    take = json.loads(await objects.get(PREFIX + "take.json"))
    assert {run["video_codec"][:4] for run in take["runs"]} == {"vp08", "avc1"}
    starts = [part["start_ms"] for part in take["parts"]]
    assert starts == sorted(starts)
    for run in range(len(take["runs"])):
        assert (await seen_of(objects, run)).pictures_ms
