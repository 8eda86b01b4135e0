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
