"""A network that lets no WebRTC through: the room goes over to LL-HLS, says so, goes back in time, and comes back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_journey import expect_moving, go_live, open_room, pin, wait_until
from tests.harness.platform import Platform

pytestmark = [pytest.mark.alone, pytest.mark.processes("server", "media")]

WHEP = "**/whep/**"
SEEK_TO_BEGIN = """slider => {
    slider.value = '0'
    for (const name of ['input', 'change']) slider.dispatchEvent(new Event(name, {bubbles: true}))
}"""


def come_back(host: Page) -> None:
    """His browser is closed and opened again."""
    host.reload()
    host.get_by_test_id("continue-here").click()
    expect(host.get_by_test_id("live-bar")).to_be_visible()


def test_a_viewer_whom_webrtc_does_not_reach_watches_over_hls(platform: Platform, open_page: OpenPage) -> None:
    # given a viewer whose network blocks WHEP
    host, viewer = open_page(), open_page()
    go_live(host)
    faults: list[str] = []
    viewer.on("pageerror", lambda error: faults.append(str(error)))
    viewer.route(WHEP, lambda route: route.abort())

    # when he opens the room
    video = open_room(viewer)

    # then it plays over the steady line, and the page says so
    expect(video).to_have_attribute("data-line", "steady")
    expect(viewer.get_by_test_id("fell-back")).to_have_text("网络不好，改用慢一点的线路，晚 2 秒左右")
    expect(viewer.get_by_test_id("pick-quality")).to_have_attribute("data-choice", "steady")
    wait_until(lambda: int(video.get_attribute("data-delay-ms") or 0) > 0, "the page knows how late it is")

    # when the host shows something, it comes with the words
    pin(host, "冰糖橙")
    expect(viewer.get_by_test_id("pinned-name")).to_have_text("冰糖橙")

    # when he goes back to the beginning, where nothing was shown yet, then to the broadcast again
    spoken = viewer.get_by_test_id("back-status")
    expect(spoken).to_have_text("")
    bar = viewer.get_by_test_id("dvr")
    wait_until(lambda: int(bar.get_attribute("data-length-ms") or 0) > 8_000, "there is something to go back to")
    viewer.get_by_test_id("dvr-seek").evaluate(SEEK_TO_BEGIN)
    expect(bar).to_have_attribute("data-back", "true")
    expect_moving(video)
    expect(viewer.get_by_test_id("pinned-card")).to_have_count(0)
    expect(viewer.get_by_test_id("back-note")).to_contain_text("冰糖橙")
    expect(spoken).to_contain_text("冰糖橙")
    expect(viewer.get_by_test_id("share")).to_have_count(0)
    late = int(video.get_attribute("data-delay-ms") or 0)
    assert late > 5_000
    viewer.get_by_test_id("back-note").click()
    expect(bar).to_have_attribute("data-back", "false")
    expect(viewer.get_by_test_id("back-note")).to_have_count(0)
    expect(spoken).to_have_text("")
    expect(viewer.get_by_test_id("share")).to_be_visible()
    expect(viewer.get_by_test_id("pinned-name")).to_have_text("冰糖橙")
    wait_until(lambda: int(video.get_attribute("data-delay-ms") or 0) < late - 1_000, "the picture is of now")
    expect_moving(video)

    # when the host vanishes and comes back, twice, then the same player goes on
    source = video.get_attribute("src")
    for _ in range(2):
        come_back(host)
        expect(viewer.get_by_test_id("stage-note")).to_have_count(0)
        expect_moving(video)
    assert video.get_attribute("src") == source

    # when the network lets it through again and he asks for the fast line
    viewer.unroute(WHEP)
    viewer.get_by_test_id("pick-quality").click()
    viewer.get_by_role("radio", name="自动").click()
    expect(video).to_have_attribute("data-line", "fast")
    expect_moving(video)
    expect(bar).to_have_count(0)

    # and back by his own wish; then the broadcast ends
    viewer.get_by_test_id("pick-quality").click()
    viewer.get_by_role("radio", name="稳定").click()
    expect(video).to_have_attribute("data-line", "steady")
    expect_moving(video)
    expect(viewer.get_by_test_id("fell-back")).to_have_count(0)
    host.get_by_test_id("end-stream").click()
    host.get_by_test_id("end-sure").click()
    expect(viewer.get_by_test_id("stage-note")).to_have_attribute("data-stage", "ended")
    expect(viewer.get_by_test_id("replay-link")).to_be_visible()
    assert not faults
