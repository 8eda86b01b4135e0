"""Ordering over HTTP and Socket.IO: several lines, a coupon of the room, a saved address; and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.harness.app import Json, Page, RunningServer
from tests.integration.commerce.test_selling import (
    NewPage,
    buyer_page,
    host_page,
    live,
    open_sale,
    until,
)
from tests.integration.server.conftest import PASSWORD, Stall

HOME = {"name": "李明", "phone": "138 0013 8000", "address": "岳阳市华容县章华镇迎宾路8号"}
KEPT = {**HOME, "phone": "13800138000"}


def lines(*wishes: tuple[str, str, Any]) -> list[Json]:
    return [{f"{kind}_id": source, "quantity": quantity} for kind, source, quantity in wishes]


async def order_over(transport: str, page: Page, fields: Json) -> tuple[str, Json]:
    """`ok` and the order, or the code and nothing."""
    if transport == "http":
        status, body = await page.ask("POST", "/api/orders", fields)
        return ("ok", body) if status == 201 else (body["code"], {})
    ack = await page.say("order", **fields)
    return ("ok", ack["data"]["order"]) if ack["ok"] else (ack["error"], {})


async def pay(page: Page, order: Json) -> None:
    _, body = await page.ask("POST", f"/api/orders/{order['id']}/pay")
    async with page.http.post(f"{body['payment_url']}/pay", allow_redirects=False) as response:
        assert response.status == 303


async def paid_order(buyer: Page, stall: Stall, invoice_note: str = "") -> Json:
    """One piece from the shelf, paid, and it is known where it goes."""
    fields = {"lines": lines(("product", stall.product.id, 1)), "request_id": "r1"}
    _, order = await buyer.ask("POST", "/api/orders", fields)
    await pay(buyer, order)
    await buyer.ask("PUT", f"/api/orders/{order['id']}/delivery", {**HOME, "invoice_note": invoice_note})
    return order


async def drop_and_take(host: Page, buyer: Page) -> Json:
    """The host drops coupons into his room, and the buyer takes one."""
    await host.connect()
    await host.say("join", slug="zhang")
    terms = {"value_fen": 500, "min_total_fen": 3000, "quota": 3}
    drop = (await host.say("drop_coupons", **terms))["data"]["drop"]
    coupon: Json = (await buyer.say("take_coupon", drop_id=drop["id"]))["data"]["coupon"]
    return coupon


async def add_tea(host: Page) -> Json:
    tea = {"name": "君山银针", "description": "", "price_fen": 5000, "unit": "罐", "stock": 5}
    _, made = await host.ask("POST", "/api/my/products", tea)
    return made


@pytest.mark.parametrize("transport", ["http", "socket"])
async def test_a_coupon_of_the_room_and_a_saved_address_are_in_the_order_in_one_tap(
    server: RunningServer, stall: Stall, new_page: NewPage, transport: str
) -> None:
    # given
    await live(server, stall)
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    sale, tea = await open_sale(host, stall, price_fen=1990), await add_tea(host)
    coupon = await drop_and_take(host, buyer)
    _, mine = await buyer.ask("POST", "/api/addresses", HOME)
    (address,) = mine["items"]

    # when
    fields = {
        "lines": lines(("sale", sale["id"], 1), ("product", tea["id"], 1), ("product", tea["id"], 1)),
        "request_id": "tap-1",
        "coupon_id": coupon["id"],
        "address_id": address["id"],
    }
    code, order = await order_over(transport, buyer, fields)

    # then
    assert code == "ok"
    assert [(one["sale_id"], one["quantity"], one["price_fen"]) for one in order["lines"]] == [
        (None, 2, 5000),
        (sale["id"], 1, 1990),
    ]
    assert (order["discount_fen"], order["total_fen"], order["coupon_id"]) == (500, 11_490, coupon["id"])
    assert order["delivery"] == {**KEPT, "invoice_note": ""}
    assert await order_over(transport, buyer, fields) == ("ok", order)
    _, coupons = await buyer.ask("GET", "/api/coupons")
    assert [(one["state"], one["order_id"]) for one in coupons["items"]] == [("used", order["id"])]

    # when: the address is changed, the order is not; its merchant sees it once the order is paid
    await buyer.ask("PUT", f"/api/addresses/{address['id']}", {**HOME, "name": "李大明"})
    _, sold = await host.ask("GET", "/api/my/room/orders")
    assert sold["items"][0]["delivery"] is None
    await pay(buyer, order)
    while (told := (await buyer.hear("order"))["order"])["state"] != "paid":
        pass
    assert told["delivery"]["name"] == "李明"
    _, sold = await host.ask("GET", f"/api/my/room/orders/{order['id']}")
    assert sold["delivery"]["name"] == "李明"


@pytest.mark.parametrize("transport", ["http", "socket"])
async def test_what_cannot_be_ordered_is_refused_with_a_code_of_its_own(
    server: RunningServer, stall: Stall, new_page: NewPage, transport: str
) -> None:
    # given: another merchant's product, another buyer's coupon and address, a sale that is over
    await live(server, stall)
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    other = await buyer_page(server, new_page, "wangwu")
    coupon = await drop_and_take(host, other)
    _, books = await other.ask("POST", "/api/addresses", HOME)
    catalog = server.services.catalog
    merchant = await catalog.add_merchant("别家", "")
    melon = await catalog.add_product(merchant.id, name="瓜", description="", price_fen=100, unit="个", stock=9)
    closed = await open_sale(host, stall)
    await host.ask("POST", f"/api/sales/{closed['id']}/close")
    sale = await open_sale(host, stall, quantity=2, per_buyer=1)
    one, product = ("product", stall.product.id, 1), stall.product.id
    wrong: list[tuple[str, Json]] = [
        ("bad_request", {"lines": []}),
        ("bad_request", {"lines": lines(*[one] * 21)}),
        ("bad_request", {"lines": None}),
        ("bad_request", {"lines": [{"quantity": 1}]}),
        ("bad_request", {"lines": [{"sale_id": sale["id"], "product_id": product, "quantity": 1}]}),
        ("bad_request", {"lines": [{**lines(one)[0], "price_fen": 1}]}),
        ("bad_request", {"lines": lines(one), "request_id": "no spaces"}),
        ("bad_request", {"lines": lines(one), "total_fen": 1}),
        *[
            ("bad_request", {"lines": lines(("product", product, quantity))})
            for quantity in (0, -1, 1.5, True, "1", 10**30, None, 1_000_001)
        ],
        ("out_of_stock", {"lines": lines(("product", product, 1_000_000))}),
        ("bad_request", {"lines": lines(("product", product, 1_000_000), one)}),
        ("not_found", {"lines": lines(("sale", "none", 1))}),
        ("not_found", {"lines": lines(one, ("product", "none", 1))}),
        ("not_found", {"lines": lines(("sale", product, 1))}),
        ("several_merchants", {"lines": lines(one, ("product", melon.id, 1))}),
        ("sale_closed", {"lines": lines(("sale", closed["id"], 1), one)}),
        ("limit_reached", {"lines": lines(("sale", sale["id"], 1), ("sale", sale["id"], 1))}),
        ("unknown_coupon", {"lines": lines(one), "coupon_id": coupon["id"]}),
        ("unknown_coupon", {"lines": lines(one), "coupon_id": "none"}),
        ("unknown_address", {"lines": lines(one), "address_id": books["items"][0]["id"]}),
        ("unknown_address", {"lines": lines(one), "address_id": "none"}),
    ]

    # when, then
    for code, fields in wrong:
        answer, _ = await order_over(transport, buyer, {"request_id": "r1", **fields})
        assert answer == code, fields
    small = {"lines": lines(("product", melon.id, 1)), "request_id": "r1", "coupon_id": coupon["id"]}
    assert (await order_over(transport, other, small))[0] == "coupon_not_usable"
    assert await server.services.database["orders"].count_documents({}) == 0
    assert (await buyer.ask("GET", f"/api/products/{product}"))[1]["stock"] == 98
    stranger = new_page()
    await stranger.connect()
    assert (await order_over(transport, stranger, {"lines": lines(one), "request_id": "r"}))[0] == "sign_in_required"


async def test_anothers_order_is_no_order(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    # given
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    other = await buyer_page(server, new_page, "wangwu")
    fields = {"lines": lines(("product", stall.product.id, 1)), "request_id": "r1"}
    _, order = await buyer.ask("POST", "/api/orders", fields)

    # when, then
    path = f"/api/orders/{order['id']}"
    for method, of_order, body in (
        ("GET", "", None),
        ("POST", "/pay", None),
        ("POST", "/cancel", None),
        ("POST", "/receive", None),
        ("POST", "/refund", None),
        ("PUT", "/delivery", HOME),
    ):
        for page in (other, host):
            assert (await page.ask(method, f"{path}{of_order}", body))[1]["code"] == "not_found"
    parcel = {"carrier": "顺丰", "number": "SF1001"}
    ship = f"/api/my/room/orders/{order['id']}/ship"
    assert (await buyer.ask("POST", ship, parcel))[0] == 403
    assert (await host.ask("POST", ship, parcel))[1]["code"] == "step_not_allowed"
    assert (await host.ask("GET", "/api/my/room/orders/none"))[0] == 404


async def test_lists_are_filtered_by_state_and_come_in_pages(
    server: RunningServer, stall: Stall, new_page: NewPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given five orders, of which one is paid and one cancelled; two to a page
    monkeypatch.setattr("server.orders.service.ORDERS_LISTED", 2)
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    made = []
    for number in range(5):
        fields = {"lines": lines(("product", stall.product.id, 1)), "request_id": f"r{number}"}
        made.append((await buyer.ask("POST", "/api/orders", fields))[1])
    await pay(buyer, made[1])
    await buyer.ask("POST", f"/api/orders/{made[3]['id']}/cancel")
    newest_first = [order["id"] for order in reversed(made)]

    # when, then
    for page, path in ((buyer, "/api/orders"), (host, "/api/my/room/orders")):

        async def ids(query: str, page: Page = page, path: str = path) -> list[str]:
            status, body = await page.ask("GET", f"{path}{query}")
            assert status == 200
            return [order["id"] for order in body["items"]]

        first = await ids("")
        second = await ids(f"?before={first[-1]}")
        third = await ids(f"?before={second[-1]}")
        assert [*first, *second, *third] == newest_first
        assert await ids("?state=paid") == [made[1]["id"]]
        assert await ids("?state=paid,cancelled") == [made[3]["id"], made[1]["id"]]
        assert await ids(f"?state=held&before={made[2]['id']}") == [made[0]["id"]]
        assert (await page.ask("GET", f"{path}?state=nonsense"))[1]["code"] == "bad_request"


async def test_addresses_belong_to_their_owner(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    # given
    buyer, other = await buyer_page(server, new_page, "liming"), await buyer_page(server, new_page, "wangwu")
    work = {"name": "李明", "phone": "13800138000", "address": "岳阳楼区南湖大道1号", "is_default": True}
    assert (await buyer.ask("POST", "/api/addresses", HOME))[0] == 201

    # when
    status, books = await buyer.ask("POST", "/api/addresses", work)

    # then: the default is first
    assert status == 201
    assert [(one["address"], one["is_default"]) for one in books["items"]] == [
        (work["address"], True),
        (HOME["address"], False),
    ]
    home = books["items"][1]["id"]
    assert (await other.ask("GET", "/api/addresses"))[1] == {"items": []}
    assert (await other.ask("PUT", f"/api/addresses/{home}", HOME))[1]["code"] == "unknown_address"
    assert (await other.ask("DELETE", f"/api/addresses/{home}"))[1]["code"] == "unknown_address"
    assert (await new_page().ask("GET", "/api/addresses"))[1]["code"] == "sign_in_required"
    for wrong in ({"phone": "12"}, {"name": ""}, {"address": "村"}, {"is_default": 1}, {"more": 1}):
        assert (await buyer.ask("POST", "/api/addresses", {**HOME, **wrong}))[1]["code"] == "bad_request"
    _, changed = await buyer.ask("PUT", f"/api/addresses/{home}", {**HOME, "name": "王五", "is_default": True})
    assert [one["name"] for one in changed["items"]] == ["王五", "李明"]
    _, left = await buyer.ask("DELETE", f"/api/addresses/{home}")
    assert [(one["name"], one["is_default"]) for one in left["items"]] == [("李明", True)]
    for _ in range(19):
        await buyer.ask("POST", "/api/addresses", HOME)
    assert (await buyer.ask("POST", "/api/addresses", HOME))[1]["code"] == "too_many_addresses"


async def test_a_shipped_order_is_received_by_itself_and_its_buyer_hears_of_it(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    order = await paid_order(buyer, stall, "单位：华容小学")
    parcel = {"carrier": "顺丰", "number": "SF1001"}
    status, shipped = await host.ask("POST", f"/api/my/room/orders/{order['id']}/ship", parcel)
    assert (status, shipped["shipment"], shipped["receive_at"] is None) == (200, parcel, False)

    # when
    past = server.services.clock.now() - timedelta(seconds=1)
    await server.services.database["orders"].update_one({"_id": order["id"]}, {"$set": {"receive_at": past}})

    # then
    async def received() -> bool:
        return bool((await buyer.hear("order"))["order"]["state"] == "received")

    await until(received)


async def test_a_buyer_is_told_where_to_send_his_parcel_back(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given a shipped order that its buyer wants to send back
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    order = await paid_order(buyer, stall)
    sold, bought = f"/api/my/room/orders/{order['id']}", f"/api/orders/{order['id']}"
    await host.ask("POST", f"{sold}/ship", {"carrier": "顺丰", "number": "SF1001"})
    _, asked = await buyer.ask("POST", f"{bought}/return", {"reason": "坏了三个"})
    assert asked["sent_back"]["back_to"] is None

    # when
    depot = {"name": "张红", "phone": "13800138001", "address": "岳阳市华容县章华镇果园路1号"}
    assert (await host.ask("POST", f"{sold}/return/agree"))[1]["code"] == "bad_request"
    status, agreed = await host.ask("POST", f"{sold}/return/agree", depot)

    # then
    assert (status, agreed["state"], agreed["sent_back"]["back_to"]) == (200, "return_agreed", depot)
    assert (await buyer.ask("GET", bought))[1]["sent_back"]["back_to"] == depot
    _, sent = await buyer.ask("POST", f"{bought}/return/parcel", {"carrier": "顺丰", "number": "SF2002"})
    assert (sent["state"], sent["sent_back"]["back_to"]) == ("return_sent", depot)


async def test_the_same_press_on_two_pages_is_one_order_and_both_hear_of_it(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    phone = await buyer_page(server, new_page, "liming")
    laptop = new_page()
    await laptop.sign_in("liming", PASSWORD)
    await laptop.connect()
    fields = {"lines": lines(("product", stall.product.id, 1)), "request_id": "r1"}
    _, by_phone = await phone.ask("POST", "/api/orders", fields)
    _, by_laptop = await laptop.ask("POST", "/api/orders", fields)
    assert by_phone == by_laptop
    assert (await phone.hear("order"))["order"] == (await laptop.hear("order"))["order"] == by_phone
