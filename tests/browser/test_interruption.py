"""A host's phone dies in mid-broadcast: viewers are told, stay where they are, and see the picture come back."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.test_journey import expect_moving, go_live, open_room, sign_in, wait_until
from tests.harness.platform import HOST, Platform

pytestmark = pytest.mark.processes("server", "media")


def test_viewers_are_told_that_the_host_is_awaited_and_see_him_come_back(
    platform: Platform, open_page: OpenPage
) -> None:
    # given
    host, viewer = open_page(), open_page()
    go_live(host)
    video = open_room(viewer)
    stream = platform.database["streams"].find_one({"state": "live"})
    assert stream is not None

    # when his phone dies, viewers see one notice
    host.context.close()
    note = viewer.get_by_test_id("stage-note")
    expect(note).to_contain_text("正在等他回来")
    expect(note).to_have_count(1)

    # when he goes on with another one
    other = open_page()
    sign_in(other, HOST, "/studio")
    other.get_by_test_id("continue-here").click()

    # then it is the same stream, and the same page shows it
    expect(note).to_have_count(0)
    expect_moving(video)
    wait_until(
        lambda: platform.database["streams"].find_one({"_id": stream["_id"], "state": "live"}),
        "it is the same stream",
    )


def test_on_a_small_phone_the_talk_takes_what_the_bars_above_leave(platform: Platform, open_page: OpenPage) -> None:
    # given: a host on air, on a narrow phone whose keyboard takes half of the screen, and much to read
    host = open_page()
    go_live(host)
    for line in ("这批橙子甜得很", "今天早上刚摘下来的", "一箱五斤，包邮到家"):
        host.get_by_test_id("chat-input").fill(line)
        host.get_by_test_id("chat-send").click()
        expect(host.get_by_test_id("chat-line").filter(has_text=line)).to_be_visible()

    # when
    host.set_viewport_size({"width": 320, "height": 320})

    # then: nothing lies over anything, and he can still write
    lowest_bar = host.get_by_test_id("sound-meter").bounding_box()
    buttons = host.get_by_test_id("open-interact").bounding_box()
    assert lowest_bar is not None
    assert buttons is not None
    assert lowest_bar["y"] + lowest_bar["height"] <= buttons["y"]
    expect(host.get_by_test_id("chat-input")).to_be_in_viewport(ratio=1)
