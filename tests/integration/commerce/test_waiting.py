"""A buyer who has to wait hears where he stands; who is served at once hears nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from pymongo import AsyncMongoClient

from config.settings import ServerSettings
from server.orders.waiting import about
from tests.harness.app import Json, Page, RunningServer
from tests.integration.commerce.test_selling import buyer_page, host_page, live, open_sale
from tests.integration.server.conftest import Stall

NewPage = Callable[[], Page]


async def test_buyers_behind_a_sale_that_somebody_writes_hear_their_places(
    server: RunningServer,
    stall: Stall,
    new_page: NewPage,
    load_settings: Callable[[type[ServerSettings]], ServerSettings],
) -> None:
    # given a sale that another process writes for a while, and a first buyer whose group cannot be written
    await live(server, stall)
    sale = await open_sale(await host_page(new_page), stall)
    first, *others = [await buyer_page(server, new_page, f"buyer{number}") for number in range(4)]

    async def order(page: Page) -> Json:
        return await page.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id="r1")

    settings = load_settings(ServerSettings)
    async with (
        AsyncMongoClient[Json](settings.mongodb_uri) as client,
        client.start_session() as session,
        await session.start_transaction(),
    ):
        sales = client[settings.mongodb_database]["sales"]
        await sales.update_one({"_id": sale["id"]}, {"$inc": {"turns": 1}}, session=session)
        acks = [asyncio.create_task(order(first))]
        assert await first.hear("waiting") == {"request_id": "r1", "ahead": 0}

        # when more come
        acks += [asyncio.create_task(order(page)) for page in others]

        # then each hears how many are before him, in the order in which they came
        heard = [(await page.hear("waiting"))["ahead"] for page in others]
        assert heard == [1, 2, 3]
        await session.abort_transaction()

    answers = [(await ack).get("error", "ok") for ack in acks]
    assert answers == ["ok", "ok", "ok", "sold_out"]


async def test_who_is_served_at_once_hears_nothing_of_a_line(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    await live(server, stall)
    sale = await open_sale(await host_page(new_page), stall)
    buyer = await buyer_page(server, new_page, "buyer1")

    # when an order is answered, and a later one of his as well, after the lines were looked at
    for number in range(20):
        await buyer.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id=f"r{number}")

    # then
    assert buyer.heard["waiting"].empty()


@pytest.mark.parametrize(("ahead", "told"), [(0, 0), (7, 7), (99, 99), (101, 110), (1234, 1300), (4999, 5000)])
def test_a_place_is_told_to_two_digits_and_never_too_low(ahead: int, told: int) -> None:
    assert about(ahead) == told
