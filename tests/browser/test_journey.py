"""From going live to the lesson: a host sells, viewers watch, chat and buy, and the replay teaches by itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import WAIT_MS, OpenPage
from tests.harness.platform import BUYERS, HOST, PASSWORD, ROOM, VIEWER, Platform

pytestmark = pytest.mark.long

LONG_WAIT_MS = 90_000  # a worker transcodes beside the browsers on the same two cores
# The loudest sample of the decoded sound within five seconds; Chromium's fake microphone beeps.
LOUDEST = """async video => {
    const context = new AudioContext(), analyser = context.createAnalyser();
    context.createMediaStreamSource(video.srcObject).connect(analyser);
    const samples = new Float32Array(analyser.fftSize), until = performance.now() + 5000;
    let loudest = 0;
    while (loudest < 0.01 && performance.now() < until) {
        await new Promise(resolve => setTimeout(resolve, 20));
        analyser.getFloatTimeDomainData(samples);
        loudest = Math.max(loudest, ...samples.map(Math.abs));
    }
    await context.close();
    return loudest;
}"""
FRAMES = "v => v.getVideoPlaybackQuality().totalVideoFrames"


def sign_in(page: Page, name: str, where: str = "/") -> None:
    page.goto(f"/sign-in?next={where}")
    fill_sign_in(page, name)
    wait_for_path(page, where)


def wait_for_path(page: Page, path: str) -> None:
    """Wait until it is there; /sign-in?next=PATH is not."""
    page.wait_for_url(lambda url: urlsplit(url).path == path)


def fill_sign_in(page: Page, name: str) -> None:
    page.get_by_role("textbox", name="手机号或名字").fill(name)
    page.get_by_role("textbox", name="密码").fill(PASSWORD)
    page.locator("form button[type=submit]").click()


def wait_until(question: Callable[[], Any], what: str, timeout_ms: int = WAIT_MS) -> Any:
    """Ask again until the answer is true; answers it."""
    until = time.monotonic() + timeout_ms / 1000
    while time.monotonic() < until:
        if answer := question():
            return answer
        time.sleep(0.2)
    raise AssertionError(f"it never came true: {what}")


def expect_moving(video: Locator) -> None:
    """The picture moves: new frames are decoded, and there is something in them."""
    wait_until(lambda: video.evaluate(FRAMES) > 5, "frames are decoded")
    before = video.evaluate(FRAMES)
    wait_until(lambda: video.evaluate(FRAMES) > before + 10, "more frames are decoded")
    assert video.evaluate("v => v.videoWidth * v.videoHeight") >= 160 * 90
    colours = video.evaluate(
        """v => { const c = document.createElement('canvas'); c.width = 32; c.height = 18;
        const g = c.getContext('2d'); g.drawImage(v, 0, 0, 32, 18);
        const d = g.getImageData(0, 0, 32, 18).data; const s = new Set();
        for (let i = 0; i < d.length; i += 4) s.add((d[i] >> 4) * 256 + (d[i+1] >> 4) * 16 + (d[i+2] >> 4));
        return s.size }"""
    )
    assert colours > 2, "the picture is one colour"


def go_live(page: Page) -> None:
    sign_in(page, HOST, "/studio")
    expect_moving(page.get_by_test_id("preview"))
    page.get_by_test_id("go-live").click()
    expect(page.get_by_test_id("live-bar")).to_be_visible()


def open_room(page: Page) -> Locator:
    page.goto(f"/r/{ROOM}")
    video = page.get_by_test_id("video")
    expect_moving(video)
    return video


def open_host_sheet(page: Page, button: str) -> None:
    page.get_by_test_id(button).click()


def close_sheet(page: Page) -> None:
    page.locator("[role=dialog]:visible").get_by_role("button", name="关闭").click()
    expect(page.locator("[role=dialog]:visible")).to_have_count(0)


def pin(host: Page, name: str) -> None:
    open_host_sheet(host, "open-host-shelf")
    host.get_by_test_id("host-product").filter(has_text=name).get_by_test_id("pin").click()
    expect(host.get_by_test_id("host-product").filter(has_text=name)).to_have_attribute("data-pinned", "true")
    close_sheet(host)


def open_sale(host: Page, name: str) -> None:
    """Three pieces, one for each buyer."""
    open_host_sheet(host, "open-host-shelf")
    host.get_by_test_id("host-product").filter(has_text=name).get_by_test_id("sell").click()
    desk = host.get_by_test_id("sale-desk")
    desk.get_by_test_id("sale-price-input").fill("19.90")
    desk.get_by_test_id("sale-open").click()
    expect(host.locator("[role=dialog]:visible")).to_have_count(0)


def press_at_once(buyers: list[Page]) -> None:
    """All press the button at the same moment of the clock, before anybody has heard of another's order."""
    moment = (time.time() + 3) * 1000
    for page in buyers:
        page.get_by_test_id("sale-button").evaluate(
            "(button, moment) => { setTimeout(() => button.click(), moment - Date.now()) }", moment
        )


def has_hold(page: Page) -> bool:
    """Whether this buyer got a piece: either his hold or the news that there is none comes up."""
    page.locator("[data-testid=hold-sheet]:visible, [data-testid=sale-card][data-offer=wait]").first.wait_for()
    return page.get_by_test_id("hold-sheet").is_visible()


