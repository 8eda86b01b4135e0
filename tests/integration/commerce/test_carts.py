"""A cart over HTTP: it follows its owner, nobody else sees it, two pages at once lose nothing."""

from __future__ import annotations

import asyncio

from tests.harness.app import Json, Page, RunningServer
from tests.integration.commerce.test_ordering import HOME, add_tea
from tests.integration.commerce.test_selling import NewPage, buyer_page, host_page
from tests.integration.server.conftest import Stall


async def put(page: Page, *wishes: tuple[str, int]) -> tuple[int, Json]:
    lines = [{"product_id": product_id, "quantity": quantity} for product_id, quantity in wishes]
    return await page.ask("PUT", "/api/cart", {"lines": lines})


def held(cart: Json) -> list[tuple[str, int]]:
    return [(line["product"]["id"], line["quantity"]) for line in cart["items"]]


async def test_a_cart_follows_its_owner_and_shows_what_changed(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    other, guest = await buyer_page(server, new_page, "wangwu"), new_page()
    tea, oranges = await add_tea(host), stall.product.id

    # when
    status, cart = await put(buyer, (oranges, 2), (tea["id"], 1))
    await host.ask("PATCH", f"/api/my/products/{tea['id']}", {"price_fen": 5500, "stock": 0})

    # then
    assert (status, held(cart)) == (200, [(tea["id"], 1), (oranges, 2)])
    _, seen = await buyer.ask("GET", "/api/cart")
    assert (seen["items"][0]["price_fen"], seen["items"][0]["product"]["price_fen"]) == (5000, 5500)
    assert seen["items"][0]["product"]["stock"] == 0
    assert (await other.ask("GET", "/api/cart"))[1]["items"] == []
    assert (await guest.ask("GET", "/api/cart"))[1]["code"] == "sign_in_required"
    assert (await put(buyer, ("none", 1)))[1]["code"] == "not_found"
    for wrong in ([], [{"product_id": oranges}], [{"product_id": oranges, "quantity": 1.5}]):
        assert (await buyer.ask("PUT", "/api/cart", {"lines": wrong}))[1]["code"] == "bad_request"


async def test_what_a_guest_chose_is_joined_with_what_was_there(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    buyer, oranges = await buyer_page(server, new_page, "liming"), stall.product.id
    await put(buyer, (oranges, 1))
    brought = [{"product_id": oranges, "quantity": 3, "price_fen": 100}, {"product_id": "gone", "quantity": 1}]
    for _ in range(2):
        _, cart = await buyer.ask("POST", "/api/cart", {"lines": brought})
        assert held(cart) == [(oranges, 3)]


async def test_two_pages_that_put_something_in_at_once_lose_nothing(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    tea, oranges = await add_tea(host), stall.product.id
    answers = await asyncio.gather(put(buyer, (tea["id"], 1)), put(buyer, (oranges, 1)))
    assert [status for status, _ in answers] == [200, 200]
    assert sorted(held((await buyer.ask("GET", "/api/cart"))[1])) == sorted([(tea["id"], 1), (oranges, 1)])


async def test_the_products_of_a_guests_cart_are_read_at_once(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    host, guest = await host_page(new_page), new_page()
    tea = await add_tea(host)
    _, found = await guest.ask("GET", f"/api/products?ids={tea['id']},none,{stall.product.id},{tea['id']}")
    assert [product["id"] for product in found["items"]] == [tea["id"], stall.product.id]


async def test_an_order_carries_its_invoice_note_to_the_merchant(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    host, buyer = await host_page(new_page), await buyer_page(server, new_page, "liming")
    _, mine = await buyer.ask("POST", "/api/addresses", HOME)
    lines = [{"product_id": stall.product.id, "quantity": 1}]
    note = "单位：华容小学，税号：12430623X"

    # when
    fields = {"lines": lines, "request_id": "r1", "address_id": mine["items"][0]["id"], "invoice_note": note}
    _, order = await buyer.ask("POST", "/api/orders", fields)
    _, nowhere = await buyer.ask("POST", "/api/orders", {"lines": lines, "request_id": "r2", "invoice_note": note})

    # then
    assert order["delivery"]["invoice_note"] == note
    assert nowhere["code"] == "bad_request"
    _, body = await buyer.ask("POST", f"/api/orders/{order['id']}/pay")
    async with buyer.http.post(f"{body['payment_url']}/pay", allow_redirects=False) as response:
        assert response.status == 303
    while (await buyer.hear("order"))["order"]["state"] != "paid":
        pass
    _, sold = await host.ask("GET", f"/api/my/room/orders/{order['id']}")
    assert sold["delivery"]["invoice_note"] == note
