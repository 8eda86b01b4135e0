"""A host's figures over HTTP: what the records say, of his own broadcast, also while many order and many look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server.figures.service import SAMPLE_SECONDS
from tests.harness.app import Json, Page, RunningServer
from tests.integration.commerce.test_selling import buyer_page, host_page, live, open_sale, until
from tests.integration.server.conftest import Stall

NewPage = Callable[[], Page]


async def figures(page: Page) -> Json:
    status, body = await page.ask("GET", "/api/my/room/figures")
    assert status == 200, body
    return body


async def test_a_host_sees_his_sale_in_numbers(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    # given three buyers, of whom one pays and one orders in vain
    await live(server, stall)
    host = await host_page(new_page)
    buyers = [await buyer_page(server, new_page, name) for name in ("buyer1", "buyer2", "buyer3")]
    before = await figures(host)
    assert (before["sale"], before["orders"]["placed"]) == (None, 0)
    sale = await open_sale(host, stall, quantity=2)
    for buyer in buyers:
        await buyer.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id="r1")
    _, mine = await buyers[0].ask("GET", "/api/orders")
    settling = server.services.commerce.settling
    await settling.payment_arrived(mine["items"][0]["id"], server.services.clock.now())

    # when
    async def known() -> Json | None:
        seen = await figures(host)
        return seen if seen["orders"]["paid"] == 1 and seen["sale"]["most_viewers"] >= 3 else None

    seen: Json = await until(known, 3 * SAMPLE_SECONDS)

    # then
    assert seen["orders"] == {"placed": 2, "held": 1, "paid": 1, "paid_fen": 990}
    assert (seen["sale"]["sale_id"], seen["sale"]["orders"]) == (sale["id"], seen["orders"])
    assert (seen["sale"]["buyers"], sum(seen["sale"]["bars"]), seen["sale"]["bar_seconds"]) == (2, 2, 10)
    assert max(sample["count"] for sample in seen["viewers"]) == 3
    assert (await buyers[0].ask("GET", "/api/my/room/figures"))[0] == 403

    # and after it the result stays, with nobody ordering any more
    assert (await host.ask("POST", f"/api/sales/{sale['id']}/close"))[0] == 200

    async def over() -> bool:
        last = (await figures(host))["sale"]
        return bool(last["per_second"] == 0 and last["orders"]["paid"] == 1)

    await until(over)


async def test_many_looks_at_once_are_one_reading(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    # given
    await live(server, stall)
    host = await host_page(new_page)
    before = await figures(host)

    # when somebody orders, and many look within the same second
    buyer = await buyer_page(server, new_page, "buyer1")
    order = {"lines": [{"product_id": stall.product.id, "quantity": 1}], "request_id": "r1"}
    assert (await buyer.ask("POST", "/api/orders", order))[0] == 201
    seen = await asyncio.gather(*(figures(host) for _ in range(30)))

    # then all hear the same, and a look later tells the new
    assert all(one == seen[0] for one in seen)
    assert before["orders"]["placed"] == 0

    async def counted() -> bool:
        return bool((await figures(host))["orders"]["placed"] == 1)

    await until(counted)


async def test_without_a_broadcast_there_are_no_figures(stall: Stall, new_page: NewPage) -> None:
    status, body = await (await host_page(new_page)).ask("GET", "/api/my/room/figures")
    assert (status, body["code"]) == (409, "not_live")
