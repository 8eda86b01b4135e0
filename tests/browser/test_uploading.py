"""A teacher uploads a video on his phone: the line breaks, the page is closed, and it goes on from where it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_journey import sign_in
from tests.harness.platform import HOST, Platform
from tests.harness.takes import make_video
from tests.harness.tus import UPLOADS

pytestmark = [pytest.mark.long, pytest.mark.processes("server", "worker")]

PART_BYTES = 5 * 1024 * 1024


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A video of three seconds, made so large by what no decoder reads that it is sent in three pieces."""
    made = make_video(3.0, width=320, height=240)
    free = 2 * PART_BYTES + 100
    path = tmp_path / "冬季修剪.mp4"
    path.write_bytes(made + free.to_bytes(4, "big") + b"free" + os.urandom(free - 8))
    return path


def begin_course(page: Page) -> None:
    """A course in preparation, open on its page."""
    page.get_by_label("课程名").fill("柑橘高产管护")
    page.get_by_role("button", name="做一门新课").click()
    expect(page.get_by_test_id("upload-card")).to_be_visible()


def test_an_upload_survives_a_lost_line_a_pause_and_a_closed_page(
    platform: Platform, open_page: OpenPage, video: Path, tmp_path: Path
) -> None:
    page = open_page()
    sign_in(page, HOST, "/teach")
    begin_course(page)
    card = page.get_by_test_id("upload-card")

    # What is no video is refused before a byte of it is sent.
    text = tmp_path / "笔记.txt"
    text.write_text("三看四剪")
    card.get_by_test_id("video-file").set_input_files(text)
    expect(card.get_by_role("alert")).to_contain_text("这不是视频")
    expect(card.get_by_test_id("upload-start")).to_be_disabled()
    card.get_by_role("button", name="换一个").click()

    # After its first piece the line breaks: the page says so and waits.
    pieces = 0

    def breaks(route: Route) -> None:
        nonlocal pieces
        if route.request.method == "PATCH":
            pieces += 1
            if pieces > 1:
                route.abort("internetdisconnected")
                return
        route.continue_()

    page.route(f"**{UPLOADS}/**", breaks)
    card.get_by_test_id("video-file").set_input_files(video)
    expect(card.get_by_label("课时名")).to_have_value("冬季修剪")
    card.get_by_test_id("upload-start").click()
    expect(card).to_have_attribute("data-state", "waiting")
    card.get_by_test_id("upload-pause").click()
    expect(card.get_by_role("status")).to_contain_text("停在")

    # The page is closed. When it is back it knows what is unfinished; the same file goes on there.
    page.unroute(f"**{UPLOADS}/**")
    page.reload()
    expect(card.get_by_test_id("unfinished-upload")).to_contain_text("冬季修剪")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.headers.get("upload-offset", "")))
    card.get_by_test_id("video-file").set_input_files(video)
    card.get_by_test_id("upload-start").click()
    expect(card.get_by_role("status")).to_contain_text("传好了")
    assert "0" not in sent
    assert str(PART_BYTES) in sent

    # It is a lesson of this course, says how long it is once it is made, and there is nothing to save.
    expect(page.get_by_test_id("course-form").get_by_text("冬季修剪")).to_be_visible()
    expect(page.get_by_test_id("chapter").get_by_text("0:03", exact=True)).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("save-course")).to_be_disabled()
    expect(card.get_by_test_id("unfinished-upload")).to_have_count(0)
