"""A buyer with a choice of ways to pay, on a phone and at a laptop."""

from __future__ import annotations

import asyncio
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from config.clock import SystemClock
from tests.browser.conftest import OpenPage
from tests.harness.alipay_gateway import KEYS as ALIPAY
from tests.harness.pay_settings import pay_settings
from tests.harness.platform import PASSWORD, VIEWER, Platform
from tests.harness.wechat_gateway import WechatGateway

pytestmark = [pytest.mark.browser, pytest.mark.processes("server")]
PATIENCE_SECONDS = 20.0
LAPTOP = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def wechat() -> Iterator[WechatGateway]:
    """WeChat Pay, in a thread of its own: Playwright keeps this one's event loop."""
    gateway, ready, over = WechatGateway(SystemClock()), threading.Event(), threading.Event()

    async def serve() -> None:
        async with gateway:
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(PATIENCE_SECONDS)
    yield gateway
    over.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


@pytest.fixture
def environment_changes(wechat: WechatGateway) -> dict[str, str]:
    """All ways to pay."""
    return {"PUBLIC_URL": "http://127.0.0.1", **pay_settings(wechat.url, "http://127.0.0.1:9")}


def order_oranges(page: Page, platform: Platform) -> None:
    """Signed in, with an order that waits for its money on the screen."""
    page.request.post("/api/session", data={"login": VIEWER, "password": PASSWORD})
    wish = {"lines": [{"product_id": platform.oranges_id, "quantity": 1}], "request_id": "r1"}
    order = page.request.post("/api/orders", data=wish).json()
    page.goto(f"/orders/{order['id']}")


def scan(wechat: WechatGateway, platform: Platform) -> None:
    """He pays with his phone, and WeChat calls back."""
    trade = wechat.pay(list(wechat.trades)[-1])
    headers, body = wechat.callback(trade)
    request = urllib.request.Request(f"{platform.url}/api/payments/wechat/callback", data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 204


def test_at_a_laptop_a_code_is_scanned_and_the_page_notices(
    chromium: Browser, platform: Platform, wechat: WechatGateway, tmp_path: Path
) -> None:
    # given
    context = chromium.new_context(base_url=platform.url, viewport=LAPTOP, locale="zh-CN")  # type: ignore[arg-type]
    page = context.new_page()
    order_oranges(page, platform)
    ways = page.get_by_role("radio")
    expect(ways).to_have_count(3)
    expect(page.get_by_role("radio", name="微信支付")).to_be_checked()

    # when
    page.get_by_role("button", name="付款 39.90 元").click()
    expect(page.get_by_role("img", name="付款二维码")).to_be_visible()
    page.screenshot(path=tmp_path / "laptop-scan.png")
    scan(wechat, platform)

    # then
    expect(page.get_by_role("heading", name="付款成功")).to_be_visible()
    expect(page.get_by_test_id("scan-code")).to_have_count(0)
    context.close()


def test_on_a_phone_the_way_that_was_chosen_is_taken_and_remembered(
    open_page: OpenPage, platform: Platform, tmp_path: Path
) -> None:
    # given
    page = open_page()
    page.route("http://127.0.0.1:9/**", lambda route: route.fulfill(body="Alipay"))
    order_oranges(page, platform)
    page.get_by_text("支付宝").click()
    page.screenshot(path=tmp_path / "phone-ways.png", full_page=True)

    # when
    with page.expect_request("http://127.0.0.1:9/**") as went_to:
        page.get_by_role("button", name="付款 39.90 元").click()

    # then
    asked = parse_qs(urlsplit(went_to.value.url).query)
    assert asked["method"] == ["alipay.trade.page.pay"]  # this Chromium says that it is no phone
    assert asked["app_id"] == [ALIPAY.app_id]
    page.goto("/orders")
    page.get_by_role("button", name="付款", exact=True).click()
    expect(page.get_by_role("radio", name="支付宝")).to_be_checked()
