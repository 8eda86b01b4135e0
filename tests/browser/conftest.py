"""Chromium with a fake camera and microphone, and a platform to use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tests.harness.chromium import FLAGS, chromium_path
from tests.harness.data_servers import DataServers
from tests.harness.platform import ALL, Platform, running_platform

PHONE: ViewportSize = {"width": 360, "height": 780}
WAIT_MS = 30_000

OpenPage = Callable[[], Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def environment_changes() -> dict[str, str]:
    """Settings that a test wants otherwise; override it beside the test."""
    return {}


@pytest.fixture
def media_processes() -> int:
    """How many media nodes a test wants; override it beside the test."""
    return 1


@pytest.fixture
def platform(
    request: pytest.FixtureRequest,
    data_servers: DataServers,
    tmp_path: Path,
    environment_changes: dict[str, str],
    media_processes: int,
) -> Iterator[Platform]:
    """Server, media nodes and worker of this test alone, or those of them that `processes` names."""
    environment = {**data_servers.new_environment(tmp_path), **environment_changes}
    marker = request.node.get_closest_marker("processes")
    with running_platform(environment, tmp_path, media_processes, marker.args if marker else ALL) as running:
        yield running
    data_servers.forget(environment)


@pytest.fixture
def service_workers() -> Literal["allow", "block"]:
    """Most journeys look at what the server says, not at what a phone keeps; override it beside the test."""
    return "block"


@pytest.fixture
def open_page(
    chromium: Browser, platform: Platform, service_workers: Literal["allow", "block"]
) -> Iterator[OpenPage]:
    """Opens phones, each with cookies of its own."""
    contexts = []

    def make() -> Page:
        context = chromium.new_context(
            base_url=platform.url,
            viewport=PHONE,
            locale="zh-CN",
            permissions=["camera", "microphone"],
            service_workers=service_workers,
        )
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()
