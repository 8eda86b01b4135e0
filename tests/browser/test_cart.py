"""A cart: filled by a guest, joined when he signs in, seen on another device, ordered with coupon and invoice."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from server.wiring import open_services
from tests.browser.conftest import OpenPage
from tests.browser.test_buying import give_coupon, write_address
from tests.browser.test_journey import fill_sign_in, sign_in, wait_for_path, wait_until
from tests.harness.platform import HOST, ROOM, VIEWER, Platform, settings_of

pytestmark = pytest.mark.processes("server")

NOTE = "华容县实验小学 12430623MB0X"


async def add_other_farm(platform: Platform) -> str:
    """Rice of another merchant, beside the oranges in the hall; answers the merchant's id."""
    async with open_services(settings_of(platform.environment), with_sockets=False) as services:
        merchant = await services.catalog.add_merchant("南县稻虾合作社", "")
        await services.catalog.add_product(
            merchant.id, name="稻虾米", description="新米", price_fen=6800, unit="10斤", stock=5, origin="南县"
        )
    booth = {"id": "booth-2", "merchant_id": merchant.id, "yaw": 60.0, "pitch": 0.0}
    platform.database["halls"].update_one({"_id": platform.hall_id}, {"$push": {"booths": booth}})
    return merchant.id


def put_in_cart(page: Page, pieces: int = 1) -> None:
    for _ in range(pieces - 1):
        page.get_by_test_id("buy-quantity-more").click()
    page.get_by_test_id("put-in-cart").click()
    expect(page.get_by_test_id("buy-sheet")).to_be_hidden()


def test_a_guests_cart_of_two_farmers_becomes_an_order_with_coupon_and_invoice(
    platform: Platform, open_page: OpenPage
) -> None:
    # given
    give_coupon(platform, VIEWER)
    with ThreadPoolExecutor(1) as thread:  # Playwright keeps an event loop of its own in this one
        thread.submit(asyncio.run, add_other_farm(platform)).result()
    phone, laptop, host = open_page(), open_page(), open_page()

    # A guest puts oranges in from the room, and rice from the hall; his page keeps both.
    phone.goto(f"/r/{ROOM}")
    phone.get_by_test_id("open-shelf").click()
    phone.get_by_test_id("shelf-item").filter(has_text="冰糖橙").get_by_test_id("shelf-buy").click()
    put_in_cart(phone, 2)
    expect(phone.get_by_test_id("open-cart")).to_be_visible()
    phone.goto(f"/halls/{platform.hall_id}")
    phone.get_by_role("button", name="列表").click()
    phone.get_by_role("button", name="买 稻虾米").click()
    put_in_cart(phone)
    phone.goto("/cart")
    expect(phone.get_by_test_id("cart-count")).to_have_text("2")
    expect(phone.get_by_test_id("cart-farm")).to_have_count(2)

    # Ordering needs an account; what he chose comes along, and is on his other device too.
    oranges = phone.get_by_test_id("cart-farm").filter(has_text="华容果业合作社")
    oranges.get_by_test_id("cart-order").click()
    fill_sign_in(phone, VIEWER)
    wait_for_path(phone, "/cart")
    expect(phone.get_by_test_id("cart-farm")).to_have_count(2)
    sign_in(laptop, VIEWER, "/addresses")
    write_address(laptop)
    laptop.goto("/cart")
    expect(laptop.get_by_test_id("cart-farm")).to_have_count(2)

    # Meanwhile the rice is sold out and the oranges are dearer: the page says so.
    platform.database["products"].update_one({"name": "稻虾米"}, {"$set": {"stock": 0}})
    platform.database["products"].update_one({"name": "冰糖橙"}, {"$set": {"price_fen": 4200}})
    phone.reload()
    rice = phone.get_by_test_id("cart-farm").filter(has_text="稻虾米")
    expect(rice.get_by_test_id("cart-note")).to_have_text("卖完了")
    expect(rice.get_by_test_id("cart-order")).to_be_disabled()
    expect(oranges.get_by_test_id("cart-note")).to_have_text("比放进来时贵了 2.10 元")
    oranges.get_by_test_id("cart-quantity-more").click()
    expect(oranges.get_by_test_id("cart-sum")).to_contain_text("126")

    # One order for the farmer: the coupon fits by itself, the address is known, an invoice is wanted.
    oranges.get_by_test_id("cart-order").click()
    sheet = phone.get_by_test_id("cart-sheet")
    expect(phone.get_by_test_id("cart-total")).to_contain_text("121")
    sheet.get_by_test_id("invoice-line").click()
    sheet.get_by_label("发票抬头和税号").fill(NOTE)
    phone.get_by_test_id("cart-submit").click()
    phone.wait_for_url(re.compile(r"/orders/"))
    expect(phone.get_by_test_id("order-total")).to_contain_text("121")
    expect(phone.get_by_test_id("invoice-line")).to_contain_text(NOTE)
    phone.get_by_role("button", name=re.compile("付款")).click()
    phone.wait_for_url("**/sandbox/payments/**")
    phone.get_by_role("button", name="付款").click()
    phone.wait_for_url(re.compile(r"/orders/"))
    wait_until(lambda: platform.database["orders"].count_documents({"state": "paid"}) == 1, "it is paid")

    # What was ordered is out of the cart on both devices; the merchant sees what to write on the invoice.
    laptop.reload()
    expect(laptop.get_by_test_id("cart-row")).to_have_count(1)
    laptop.get_by_test_id("cart-remove").click()
    expect(laptop.get_by_text("购物车还空着")).to_be_visible()
    sign_in(host, HOST, "/studio/orders")
    expect(host.get_by_test_id("sold-order")).to_contain_text(NOTE)
