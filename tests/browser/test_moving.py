"""A media node is stopped for an update: its viewers go on at another one and see nothing of it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_journey import go_live, open_room, wait_until
from tests.harness.platform import ROOM, Platform

pytestmark = [pytest.mark.alone, pytest.mark.processes("server", "media")]

TRIES = 40  # the kernel deals connections out to the nodes as it likes
# From now on: how many pictures were looked at, how many of them were black, which states the player had.
WATCH = """video => {
    const seen = window.seen = { looks: 0, black: 0, states: [] };
    const canvas = document.createElement('canvas');
    canvas.width = 16; canvas.height = 9;
    const paper = canvas.getContext('2d', { willReadFrequently: true });
    const look = () => {
        paper.clearRect(0, 0, 16, 9);
        paper.drawImage(video, 0, 0, 16, 9);
        const light = paper.getImageData(0, 0, 16, 9).data.filter((_, i) => i % 4 < 3).reduce((a, b) => a + b);
        seen.looks += 1;
        if (light < 500) seen.black += 1;
        requestAnimationFrame(look);
    };
    look();
    const note = () => seen.states.push(video.dataset.player);
    new MutationObserver(note).observe(video, { attributeFilter: ['data-player'] });
}"""


@pytest.fixture
def media_processes() -> int:
    """One that the host speaks to, another that the viewer does."""
    return 2


def nodes_of(page: Page, endpoint: str) -> list[str]:
    """The nodes at which this page opens sessions from now on, newest last."""
    nodes: list[str] = []

    def note(response: Response) -> None:
        if response.status == 201 and response.url.endswith(f"/{endpoint}/{ROOM}"):
            nodes.append(response.headers["location"].rsplit("/", 1)[-1].split(".")[0])

    page.on("response", note)
    return nodes


def test_viewers_move_to_another_node_without_a_black_moment(platform: Platform, open_page: OpenPage) -> None:
    # given a viewer at another node than his host
    host, viewer = open_page(), open_page()
    published, played = nodes_of(host, "whip"), nodes_of(viewer, "whep")
    go_live(host)
    video = open_room(viewer)
    for _ in range(TRIES):
        if played[-1] != published[-1]:
            break
        video = open_room(viewer)
    assert played[-1] != published[-1]
    expect(video).to_have_attribute("data-player", "playing")
    video.evaluate(WATCH)

    # when that node is stopped
    left = played[-1]
    platform.processes[left].stop()

    # then he is at the other one, his picture moves, and it was never black
    moved_at = video.evaluate("v => v.currentTime")
    wait_until(lambda: video.evaluate("v => v.currentTime") > moved_at + 3, "the picture goes on")
    assert played[-1] == published[-1]
    seen: dict[str, Any] = viewer.evaluate("() => window.seen")
    assert seen["looks"] > 30
    assert (seen["black"], seen["states"]) == (0, [])
