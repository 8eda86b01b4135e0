"""FFmpeg feeds a room that Chromium shows; everything is killed with -9; orders and recordings are still there."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenPage
from tests.browser.test_journey import expect_moving, open_room, wait_until
from tests.harness.data_servers import DataServers, Name
from tests.harness.platform import HOST, PASSWORD, VIEWER, Platform

pytestmark = pytest.mark.long

CLIP = Path(__file__).parents[2] / "dongting/demo/content/show.mp4"
RECORDED_SECONDS = 6
LONG_WAIT_MS = 90_000
DATA_SERVERS: tuple[Name, ...] = ("mongodb", "redis", "s3")


def ask(page: Page, method: str, path: str, body: object = None) -> dict[str, Any]:
    response = page.request.fetch(path, method=method, data=body, headers={"Sec-Fetch-Site": "same-origin"})
    assert response.ok, response.text()
    answer: dict[str, Any] = response.json()
    return answer


@contextmanager
def publishing(whip_url: str, stream_key: str) -> Iterator[None]:
    """A real clip with picture and sound, sent as it is."""
    source = ("-re", "-stream_loop", "-1", "-i", str(CLIP), "-c", "copy")
    target = ("-f", "whip", "-authorization", stream_key, whip_url)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", *source, *target]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def environment_changes() -> dict[str, str]:
    """A vanished publisher is waited for briefly, so that the test needs not wait long."""
    return {"PUBLISHER_GRACE_SECONDS": "3", "JOB_SWEEP_SECONDS": "2", "JOB_LEASE_SECONDS": "5"}


def test_orders_and_recordings_survive_when_everything_is_killed(
    platform: Platform, open_page: OpenPage, data_servers: DataServers
) -> None:
    # given FFmpeg on the air in the room, seen in Chromium, and an order
    host, viewer = open_page(), open_page()
    ask(host, "POST", "/api/session", {"login": HOST, "password": PASSWORD})
    ask(viewer, "POST", "/api/session", {"login": VIEWER, "password": PASSWORD})
    room = ask(host, "GET", "/api/my/room")
    with publishing(room["whip_url"], room["stream_key"]):
        video = open_room(viewer)
        assert video.evaluate("v => v.videoWidth") >= 640
        order = ask(
            viewer,
            "POST",
            "/api/orders",
            {"lines": [{"product_id": platform.tea_id, "quantity": 2}], "request_id": "before-the-end"},
        )
        wait_until(lambda: video.evaluate("v => v.currentTime") > RECORDED_SECONDS, "some seconds are on the air")

        # when every process is killed in turn and started again
        for name in ("media", "server", "worker"):
            platform.processes[name].kill()
    for data_server in DATA_SERVERS:
        data_servers.child(data_server).kill()
    for data_server in DATA_SERVERS:
        data_servers.child(data_server).start()
        data_servers.child(data_server).wait_ready()
    for name in ("server", "media", "worker"):
        platform.processes[name].start()
    for name in ("server", "media", "worker"):
        platform.processes[name].wait_ready()

    # then the order is there, with its pieces set aside
    viewer.goto("/orders")
    kept = ask(viewer, "GET", f"/api/orders/{order['id']}")
    assert (kept["state"], kept["lines"][0]["quantity"]) == ("held", 2)
    assert ask(viewer, "GET", f"/api/products/{platform.tea_id}")["stock"] == 18

    # and the recording becomes a lesson that plays
    def lesson() -> dict[str, Any] | None:
        items: list[dict[str, Any]] = ask(viewer, "GET", "/api/lessons")["items"]
        return next((item for item in items if item["state"] == "ready"), None)

    made = wait_until(lesson, "the recording is a lesson", LONG_WAIT_MS)
    assert made["duration_ms"] > (RECORDED_SECONDS - 2) * 1000
    viewer.goto(f"/lessons/{made['id']}")
    viewer.locator(".start .play").click()
    expect_moving(viewer.locator("video"))