def test_a_host_sells_live_and_the_replay_becomes_a_lesson(platform: Platform, open_page: OpenPage) -> None:
    database = platform.database

    # A host goes live; a viewer who isn't signed in opens the link and sees the picture move, with sound to hear.
    host, viewer = open_page(), open_page()
    go_live(host)
    video = open_room(viewer)
    viewer.get_by_test_id("tap-for-sound").click()
    assert not video.evaluate("v => v.muted")
    assert video.evaluate(LOUDEST) > 0.01
    expect(viewer.get_by_test_id("viewers")).to_contain_text("1")
    stream = database["streams"].find_one({"state": "live"})
    assert stream is not None

    # Signed in, he chats; the host reads it.
    viewer.get_by_test_id("chat-sign-in").click()
    fill_sign_in(viewer, VIEWER)
    viewer.get_by_test_id("chat-input").fill("橙子甜不甜？")
    viewer.get_by_test_id("chat-send").click()
    expect(host.get_by_test_id("chat-line").filter(has_text="橙子甜不甜？")).to_be_visible()
    expect_moving(viewer.get_by_test_id("video"))

    # The host pins a product; the viewer sees it.
    pin(host, "冰糖橙")
    expect(viewer.get_by_test_id("pinned-name")).to_have_text("冰糖橙")

    # Five buyers press at once for three pieces: three get a hold, two get "sold out".
    buyers = [open_page() for _ in BUYERS]
    for page, name in zip(buyers, BUYERS, strict=True):
        page.route("**/whep/**", lambda route: route.abort())  # five more decoders would starve two cores
        sign_in(page, name, f"/r/{ROOM}")
    open_sale(host, "君山银针")
    for page in buyers:
        expect(page.get_by_test_id("sale-button")).to_be_enabled()
    press_at_once(buyers)
    wait_until(lambda: database["orders"].count_documents({}) == 3, "three orders")
    holds = [page for page in buyers if has_hold(page)]
    assert len(holds) == 3
    for page in set(buyers) - set(holds):
        expect(page.get_by_test_id("sale-card")).to_have_attribute("data-offer", "wait")
    assert {order["state"] for order in database["orders"].find()} == {"held"}
    sale = database["sales"].find_one({})
    assert sale is not None
    assert (sale["available"], sale["held"], sale["sold"]) == (0, 3, 0)

    # One pays at the sandbox; its signed callback makes the order paid.
    payer = holds[0]
    payer.get_by_test_id("pay").click()
    payer.wait_for_url("**/sandbox/payments/**")
    payer.get_by_role("button", name="付款").click()
    payer.wait_for_url(re.compile(r"/orders/"))
    wait_until(lambda: database["orders"].count_documents({"state": "paid"}) == 1, "one order is paid")
    sale = database["sales"].find_one({})
    assert sale is not None
    assert (sale["available"], sale["held"], sale["sold"]) == (0, 2, 1)

    # A hold that is not paid in time goes back (its time is moved up here instead of waiting for five minutes).
    held = database["orders"].find_one({"state": "held"})
    assert held is not None
    database["orders"].update_one({"_id": held["_id"]}, {"$set": {"hold_until": held["created_at"]}})
    wait_until(lambda: database["orders"].count_documents({"state": "expired"}) == 1, "the hold ran out")
    sale = database["sales"].find_one({})
    assert sale is not None
    assert (sale["available"], sale["held"], sale["sold"]) == (1, 1, 1)
    for page in buyers:
        page.context.close()

    # The host ends the stream: the replay is watchable at once, and becomes a lesson with chapters.
    host.get_by_test_id("end-stream").click()
    host.get_by_test_id("end-sure").click()
    host.get_by_test_id("replay-link").click()
    host.wait_for_url("**/lessons/**")
    lesson_id = host.url.rsplit("/", 1)[-1]
    learner = viewer
    learner.goto(f"/lessons/{lesson_id}")
    learner.locator(".start .play").click()
    expect_moving(learner.locator("video"))

    # A worker makes renditions and a poster; a clip of the pinned product stands in the hall.
    lesson = wait_until(lambda: _ready(learner, lesson_id), "the lesson is ready", LONG_WAIT_MS)
    assert len(lesson["renditions"]) >= 2
    assert lesson["poster_url"]
    assert [chapter["title"] for chapter in lesson["chapters"]] == ["冰糖橙"]
    booth = wait_until(
        lambda: _booth_with_clip(learner, platform.hall_id), "a clip stands at the booth", LONG_WAIT_MS
    )
    assert booth["clips"][0]["product_id"] == platform.oranges_id

    # The learner plays the made renditions, stops, and goes on where he stopped.
    learner.goto(f"/lessons/{lesson_id}")
    learner.locator(".start .play").click()
    made = learner.locator("video")
    expect_moving(made)
    wait_until(lambda: made.evaluate("v => v.currentTime") > 7, "some seconds are watched")
    made.evaluate("v => v.pause()")
    wait_until(lambda: _json(learner, f"/api/lessons/{lesson_id}")["position_ms"] > 6000, "the place is kept")
    learner.goto(f"/lessons/{lesson_id}")
    expect(learner.locator(".start .play")).to_contain_text("继续")


def _json(page: Page, path: str) -> dict[str, Any]:
    body: dict[str, Any] = page.request.get(path).json()
    return body


def _ready(page: Page, lesson_id: str) -> dict[str, Any] | None:
    lesson = _json(page, f"/api/lessons/{lesson_id}")
    assert lesson["state"] != "failed", lesson
    return lesson if lesson["state"] == "ready" else None


def _booth_with_clip(page: Page, hall_id: str) -> dict[str, Any] | None:
    booths: list[dict[str, Any]] = _json(page, f"/api/halls/{hall_id}")["booths"]
    return next((booth for booth in booths if booth["clips"]), None)
