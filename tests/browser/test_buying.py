"""A buyer's way: an address once, then an order with a coupon in one tap, payment, the parcel, the receipt."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from server.ids import new_id
from tests.browser.conftest import OpenPage
from tests.browser.test_journey import sign_in, wait_until
from tests.harness.platform import HOST, ROOM, VIEWER, Platform

pytestmark = pytest.mark.processes("server")


def give_coupon(platform: Platform, name: str) -> None:
    """5 yuan off orders of 50, as if taken in the room (`test_talk.py` takes one)."""
    database, now = platform.database, datetime.now(UTC)
    user, product = database["users"].find_one({"name": name}), database["products"].find_one()
    assert user is not None
    assert product is not None
    database["coupons"].insert_one(
        {
            "_id": new_id(),
            "drop_id": new_id(),
            "user_id": user["_id"],
            "merchant_id": product["merchant_id"],
            "room_slug": ROOM,
            "host_name": "张红",
            "value_fen": 500,
            "min_total_fen": 5000,
            "valid_until": now + timedelta(days=7),
            "taken_at": now,
            "state": "ready",
            "order_id": None,
        }
    )


def write_address(page: Page) -> None:
    """The first one, with a mistake that is told before it is sent."""
    page.get_by_test_id("address-new").click()
    form = page.get_by_test_id("address-form")
    form.get_by_label("收货人").fill("李明")
    form.get_by_label("手机号").fill("138")
    form.get_by_label("详细地址").fill("华容县章华镇迎宾路8号")
    form.get_by_test_id("address-save").click()
    expect(form).to_contain_text("请写 11 位手机号")
    form.get_by_label("手机号").fill("138 0013 8000")
    form.get_by_test_id("address-save").click()
    expect(page.get_by_test_id("address")).to_contain_text("默认")


def test_an_order_with_coupon_and_saved_address_is_paid_shipped_and_received(
    platform: Platform, open_page: OpenPage
) -> None:
    # A buyer writes down his address, once.
    give_coupon(platform, VIEWER)
    buyer, host = open_page(), open_page()
    sign_in(buyer, VIEWER, "/addresses")
    write_address(buyer)

    # In the room he takes two boxes: the coupon fits then, and is applied by itself.
    buyer.goto(f"/r/{ROOM}")
    buyer.get_by_test_id("open-shelf").click()
    buyer.get_by_test_id("shelf-item").filter(has_text="冰糖橙").get_by_test_id("shelf-buy").click()
    sheet = buyer.get_by_test_id("buy-sheet")
    expect(sheet).to_contain_text("再买 10.10 元，可用 5 元券")
    buyer.get_by_test_id("buy-quantity-more").click()
    expect(buyer.get_by_test_id("buy-coupon")).to_contain_text("减 5 元")
    expect(buyer.get_by_test_id("buy-total")).to_contain_text("74.80")
    expect(sheet.get_by_test_id("address-line")).to_contain_text("迎宾路8号")
    buyer.get_by_test_id("buy-submit").click()

    # It is held, with coupon and address; he pays.
    hold = buyer.get_by_test_id("hold-sheet")
    expect(buyer.get_by_test_id("hold-total")).to_contain_text("74.80")
    expect(hold.get_by_test_id("address-line")).to_contain_text("李明")
    buyer.get_by_test_id("pay").click()
    buyer.wait_for_url("**/sandbox/payments/**")
    buyer.get_by_role("button", name="付款").click()
    buyer.wait_for_url(re.compile(r"/orders/"))
    expect(buyer.get_by_role("heading", name="付款成功")).to_be_visible()
    order_page = buyer.url.split("?")[0]
    buyer.goto("/coupons")
    expect(buyer.get_by_test_id("my-coupon")).to_have_attribute("data-state", "used")

    # The host sees what is to be shipped, and sends it.
    sign_in(host, HOST, "/studio/orders")
    sold = host.get_by_test_id("sold-order")
    expect(sold).to_contain_text("李明 138 0013 8000")
    sold.get_by_test_id("ship").click()
    form = host.get_by_test_id("ship-form")
    form.get_by_label("快递公司").fill("顺丰")
    form.get_by_label("快递单号").fill("SF1390022846571")
    form.get_by_test_id("ship-yes").click()
    expect(sold).to_have_count(0)
    host.get_by_test_id("filter-onTheWay").click()
    expect(sold).to_contain_text("SF1390022846571")

    # The buyer sees the parcel, and says that he has it.
    buyer.goto(order_page)
    expect(buyer.get_by_test_id("parcel")).to_contain_text("顺丰 SF1390022846571")
    buyer.get_by_test_id("receive").click()
    buyer.get_by_test_id("ask-yes").click()
    expect(buyer.get_by_role("heading", name="货收到了", exact=True)).to_be_visible()
    wait_until(lambda: platform.database["orders"].count_documents({"state": "received"}) == 1, "it is received")
