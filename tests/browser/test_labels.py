"""What a screen reader meets on the pages: axe-core finds no serious fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import PHONE, OpenPage
from tests.browser.test_buying import give_coupon, write_address
from tests.browser.test_journey import close_sheet, go_live, open_host_sheet, sign_in, wait_until
from tests.harness.platform import BUYERS, HOST, ROOM, VIEWER, Platform
from tests.harness.processes import ROOT

pytestmark = pytest.mark.processes("server", "media")

AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
# What hides something from somebody, or makes it unusable; the rest is advice.
FIND = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
    .filter(fault => fault.impact === 'serious' || fault.impact === 'critical')
    .flatMap(fault => fault.nodes.map(node => `${fault.id} ${node.target.join(' ')} ${node.html.slice(0, 160)}`))"""

# Nothing comes or goes, no colour is on its way: until the next frame a button has its new text on its old ground.
STILL = """() => !document.querySelector('[class*=-enter-active], [class*=-leave-active]')
    && document.getAnimations().every(animation => animation.playState !== 'running')"""

LAPTOP: ViewportSize = {"width": 1280, "height": 800}

Look = Callable[[Page, str], None]


def look_at(faults: list[str]) -> Look:
    """Notes the faults of what a page shows now; a picture that is still sliding in would look pale."""

    def look(page: Page, where: str) -> None:
        page.emulate_media(reduced_motion="reduce")
        page.wait_for_function(STILL)
        if not page.evaluate("() => 'axe' in window"):
            page.evaluate(AXE.read_text("utf-8"))
        found: list[Any] = page.evaluate(FIND)
        faults.extend(f"{where}: {fault}" for fault in found)

    return look


def tabs_until(page: Page, last: str) -> list[str | None]:
    """What the tabulator reaches on its way from the beginning of a page to `last`."""
    page.evaluate("() => { document.activeElement?.blur(); getSelection()?.removeAllRanges() }")
    reached: list[str | None] = []
    while len(reached) < 60 and last not in reached:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("() => document.activeElement?.dataset.testid ?? null"))
    return reached


def look_around(page: Page, look: Look, *paths: str) -> None:
    for path in paths:
        page.goto(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        expect(page.get_by_role("heading", level=1)).to_be_attached()
        look(page, path)


def test_every_control_of_buying_and_selling_has_a_name(platform: Platform, open_page: OpenPage) -> None:
    # given a broadcast with a pinned product and a running sale
    faults: list[str] = []
    look = look_at(faults)
    give_coupon(platform, VIEWER)
    platform.database["users"].update_one({"name": HOST}, {"$push": {"roles": "operator"}})
    host, buyer = open_page(), open_page()
    sign_in(host, HOST, "/studio")
    look(host, "studio before")
    go_live(host)
    open_host_sheet(host, "open-host-shelf")
    host.get_by_test_id("pin").first.click()
    expect(host.get_by_test_id("pin").first).to_have_attribute("aria-pressed", "true")
    look(host, "host's shelf")
    close_sheet(host)
    open_host_sheet(host, "open-sale-desk")
    look(host, "sale desk")
    host.get_by_test_id("sale-open").click()
    expect(host.get_by_test_id("running-sale")).to_be_visible()
    look(host, "running sale")
    for desk in ("open-moderation", "open-interact"):
        open_host_sheet(host, desk)
        look(host, desk)
        close_sheet(host)
    look(host, "studio live")

    # when a buyer goes all the way
    buyer.route("**/whep/**", lambda route: route.abort())  # nothing here needs a picture
    sign_in(buyer, VIEWER, "/addresses")
    look(buyer, "no address")
    write_address(buyer)
    buyer.goto(f"/r/{ROOM}")
    expect(buyer.get_by_test_id("sale-card")).to_be_visible()
    look(buyer, "room")
    buyer.set_viewport_size(LAPTOP)
    reached = tabs_until(buyer, "chat-input")
    assert reached.index("sale-button") < reached.index("chat-list")
    expect(buyer.get_by_test_id("chat-input")).to_be_in_viewport(ratio=1)
    buyer.set_viewport_size(PHONE)
    buyer.get_by_test_id("open-shelf").click()
    look(buyer, "shelf")
    buyer.get_by_test_id("shelf-buy").first.click()
    look(buyer, "buy sheet")
    buyer.get_by_test_id("put-in-cart").click()
    buyer.get_by_test_id("open-cart").click()
    expect(buyer.get_by_test_id("cart-row")).to_have_count(1)
    look(buyer, "cart in the room")
    close_sheet(buyer)
    buyer.get_by_test_id("open-talk").click()
    look(buyer, "take part")
    close_sheet(buyer)
    buyer.get_by_test_id("sale-button").click()
    expect(buyer.get_by_test_id("hold-sheet")).to_be_visible()
    look(buyer, "hold sheet")
    order_id = buyer.get_by_test_id("hold-sheet").get_attribute("data-order")
    buyer.goto("/cart")
    buyer.get_by_test_id("cart-order").click()
    look(buyer, "cart's order")
    look_around(buyer, look, "/cart", "/orders", f"/orders/{order_id}", "/addresses", "/coupons", "/me")

    # and the merchant and the operators look after him
    wait_until(lambda: platform.database["orders"].count_documents({}) == 1, "there is an order")
    visitor = open_page()
    sign_in(visitor, BUYERS[0], "/cart")
    look(visitor, "empty cart")
    look_around(
        host,
        look,
        "/studio/orders",
        "/studio/booth",
        *(f"/operator/{page}" for page in ("nodes", "sales", "sanctions", "words", "log", "halls", "halls/new")),
    )
    shop = (f"/halls/{platform.hall_id}", f"/products/{platform.oranges_id}", "/learn?q=橙")
    look_around(buyer, look, "/", "/halls", "/learn", *shop)

    # then nothing is without a name, too pale or out of reach
    assert not faults, "\n".join(faults)
