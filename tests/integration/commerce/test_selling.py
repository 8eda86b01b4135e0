"""Goods and money through a running server: shelf, sale, five buyers, the till, the callback over HTTP."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

from PIL import Image

from config.settings import ServerSettings
from server.accounts.model import User
from server.errors import TooManyRequests
from server.infra.searching import GUESTS_SEARCHING, SEARCHING
from server.payments.sandbox.provider import SIGNATURE_HEADER, sign
from tests.harness.app import WAIT_SECONDS, Json, Page, RunningServer
from tests.integration.server.conftest import PASSWORD, Stall
from tests.integration.server.test_room import go_live

NewPage = Callable[[], Page]
SALE = {"price_fen": 990, "quantity": 3, "per_buyer": 1, "duration_seconds": 600}


async def until(look: Callable[[], Awaitable[Any]], seconds: float = WAIT_SECONDS) -> Any:
    """What `look` answers as soon as it answers something."""
    async with asyncio.timeout(seconds):
        while not (seen := await look()):  # noqa: ASYNC110 -- the server has no event to wait for
            await asyncio.sleep(0.05)
        return seen


async def live(server: RunningServer, stall: Stall) -> None:
    """The host is on the air."""
    stream_id = await go_live(server, stall)

    async def is_live() -> bool:
        return (await server.services.streams.get(stream_id)).state == "live"

    await until(is_live)


async def host_page(new_page: NewPage) -> Page:
    page = new_page()
    await page.sign_in("zhanghong", PASSWORD)
    return page


async def buyer_page(server: RunningServer, new_page: NewPage, name: str) -> Page:
    await server.services.accounts.register(name, PASSWORD, name, None)
    page = new_page()
    await page.sign_in(name, PASSWORD)
    await page.connect()
    assert (await page.say("join", slug="zhang"))["ok"]
    return page


async def open_sale(page: Page, stall: Stall, **changes: int) -> Json:
    status, sale = await page.ask("POST", "/api/my/room/sales", {"product_id": stall.product.id, **SALE, **changes})
    assert status == 201, sale
    return sale


async def test_five_buyers_press_at_once_three_get_a_hold_and_one_pays(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    await live(server, stall)
    host = await host_page(new_page)
    buyers = [await buyer_page(server, new_page, f"buyer{n}") for n in range(5)]
    sale = await open_sale(host, stall)
    assert (await buyers[0].hear("sale"))["sale"]["available"] == 3
    late = new_page()
    await late.connect()
    assert (await late.say("join", slug="zhang"))["data"]["sale"]["id"] == sale["id"]

    # when
    acks = await asyncio.gather(
        *(page.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id="tap-1") for page in buyers)
    )

    # then
    held = [(page, ack["data"]["order"]) for page, ack in zip(buyers, acks, strict=True) if ack["ok"]]
    assert len(held) == 3
    assert {ack["error"] for ack in acks if not ack["ok"]} == {"sold_out"}
    assert (await late.hear("sale"))["sale"]["held"] == 3

    # when: one of them pays at the till, as his browser would
    page, order = held[0]
    _, body = await page.ask("POST", f"/api/orders/{order['id']}/pay")
    async with page.http.get(body["payment_url"]) as response:
        assert "沙箱，不会扣真钱" in await response.text()
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    async with page.http.post(f"{body['payment_url']}/pay", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, f"/orders/{order['id']}?paid=1")

    # then
    assert (await page.hear("order"))["order"]["state"] == "paid"
    _, sale_now = await host.ask("GET", f"/api/sales/{sale['id']}")
    counts = [sale_now[pot] for pot in ("quantity", "available", "held", "sold", "returned")]
    assert counts == [3, 0, 2, 1, 0]
    _, mine = await page.ask("GET", "/api/orders")
    assert [line["state"] for line in mine["items"][0]["history"]] == ["held", "paid"]
    _, sold = await host.ask("GET", "/api/my/room/orders")
    assert len(sold["items"]) == 3


async def test_a_hold_that_is_not_paid_in_time_goes_back_by_itself(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    await live(server, stall)
    host = await host_page(new_page)
    buyer = await buyer_page(server, new_page, "liming")
    sale = await open_sale(host, stall, quantity=1, hold_seconds=1)

    # when
    assert (await buyer.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id="tap-1"))["ok"]

    # then
    assert (await buyer.hear("order"))["order"]["state"] == "expired"
    assert (await host.ask("GET", f"/api/sales/{sale['id']}"))[1]["available"] == 1
    assert (await buyer.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id="tap-2"))["ok"]


async def test_the_page_that_orders_is_answered_and_the_buyers_other_page_is_told(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    await live(server, stall)
    host = await host_page(new_page)
    phone = await buyer_page(server, new_page, "liming")
    laptop = new_page()
    await laptop.sign_in("liming", PASSWORD)
    await laptop.connect()
    sale = await open_sale(host, stall)

    # when
    ack = await phone.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id="tap-1")

    # then
    assert (await laptop.hear("order"))["order"] == ack["data"]["order"]
    assert phone.heard["order"].empty()


async def test_a_callback_that_does_not_arrive_is_sent_again(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given: an order at the normal price, and a till whose first callback goes nowhere
    buyer = await buyer_page(server, new_page, "liming")
    wish = {"lines": [{"product_id": stall.product.id, "quantity": 2}], "request_id": "r1"}
    _, order = await buyer.ask("POST", "/api/orders", wish)
    _, body = await buyer.ask("POST", f"/api/orders/{order['id']}/pay")
    till = server.services.commerce.till
    assert till is not None

    # when
    await till.pay(body["payment_url"].rsplit("/", 1)[-1], f"{server.url}/nowhere")
    unpaid = (await buyer.ask("GET", f"/api/orders/{order['id']}"))[1]["state"]
    bills = server.services.database["sandbox_bills"]
    await bills.update_many({}, {"$set": {"callback_url": f"{server.url}/api/payments/sandbox/callback"}})

    # then
    async def paid() -> bool:
        return bool((await buyer.ask("GET", f"/api/orders/{order['id']}"))[1]["state"] == "paid")

    assert unpaid == "held"
    await until(paid)
    assert (await buyer.ask("GET", f"/api/products/{stall.product.id}"))[1]["stock"] == 98


async def test_callbacks_of_strangers_are_refused_with_a_code(
    server: RunningServer,
    stall: Stall,
    new_page: NewPage,
    load_settings: Callable[[type[ServerSettings]], ServerSettings],
) -> None:
    secret = load_settings(ServerSettings).payment_sandbox_secret
    assert secret is not None
    page = new_page()
    body = json.dumps({"event": "paid", "payment_id": "x", "amount_fen": 1, "reference": "R"}).encode()
    genuine = sign(secret.get_secret_value(), body, server.services.clock.now())

    async def send(data: bytes, signature: str) -> tuple[int, str]:
        headers = {SIGNATURE_HEADER: signature}
        async with page.http.post("/api/payments/sandbox/callback", data=data, headers=headers) as response:
            return response.status, (await response.json(content_type=None))["code"]

    assert await send(body, "t=1,v1=00") == (403, "bad_signature")
    assert await send(body, genuine) == (404, "unknown_payment")
    assert await send(b"x" * 20_000, genuine) == (413, "body_too_large")


async def test_another_site_cannot_press_the_tills_button(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    page = new_page()
    async with page.http.post("/sandbox/payments/x/pay", headers={"Sec-Fetch-Site": "cross-site"}) as response:
        assert response.status == 403
    async with page.http.get("/sandbox/payments/x") as response:
        assert response.status == 404
        assert "没有这笔付款" in await response.text()


async def test_orders_belong_to_their_buyer(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    # given
    buyer = await buyer_page(server, new_page, "liming")
    other = await buyer_page(server, new_page, "wangwu")
    wish = {"lines": [{"product_id": stall.product.id, "quantity": 1}], "request_id": "r1"}
    _, order = await buyer.ask("POST", "/api/orders", wish)

    # when, then
    for method, path in (("GET", ""), ("POST", "/pay"), ("POST", "/cancel")):
        assert (await other.ask(method, f"/api/orders/{order['id']}{path}"))[0] == 404
        assert (await new_page().ask(method, f"/api/orders/{order['id']}{path}"))[0] == 401
    assert (await buyer.ask("POST", "/api/orders", wish))[1]["id"] == order["id"]
    assert (await buyer.ask("POST", f"/api/orders/{order['id']}/cancel"))[1]["state"] == "cancelled"
    status, body = await buyer.ask("POST", f"/api/orders/{order['id']}/pay")
    assert (status, body["code"]) == (409, "step_not_allowed")


async def test_impossible_quantities_are_refused(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    buyer = await buyer_page(server, new_page, "liming")
    for quantity in (0, -1, 1.5, True, "1", 10**30, None):
        wish = {"lines": [{"product_id": stall.product.id, "quantity": quantity}], "request_id": "r1"}
        status, body = await buyer.ask("POST", "/api/orders", wish)
        assert (status, body["code"]) == (400, "bad_request")
        ack = await buyer.say("order", lines=[{"sale_id": "s", "quantity": quantity}], request_id="r")
        assert ack["error"] == "bad_request"


async def test_a_sale_needs_a_broadcast_and_a_host(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    terms = {"product_id": stall.product.id, **SALE}
    assert (await host.ask("POST", "/api/my/room/sales", terms))[1]["code"] == "not_live"
    assert (await buyer.ask("POST", "/api/my/room/sales", terms))[1]["code"] == "not_allowed"
    ack = await buyer.say("order", lines=[{"sale_id": "none", "quantity": 1}], request_id="r")
    assert ack["error"] == "not_found"


async def test_a_host_fills_his_shelf_with_pictures_and_prices(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    host = await host_page(new_page)
    raw = io.BytesIO()
    Image.new("RGB", (2000, 1000), "orange").save(raw, "JPEG")

    # when
    async with host.http.post("/api/pictures", data=raw.getvalue()) as response:
        assert response.status == 201
        picture_url = (await response.json())["picture_url"]
    product = {"name": "洞庭莲子", "description": "新货", "price_fen": 2990, "unit": "500克", "stock": 7}
    status, made = await host.ask("POST", "/api/my/products", {**product, "picture_url": picture_url})

    # then
    assert (status, made["stock"], made["merchant_name"]) == (201, 7, "华容果业合作社")
    async with host.http.get(picture_url) as response:
        assert response.content_type == "image/webp"
        with Image.open(io.BytesIO(await response.read())) as small:
            assert small.size == (1280, 640)
    assert [p["id"] for p in (await host.ask("GET", "/api/products?q=莲子"))[1]["items"]] == [made["id"]]
    assert len((await host.ask("GET", "/api/my/products"))[1]["items"]) == 2

    # when: he edits it after somebody has bought
    path = f"/api/my/products/{made['id']}"
    assert (await host.ask("PATCH", path, {"price_fen": 2590}))[1]["price_fen"] == 2590
    assert (await host.ask("PATCH", path, {"stock": 20, "stock_was": 8}))[1]["code"] == "conflict"
    assert (await host.ask("PATCH", path, {"stock": 20, "stock_was": 7}))[1]["stock"] == 20


async def test_what_is_no_picture_is_refused(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    host = await host_page(new_page)
    async with host.http.post("/api/pictures", data=b"not a picture") as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (415, "not_a_picture")


async def test_a_server_takes_orders_strictly_as_they_come(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given: ten pieces
    await live(server, stall)
    sale = await open_sale(await host_page(new_page), stall, quantity=10, per_buyer=10)
    buyer = await buyer_page(server, new_page, "liming")

    # when: twenty orders come one right after another, as many as one may send at once
    answers = await asyncio.gather(
        *(
            buyer.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id=f"r{number:02}")
            for number in range(20)
        )
    )

    # then: the first ten have them
    assert [answer["ok"] for answer in answers] == [True] * 10 + [False] * 10
    assert {answer["error"] for answer in answers[10:]} == {"limit_reached"}


async def test_an_order_needs_no_room_but_a_sale_that_there_is(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given: somebody who is signed in and has joined no room
    await live(server, stall)
    sale = await open_sale(await host_page(new_page), stall)
    buyer = await buyer_page(server, new_page, "liming")
    await buyer.say("leave")

    # then
    assert (await buyer.say("order", lines=[{"sale_id": "nowhere", "quantity": 1}], request_id="r1"))[
        "error"
    ] == "not_found"
    assert (await buyer.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id="r1"))["ok"]


async def test_guests_of_one_address_and_each_person_search_goods_so_often_and_look_around_freely(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    catalog = server.services.catalog
    most_of_guests, most = (int(limit.partition("/")[0]) for limit in (GUESTS_SEARCHING, SEARCHING))

    async def is_refused(query: str, user: User | None) -> bool:
        try:
            await catalog.search(None, query, user, "203.0.113.9")
        except TooManyRequests:
            return True
        return False

    # when
    guests = [await is_refused("橙", None) for _ in range(most_of_guests + 1)]
    person = [await is_refused("橙", stall.host) for _ in range(most + 1)]

    # then: the last one each; merchants are counted with goods, and who has no words is not counted
    assert (sum(guests), guests[-1]) == (1, True)
    assert (sum(person), person[-1]) == (1, True)
    assert not await is_refused("", None)
    host = await host_page(new_page)
    assert (await host.ask("GET", "/api/merchants?q=华容"))[1]["code"] == "too_many_requests"
    assert (await host.ask("GET", "/api/products"))[0] == 200
