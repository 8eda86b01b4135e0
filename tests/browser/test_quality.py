"""A viewer chooses his picture: the size that comes follows the menu, and who only listens is sent no pictures."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_journey import expect_moving, go_live, open_room, wait_until
from tests.harness.platform import ROOM, Platform

pytestmark = [pytest.mark.long, pytest.mark.processes("server", "media")]

SOUND_PACKETS_PER_SECOND = 50
SLIDES_BITS_PER_SECOND = 90_000  # 60 kbit/s, and what one picture more or less makes in so short a time
LONG_WAIT_MS = 60_000  # the publisher's estimate of his line climbs from 300 kbit/s
KEEP_PEERS = """(() => {
    window.peers = [];
    const Peer = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Peer { constructor(...a) { super(...a); window.peers.push(this) } };
})()"""
# Over all sessions that the page has had.
RECEIVED = """async () => {
    const received = { video: 0, audio: 0, soundPackets: 0 };
    for (const peer of window.peers) {
        for (const entry of (await peer.getStats()).values()) {
            if (entry.type !== 'inbound-rtp') continue;
            received[entry.kind] += entry.bytesReceived;
            if (entry.kind === 'audio') received.soundPackets += entry.packetsReceived;
        }
    }
    return received;
}"""


def choose(page: Page, quality: str) -> None:
    """In the quality menu of the room, as a thumb does it."""
    page.get_by_test_id("pick-quality").click()
    page.locator(f"[role=radio][data-value={quality}]:visible").click()
    expect(page.get_by_test_id("pick-quality")).to_have_attribute("data-choice", quality)


def width(page: Page) -> int:
    return int(page.get_by_test_id("video").evaluate("v => v.videoWidth"))


def received(page: Page) -> dict[str, int]:
    """Bytes of pictures and of sound, and packets of sound, since the page was opened."""
    counted: dict[str, int] = page.evaluate(RECEIVED)
    return counted


def sent_layers(host: Page) -> list[str]:
    """The sizes that go out, as the studio shows them."""
    rows = host.get_by_test_id("sent-layer").evaluate_all("rows => rows.map(row => ({...row.dataset}))")
    return [row["rid"] for row in rows if int(row["kbps"]) > 0]


def audience(host: Page) -> dict[str, int]:
    """Who gets what, as the studio shows it."""
    rows: list[dict[str, Any]] = host.get_by_test_id("audience-row").evaluate_all(
        "rows => rows.map(row => ({...row.dataset}))"
    )
    return {row["word"]: int(row["count"]) for row in rows}


def test_a_viewer_gets_the_picture_that_he_chooses(platform: Platform, open_page: OpenPage) -> None:
    # given a host whose page sends three sizes, and a viewer
    host, viewer = open_page(), open_page()
    viewer.add_init_script(KEEP_PEERS)
    go_live(host)
    host.get_by_test_id("connection").click()
    wait_until(lambda: sent_layers(host) == ["h", "m", "l"], "all sizes go out", LONG_WAIT_MS)
    video = open_room(viewer)

    # when he chooses a size, that size comes, and the host sees who gets what
    choose(viewer, "smooth")
    wait_until(lambda: width(viewer) == 640, "the half size comes")
    wait_until(lambda: audience(host) == {"smooth": 1}, "the studio shows it")
    choose(viewer, "high")
    wait_until(lambda: width(viewer) == 1280, "the full size comes")
    expect_moving(video)

    # when he only listens, sound comes and no picture
    choose(viewer, "audio")
    expect(viewer.get_by_test_id("listening")).to_be_visible()
    assert not video.evaluate("v => v.muted")
    wait_until(lambda: audience(host) == {"audio": 1}, "the studio shows it")
    before = received(viewer)
    wait_until(lambda: received(viewer)["soundPackets"] > before["soundPackets"] + 100, "sound goes on")
    assert received(viewer)["video"] == before["video"]

    # when he comes back the next day, his choice is remembered
    viewer.goto("/")
    viewer.goto(f"/r/{ROOM}")
    expect(viewer.get_by_test_id("listening")).to_be_visible()
    viewer.get_by_test_id("look-again").click()
    expect_moving(video)

    # when he saves data, pictures come seldom
    choose(viewer, "slides")
    wait_until(lambda: audience(host) == {"slides": 1}, "the studio shows it")
    before = received(viewer)
    wait_until(lambda: received(viewer)["soundPackets"] > before["soundPackets"] + 600, "twelve seconds of sound")
    after = received(viewer)
    seconds = (after["soundPackets"] - before["soundPackets"]) / SOUND_PACKETS_PER_SECOND
    bits = 8 * (after["video"] + after["audio"] - before["video"] - before["audio"])
    assert bits / seconds < SLIDES_BITS_PER_SECOND
    assert after["video"] > before["video"]
