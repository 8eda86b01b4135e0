"""How long people wait: first picture in a room, a pinned card, a replay; one host and one viewer in Chromium.

    .venv/bin/python -m tests.bench.journey

Times are wall-clock milliseconds on one machine that runs browsers, encoder, servers and worker at once. There is
nothing to compare with in the same run, so these are waits that a person notices, not claims of speed.
"""

from __future__ import annotations

import json
import platform as machine
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from tests.browser.conftest import PHONE, WAIT_MS
from tests.browser.test_journey import close_sheet, expect_moving, go_live, wait_until
from tests.harness.chromium import FLAGS, chromium_path
from tests.harness.data_servers import DataServers
from tests.harness.platform import ROOM, Platform, running_platform
from tests.integration.media.test_chromium import PLAY

VIEWERS = 10
PINS = 10
SHOWN = "() => document.querySelector('[data-testid=pinned-name]')?.textContent.includes(%r)"


def open_page(browser: Browser, platform: Platform) -> Page:
    """A phone of its own."""
    context = browser.new_context(
        base_url=platform.url, viewport=PHONE, locale="zh-CN", permissions=["camera", "microphone"]
    )
    context.set_default_timeout(WAIT_MS)
    return context.new_page()


def first_pictures(browser: Browser, platform: Platform) -> dict[str, list[float]]:
    """Open the room again and again: from the WHEP request, and from the tap on the link, to the first picture."""
    waits: dict[str, list[float]] = {"first_picture_after_whep_ms": [], "first_picture_after_link_ms": []}
    for _ in range(VIEWERS):
        page = open_page(browser, platform)
        begin = time.perf_counter()
        page.goto(f"/r/{ROOM}", wait_until="commit")
        page.wait_for_function(
            "() => document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames > 0"
        )
        waits["first_picture_after_link_ms"].append((time.perf_counter() - begin) * 1000)
        video = page.get_by_test_id("video")
        first = wait_until(partial(video.get_attribute, "data-first-frame-ms"), "the page says how long")
        waits["first_picture_after_whep_ms"].append(float(first))
        page.context.close()
    return waits


def bare_pictures(browser: Browser, platform: Platform) -> dict[str, list[float]]:
    """What the media node alone takes: a page with nothing but a picture, from the WHEP request on."""
    waits = []
    for _ in range(VIEWERS):
        page = open_page(browser, platform)
        url = page.request.get(f"/api/rooms/{ROOM}").json()["whep_url"]
        page.goto("/healthz")
        waits.append(float(page.evaluate(PLAY, [url])))
        page.context.close()
    return {"first_picture_bare_page_ms": waits}


def pins(host: Page, viewer: Page) -> list[float]:
    """From the host's tap to the card on the viewer's page."""
    waits = []
    host.get_by_test_id("open-host-shelf").click()
    for number in range(PINS):
        name = ("冰糖橙", "君山银针")[number % 2]
        button = host.get_by_test_id("host-product").filter(has_text=name).get_by_test_id("pin")
        begin = time.perf_counter()
        button.evaluate("button => button.click()")
        viewer.wait_for_function(SHOWN % name)
        waits.append((time.perf_counter() - begin) * 1000)
    close_sheet(host)
    return waits


def replay(host: Page, platform: Platform) -> list[float]:
    """From the tap that ends the stream to a playlist that answers."""
    host.get_by_test_id("end-stream").click()
    begin = time.perf_counter()
    host.get_by_test_id("end-sure").click()

    def playlist() -> bool:
        items = host.request.get("/api/lessons").json()["items"]
        if not items:
            return False
        url = host.request.get(f"/api/lessons/{items[0]['id']}").json()["playlist_url"]
        return bool(url and host.request.get(url).ok)

    wait_until(playlist, "the replay is watchable")
    return [(time.perf_counter() - begin) * 1000]


def measure() -> dict[str, list[float]]:
    """Everything, once."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        servers = DataServers(Path(name))
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        try:
            with running_platform(servers.new_environment(Path(name)), Path(name)) as platform:
                host = open_page(browser, platform)
                go_live(host)
                waits = bare_pictures(browser, platform) | first_pictures(browser, platform)
                viewer = open_page(browser, platform)
                viewer.goto(f"/r/{ROOM}")
                expect_moving(viewer.get_by_test_id("video"))
                waits["card_seen_after_pin_ms"] = pins(host, viewer)
                waits["replay_watchable_after_end_ms"] = replay(host, platform)
                return waits
        finally:
            browser.close()
            servers.close()


def main() -> None:
    """Print the table and the JSON line."""
    waits = measure()
    table = Table(title=f"{machine.platform()}, {VIEWERS} viewers one after another, {PINS} pins")
    for column in ("wait", "minimum", "median", "maximum"):
        table.add_column(column)
    summary = {}
    for name, values in waits.items():
        figures = (min(values), statistics.median(values), max(values))
        table.add_row(name, *(f"{figure:.0f}" for figure in figures))
        summary[name] = round(figures[1])
    console = Console()
    console.print(table)
    console.print_json(json.dumps(summary), indent=None)


if __name__ == "__main__":
    main()
