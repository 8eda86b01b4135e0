"""A merchant stops selling a product and sells it again: nobody buys it meanwhile, by whatever way."""

from __future__ import annotations

import asyncio

from tests.harness.app import Page, RunningServer
from tests.integration.commerce.test_selling import NewPage, buyer_page, host_page, live, open_sale
from tests.integration.server.conftest import Stall


async def order(page: Page, request_id: str, **source: str) -> str:
    ack = await page.say("order", lines=[{**source, "quantity": 1}], request_id=request_id)
    return "ok" if ack["ok"] else str(ack["error"])


async def listed(page: Page, stall: Stall, query: str = "") -> list[str]:
    _, found = await page.ask("GET", f"/api/products?merchant_id={stall.product.merchant_id}{query}")
    return [product["id"] for product in found["items"]]


async def test_a_withdrawn_product_is_sold_nowhere_and_still_seen_by_who_knows_it(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given a product in a sale, on a card, in a cart and in an order that is held
    await live(server, stall)
    host, buyer, oranges = await host_page(new_page), await buyer_page(server, new_page, "liming"), stall.product.id
    await host.connect()
    await host.say("join", slug="zhang")
    await host.say("pin", product_id=oranges)
    await buyer.ask("PUT", "/api/cart", {"lines": [{"product_id": oranges, "quantity": 2}]})
    sale = await open_sale(host, stall)
    assert await order(buyer, "before", sale_id=sale["id"]) == "ok"

    # when
    status, product = await host.ask("PATCH", f"/api/my/products/{oranges}", {"withdrawn": True})

    # then nothing of it can be had
    assert (status, product["withdrawn"]) == (200, True)
    none = {**product, "stock": 0}
    assert await order(buyer, "r1", product_id=oranges) == "no_longer_sold"
    assert await order(buyer, "r2", sale_id=sale["id"]) == "no_longer_sold"
    assert (await buyer.ask("GET", f"/api/sales/{sale['id']}"))[1]["state"] == "closed"
    assert (await host.say("pin", product_id=oranges))["error"] == "no_longer_sold"
    terms = {"product_id": oranges, "price_fen": 990, "quantity": 1, "per_buyer": 1, "duration_seconds": 60}
    assert (await host.ask("POST", "/api/my/room/sales", terms))[1]["code"] == "no_longer_sold"

    # and nobody finds it, while old links, carts, the card and its host show it
    assert (await listed(buyer, stall), await listed(buyer, stall, "&q=冰糖橙")) == ([], [])
    assert await server.services.catalog.newest_of([stall.product.merchant_id], 9) == {stall.product.merchant_id: []}
    assert (await buyer.ask("GET", f"/api/products/{oranges}"))[1] == none
    assert (await buyer.ask("GET", "/api/cart"))[1]["items"][0]["product"] == none
    assert (await host.ask("GET", "/api/my/products"))[1]["items"] == [product]
    async with asyncio.timeout(10):
        while not (card := (await buyer.hear("card"))["card"])["product"]["withdrawn"]:
            pass
    assert card["sold_out"]

    # and an order that was held can be paid
    _, orders = await buyer.ask("GET", "/api/orders")
    status, _ = await buyer.ask("POST", f"/api/orders/{orders['items'][0]['id']}/pay")
    assert status == 200

    # and when it is sold again, all that is free is there: 100 without the one that is held
    _, product = await host.ask("PATCH", f"/api/my/products/{oranges}", {"withdrawn": False})
    assert (product["withdrawn"], product["stock"]) == (False, 99)
    assert await listed(buyer, stall) == [oranges]
    assert await order(buyer, "r3", product_id=oranges) == "ok"


async def test_a_host_sees_and_corrects_the_stock_of_what_he_has_withdrawn(stall: Stall, new_page: NewPage) -> None:
    # given
    host, buyer, path = await host_page(new_page), new_page(), f"/api/my/products/{stall.product.id}"
    _, withdrawn = await host.ask("PATCH", path, {"withdrawn": True})

    # when he counts what is in his store
    seen = (await host.ask("GET", "/api/my/products"))[1]["items"][0]["stock"]
    status, counted = await host.ask("PATCH", path, {"stock": 80, "stock_was": seen})

    # then it is what he wrote down, and buyers see none until it is sold again
    assert (withdrawn["stock"], seen, status, counted["stock"]) == (100, 100, 200, 80)
    assert (await host.ask("PATCH", path, {"stock": 70, "stock_was": seen}))[1]["code"] == "conflict"
    assert (await buyer.ask("GET", f"/api/products/{stall.product.id}"))[1]["stock"] == 0
    assert (await host.ask("PATCH", path, {"withdrawn": False}))[1]["stock"] == 80


async def test_buyers_who_press_while_a_product_is_withdrawn_get_it_or_are_told(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    host, oranges = await host_page(new_page), stall.product.id
    buyers = [await buyer_page(server, new_page, f"buyer{number}") for number in range(8)]

    # when
    *answers, (status, _) = await asyncio.gather(
        *(order(page, "r1", product_id=oranges) for page in buyers),
        host.ask("PATCH", f"/api/my/products/{oranges}", {"withdrawn": True}),
    )

    # then
    assert status == 200
    assert set(answers) <= {"ok", "no_longer_sold"}
    assert await order(buyers[0], "r2", product_id=oranges) == "no_longer_sold"

    # and what was not sold is there again
    _, product = await host.ask("PATCH", f"/api/my/products/{oranges}", {"withdrawn": False})
    assert product["stock"] == 100 - answers.count("ok")
