"""The operator's page: nodes, a broadcast, its viewer; he leaves, and a node dies, while somebody looks."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from server.accounts.model import Role
from server.wiring import open_services
from tests.browser.conftest import OpenPage
from tests.browser.test_journey import go_live, open_room, sign_in, wait_until
from tests.harness.platform import HOST, PASSWORD, Platform, settings_of

pytestmark = pytest.mark.processes("server", "media")

OPERATOR = "yunying"


@pytest.fixture
def media_processes() -> int:
    """One that dies, and another that stays."""
    return 2


def add_operator(platform: Platform) -> None:
    """Somebody of the county's co-op."""

    async def add() -> None:
        async with open_services(settings_of(platform.environment), with_sockets=False) as services:
            roles = frozenset({Role.VIEWER, Role.OPERATOR})
            await services.accounts.register(OPERATOR, PASSWORD, "供销社", None, roles=roles)

    with ThreadPoolExecutor(1) as thread:  # Playwright keeps an event loop of its own in this one
        thread.submit(asyncio.run, add()).result()


def nodes(page: Page) -> dict[str, str]:
    """How each node is, in the page's word."""
    rows = page.get_by_test_id("node").evaluate_all("rows => rows.map(row => ({...row.dataset}))")
    return {row["node"]: row["word"] for row in rows}


def test_an_operator_watches_a_broadcast_and_sees_a_node_die(platform: Platform, open_page: OpenPage) -> None:
    # given a host who is live, a viewer, and an operator who finds the page by himself
    add_operator(platform)
    host, viewer, operator = open_page(), open_page(), open_page()
    go_live(host)
    open_room(viewer)
    sign_in(operator, OPERATOR, "/me")
    operator.get_by_test_id("to-nodes").click()

    # then he sees the broadcast, what comes in, and the viewer with what he gets
    stream = operator.get_by_test_id("stream")
    expect(stream).to_have_attribute("data-state", "live")
    expect(stream).to_contain_text("冰糖橙开园")
    expect(stream.get_by_test_id("publisher")).to_have_count(1)
    expect(stream.get_by_test_id("sent-layer")).to_have_count(3)
    seen = stream.get_by_test_id("viewer").filter(has_text="UDP IPv4")
    expect(seen).to_have_count(1)
    wait_until(lambda: int(seen.get_attribute("data-kbps") or 0) > 0, "he gets a picture")
    expect(operator.get_by_test_id("total-viewers")).to_have_attribute("data-count", "1")
    assert nodes(operator) == {"media-1": "ok", "media-2": "ok"}

    # when the node dies that the host is not on, the page says so, and then forgets it
    home = stream.get_by_test_id("publisher").get_attribute("data-node")
    victim = "media-1" if home == "media-2" else "media-2"
    platform.processes[victim].kill()
    wait_until(lambda: nodes(operator).get(victim) == "no_answer", "the dead node is seen")
    wait_until(lambda: victim not in nodes(operator), "and gone")
    assert len(nodes(operator)) == 1

    # when the network is away, the figures stay and say how old they are
    operator.context.set_offline(True)
    expect(operator.get_by_test_id("fresh")).to_have_attribute("data-stale", "true")
    assert len(nodes(operator)) == 1
    operator.context.set_offline(False)
    expect(operator.get_by_test_id("fresh")).to_have_attribute("data-stale", "false")


def test_a_host_is_not_let_in(platform: Platform, open_page: OpenPage) -> None:
    page = open_page()
    sign_in(page, HOST, "/me")
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()
    expect(page.get_by_test_id("to-nodes")).to_have_count(0)
    page.goto("/operator/nodes")
    page.wait_for_url("**/me")
    assert page.request.get(f"{platform.url}/api/operators/nodes").status == 403
