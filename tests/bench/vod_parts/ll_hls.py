"""How late LL-HLS is: a host draws the clock into his picture, and the room's own page shows it over hls.js.

    .venv/bin/python -m tests.bench.vod_parts.ll_hls

From glass to glass: encoder, WHIP, recorder, playlist, hls.js and screen, on one machine with one clock. What a
camera and a display add (some 50 ms each) is not in it.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.bench.journey import open_page
from tests.browser.test_journey import sign_in, wait_until
from tests.harness.chromium import FLAGS, chromium_path
from tests.harness.data_servers import DataServers
from tests.harness.platform import HOST, ROOM, running_platform

SECONDS = 40.0
SETTLE_SECONDS = 5.0  # a player that has just begun is still finding its distance
LOOKS = 8  # a second
# 32 bits of Date.now() as black and white blocks, in two rows, large enough for any encoder; and a tone.
PUBLISH = """async ([url, key]) => {
  const canvas = document.createElement('canvas'); canvas.width = 640; canvas.height = 360
  document.body.replaceChildren(canvas)
  const pen = canvas.getContext('2d')
  setInterval(() => {
    const now = Date.now() % 2 ** 32
    for (let bit = 0; bit < 32; bit++) {
      pen.fillStyle = Math.floor(now / 2 ** bit) % 2 ? 'white' : 'black'
      pen.fillRect(bit % 16 * 40, bit < 16 ? 0 : 180, 40, 180)
    }
  }, 1000 / 30)
  const sound = new AudioContext(), tone = sound.createOscillator(), out = sound.createMediaStreamDestination()
  tone.connect(out); tone.start()
  const peer = window.peer = new RTCPeerConnection({bundlePolicy: 'max-bundle'})
  for (const track of [...canvas.captureStream(30).getTracks(), ...out.stream.getTracks()]) peer.addTrack(track)
  await peer.setLocalDescription(await peer.createOffer())
  const headers = {'Content-Type': 'application/sdp', Authorization: `Bearer ${key}`}
  const answer = await fetch(url, {method: 'POST', headers, body: peer.localDescription.sdp})
  if (answer.status !== 201) throw new Error(await answer.text())
  await peer.setRemoteDescription({type: 'answer', sdp: await answer.text()})
}"""
# How old the picture is that is on the screen now, in milliseconds.
AGE = """video => {
  const canvas = window.canvas_ ??= Object.assign(document.createElement('canvas'), {width: 16, height: 2})
  const pen = canvas.getContext('2d', {willReadFrequently: true})
  pen.drawImage(video, 0, 0, 16, 2)
  const pixels = pen.getImageData(0, 0, 16, 2).data
  let shown = 0
  for (let bit = 0; bit < 32; bit++) shown += pixels[bit * 4] > 127 ? 2 ** bit : 0
  return (Date.now() - shown) % 2 ** 32
}"""


def ages(viewer: Page, seconds: float) -> list[float]:
    """The age of the shown picture, in seconds, again and again."""
    video = viewer.get_by_test_id("video")
    found: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        age = video.evaluate(AGE) / 1000
        if 0 <= age < 60:  # a look between two codes
            found.append(age)
        time.sleep(1 / LOOKS)
    return found


def own_room(host: Page) -> dict[str, Any] | None:
    """The room of who is signed in."""
    answer = host.request.get("/api/my/room")
    return dict(answer.json()) if answer.ok else None


def measure(seconds: float = SECONDS) -> dict[str, Any]:
    """Every look's age, with what the page itself believes at the end."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        servers = DataServers(Path(name))
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        try:
            with running_platform(servers.new_environment(Path(name)), Path(name)) as platform:
                host, viewer = open_page(browser, platform), open_page(browser, platform)
                sign_in(host, HOST, "/studio")
                room = wait_until(lambda: own_room(host), "the host is signed in")
                host.evaluate(PUBLISH, [room["whip_url"], room["stream_key"]])
                viewer.route("**/whep/**", lambda route: route.abort())
                viewer.goto(f"/r/{ROOM}")
                video = viewer.get_by_test_id("video")
                wait_until(lambda: video.get_attribute("data-line") == "steady", "HLS plays")
                wait_until(lambda: video.evaluate("v => v.currentTime > 0 && v.videoWidth > 0"), "a picture")
                ages(viewer, SETTLE_SECONDS)
                found = ages(viewer, seconds)
                return {"ages": found, "believed_ms": float(video.get_attribute("data-delay-ms") or 0)}
        finally:
            browser.close()
            servers.close()


def ll_hls_delay_seconds_p95(seconds: float = SECONDS) -> float:
    """The figure of `make bench-vod`."""
    return float(statistics.quantiles(measure(seconds)["ages"], n=20)[-1])


def main() -> None:
    """Print the JSON line."""
    found = measure()
    looks = found["ages"]
    figures = {
        "ll_hls_delay_seconds_p50": round(statistics.median(looks), 3),
        "ll_hls_delay_seconds_p95": round(statistics.quantiles(looks, n=20)[-1], 3),
        "ll_hls_delay_seconds_max": round(max(looks), 3),
        "looks": len(looks),
        "page_believes_seconds": round(found["believed_ms"] / 1000, 3),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
