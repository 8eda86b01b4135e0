"""A server with all ways to pay: what pages hear, what providers hear."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest_asyncio

from config.clock import SystemClock
from config.settings import ServerSettings
from tests.harness.alipay_gateway import AlipayGateway
from tests.harness.app import Page, RunningServer, running_server
from tests.harness.data_servers import Environment
from tests.harness.gateway import rsa_key
from tests.harness.pay_settings import pay_settings
from tests.harness.wechat_gateway import WechatGateway
from tests.integration.commerce.test_selling import buyer_page, host_page, live, open_sale
from tests.integration.server.conftest import Stall
from tests.integration.server.test_gifts import TERMS

NewPage = Callable[[], Page]
PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36"}


@pytest_asyncio.fixture
async def wechat() -> AsyncIterator[WechatGateway]:
    """WeChat Pay on a free port."""
    async with WechatGateway(SystemClock()) as gateway:
        yield gateway


@pytest_asyncio.fixture
async def alipay() -> AsyncIterator[AlipayGateway]:
    """Alipay on a free port."""
    async with AlipayGateway(SystemClock()) as gateway:
        yield gateway


@pytest_asyncio.fixture
async def server(
    environment: Environment, wechat: WechatGateway, alipay: AlipayGateway
) -> AsyncIterator[RunningServer]:
    """The server, set up as an operator would: by its environment."""
    url = f"http://127.0.0.1:{environment['SERVER_PORT']}"
    settings = {**environment, "PUBLIC_URL": url, **pay_settings(wechat.url, alipay.url)}
    loaded = ServerSettings.model_validate({name.lower(): value for name, value in settings.items()})
    async with running_server(loaded) as running:
        yield running


async def order_of(page: Page, stall: Stall) -> str:
    wish = {"lines": [{"product_id": stall.product.id, "quantity": 1}], "request_id": "r1"}
    _, order = await page.ask("POST", "/api/orders", wish)
    return str(order["id"])


async def call_back(page: Page, way: str, callback: tuple[dict[str, str], bytes]) -> tuple[int, str]:
    headers, body = callback
    async with page.http.post(f"/api/payments/{way}/callback", data=body, headers=headers) as response:
        return response.status, await response.text()


async def test_a_page_is_told_the_ways_to_pay(server: RunningServer, new_page: NewPage) -> None:
    assert await new_page().ask("GET", "/api/payments") == (
        200,
        {"items": [{"provider": "wechat"}, {"provider": "alipay"}, {"provider": "sandbox"}]},
    )


async def test_on_a_phone_wechat_is_opened_and_its_callback_pays(
    server: RunningServer, stall: Stall, new_page: NewPage, wechat: WechatGateway
) -> None:
    # given
    page = await buyer_page(server, new_page, "liming")
    order_id = await order_of(page, stall)

    # when
    status, checkout = await page.ask("POST", f"/api/orders/{order_id}/pay", {"provider": "wechat"}, headers=PHONE)
    (trade,) = wechat.trades.values()
    wechat.pay(trade.number)
    told = await call_back(page, "wechat", wechat.callback(trade))

    # then
    assert (status, checkout["qr_url"]) == (200, None)
    assert checkout["payment_url"].endswith(f"%2Forders%2F{order_id}%3Fpaid%3D1")
    assert trade.notify_url == f"{server.url}/api/payments/wechat/callback"
    assert told == (204, "")
    assert (await page.ask("GET", f"/api/orders/{order_id}"))[1]["state"] == "paid"


async def test_on_a_laptop_wechat_is_scanned(
    server: RunningServer, stall: Stall, new_page: NewPage, wechat: WechatGateway
) -> None:
    page = await buyer_page(server, new_page, "liming")
    order_id = await order_of(page, stall)
    _, checkout = await page.ask("POST", f"/api/orders/{order_id}/pay", {"provider": "wechat"})
    assert checkout["payment_url"].startswith("weixin://wxpay/")
    assert checkout["qr_url"].startswith("data:image/svg+xml")


async def test_alipay_hears_success_or_fail(
    server: RunningServer, stall: Stall, new_page: NewPage, alipay: AlipayGateway
) -> None:
    # given
    page = await buyer_page(server, new_page, "liming")
    order_id = await order_of(page, stall)
    _, checkout = await page.ask("POST", f"/api/orders/{order_id}/pay", {"provider": "alipay"}, headers=PHONE)
    trade = alipay.open(checkout["payment_url"])
    waits = await call_back(page, "alipay", alipay.callback(trade))
    alipay.pay(trade.number)

    # when
    forged = await call_back(page, "alipay", alipay.callback(trade, key=rsa_key("a stranger")))
    elsewhere = await call_back(page, "alipay", alipay.callback(trade, app_id="2021000000000002"))
    unpaid = (await page.ask("GET", f"/api/orders/{order_id}"))[1]["state"]
    genuine = await call_back(page, "alipay", alipay.callback(trade))

    # then
    assert (waits, forged, elsewhere, unpaid, genuine) == (
        (200, "success"),
        (403, "fail"),
        (403, "fail"),
        "held",
        (200, "success"),
    )
    assert (await page.ask("GET", f"/api/orders/{order_id}"))[1]["state"] == "paid"
    refused = [one["code"] async for one in server.services.database["refused_callbacks"].find()]
    assert refused == ["bad_signature", "wrong_merchant"]


async def test_wechat_hears_why_it_was_not_believed(
    server: RunningServer, stall: Stall, new_page: NewPage, wechat: WechatGateway
) -> None:
    # given
    page = await buyer_page(server, new_page, "liming")
    order_id = await order_of(page, stall)
    await page.ask("POST", f"/api/orders/{order_id}/pay", {"provider": "wechat"}, headers=PHONE)
    (trade,) = wechat.trades.values()
    wechat.pay(trade.number)
    signature, _ = wechat.callback(trade)
    huge = signature, base64.b64encode(b"x" * 20_000)

    # when
    told = [
        await call_back(page, "wechat", callback)
        for callback in (({}, b""), wechat.callback(trade, mchid="1900000002"), huge)
    ]

    # then
    assert [status for status, _ in told] == [403, 403, 413]
    assert all('"code": "FAIL"' in text for _, text in told)
    assert (await page.ask("GET", f"/api/orders/{order_id}"))[1]["state"] == "held"


async def test_a_cancelled_order_is_closed_at_its_provider_within_seconds(
    server: RunningServer, stall: Stall, new_page: NewPage, wechat: WechatGateway
) -> None:
    page = await buyer_page(server, new_page, "liming")
    order_id = await order_of(page, stall)
    await page.ask("POST", f"/api/orders/{order_id}/pay", {"provider": "wechat"}, headers=PHONE)
    (trade,) = wechat.trades.values()
    await page.ask("POST", f"/api/orders/{order_id}/cancel")
    async with asyncio.timeout(10):
        while trade.state != "closed":  # noqa: ASYNC110 -- the gateway has no event to wait for
            await asyncio.sleep(0.05)


async def test_a_way_of_which_nobody_has_heard_is_refused(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    page = await buyer_page(server, new_page, "liming")
    order_id = await order_of(page, stall)

    async def code(body: Any) -> tuple[int, str]:
        status, told = await page.ask("POST", f"/api/orders/{order_id}/pay", body)
        return status, told["code"]

    assert await code({"provider": "paypal"}) == (400, "bad_request")
    assert await code({"provider": 7}) == (400, "bad_request")
    assert await code({"providr": "wechat"}) == (400, "bad_request")
    assert (await call_back(page, "paypal", ({}, b"")))[0] == 404


async def test_an_order_in_the_room_with_coupon_and_address_is_paid_in_the_way_that_was_chosen(
    server: RunningServer, stall: Stall, new_page: NewPage, wechat: WechatGateway, alipay: AlipayGateway
) -> None:
    # given: a sale in a live room, a buyer with a coupon of this room and a saved address
    await live(server, stall)
    host = await host_page(new_page)
    await host.connect()
    assert (await host.say("join", slug="zhang"))["ok"]
    page = await buyer_page(server, new_page, "liming")
    sale = await open_sale(host, stall)
    drop = (await host.say("drop_coupons", **{**TERMS, "min_total_fen": 900}))["data"]["drop"]
    coupon = (await page.say("take_coupon", drop_id=drop["id"]))["data"]["coupon"]
    home = {"name": "李明", "phone": "13800138000", "address": "岳阳市华容县章华镇迎宾路8号"}
    _, saved = await page.ask("POST", "/api/addresses", home)

    # when he orders over the socket, looks at WeChat first and then takes Alipay
    ack = await page.say(
        "order",
        lines=[{"sale_id": sale["id"], "quantity": 1}],
        request_id="tap-1",
        coupon_id=coupon["id"],
        address_id=saved["items"][0]["id"],
    )
    assert ack["ok"], ack
    order = ack["data"]["order"]
    for way in ("wechat", "alipay"):
        status, checkout = await page.ask("POST", f"/api/orders/{order['id']}/pay", {"provider": way}, headers=PHONE)
        assert status == 200, checkout
    alipay.open(checkout["payment_url"])
    (trade,) = alipay.trades.values()
    alipay.pay(trade.number)
    told = await call_back(page, "alipay", alipay.callback(trade))

    # then he hears of it, the price is what the coupon left, the other trade is closed, and the host may send it
    assert told == (200, "success")
    paid = (await page.hear("order"))["order"]
    assert (paid["state"], paid["total_fen"]) == ("paid", 990 - TERMS["value_fen"])
    assert trade.total_fen == paid["total_fen"]
    assert [one.state for one in wechat.trades.values()] == ["closed"]
    assert {name: paid["delivery"][name] for name in home} == home
    parcel = {"carrier": "顺丰", "number": "SF1001"}
    status, sent = await host.ask("POST", f"/api/my/room/orders/{order['id']}/ship", parcel)
    assert (status, sent["state"]) == (200, "shipped")
    assert (await page.hear("order"))["order"]["shipment"] == parcel
    _, mine = await page.ask("POST", f"/api/orders/{order['id']}/receive")
    assert [(step["state"], step["by"]) for step in mine["history"]] == [
        ("held", "buyer"),
        ("paid", "provider"),
        ("shipped", "merchant"),
        ("received", "buyer"),
    ]
