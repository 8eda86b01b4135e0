"""Nobody slows a hot sale by what he asks for; who is too fast, or banned, is refused."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from server.catalog.model import Product
from server.errors import DomainError
from server.flash.model import Sale
from server.ids import new_id
from server.moderation.model import EVERYWHERE, Sanction, SanctionKind
from server.orders.admission import Wish
from server.wiring.commerce import ORDERS_AT_ONCE
from tests.harness.app import WAIT_SECONDS, Page, RunningServer
from tests.harness.data_servers import Environment
from tests.integration.commerce.rig import PLENTY, Rig, code_of, make_user, of_product, of_sale
from tests.integration.commerce.test_selling import buyer_page, host_page, live, open_sale
from tests.integration.server.conftest import Stall

BASKETS = 30


@pytest.fixture
def environment(environment: Environment) -> Environment:
    """Who waits for a sale here does so until the test lets go, also on a machine that stands still for seconds."""
    return {**environment, "MONGODB_TIMEOUT_SECONDS": "60"}


@asynccontextmanager
async def somebody_writes(rig: Rig, sale: Sale) -> AsyncIterator[None]:
    """A while in which no order of a sale can be written."""
    async with rig.database.client.start_session() as session, await session.start_transaction():
        await rig.database["sales"].update_one({"_id": sale.id}, {"$inc": {"turns": 1}}, session=session)
        yield
        await session.abort_transaction()


async def press(rig: Rig, buyer: str, *wishes: Wish) -> str:
    """`held`, or why not."""
    try:
        return code_of(await rig.place(make_user(buyer), new_id(), *wishes))
    except DomainError as error:
        return error.code


def waiting(rig: Rig) -> list[tuple[int, int]]:
    """How many are being served in each line, and how many wait."""
    return sorted((len(served), len(behind)) for served, behind in rig.gate.lines())


async def until_they_wait(rig: Rig, *lines: tuple[int, int]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while waiting(rig) != list(lines):  # noqa: ASYNC110 -- the gate has no event to wait for
            await asyncio.sleep(0)


async def test_baskets_that_all_differ_stand_in_one_line_beside_that_of_the_hot_sale(rig: Rig) -> None:
    # given a hot sale, and products each of which is in somebody's basket with a piece of the sale
    host, oranges = await rig.stall()
    sale = await rig.open_sale(host, oranges, quantity=PLENTY)
    others = [await _product(rig, oranges, number) for number in range(BASKETS)]

    # when all press while the sale is busy
    async with asyncio.TaskGroup() as buyers, somebody_writes(rig, sale):
        pressed = [buyers.create_task(press(rig, f"hot{number}", of_sale(sale.id))) for number in range(5)]
        await until_they_wait(rig, (5, 0))
        pressed += [
            buyers.create_task(press(rig, f"b{number}", of_sale(sale.id), of_product(product.id)))
            for number, product in enumerate(others)
        ]
        pressed.append(buyers.create_task(press(rig, "li", of_sale(sale.id), of_product("none"))))

        # then there are two lines, so that the sale's own has every second turn
        await until_they_wait(rig, (0, BASKETS + 1), (5, 0))
    # and each gets his own answer, also beside one who wanted what is not there
    assert Counter(one.result() for one in pressed) == {"held": 5 + BASKETS, "not_found": 1}
    assert (await rig.sale(sale)).held == 5 + BASKETS
    assert [await rig.stock_of(product) for product in others] == [9] * BASKETS


async def test_who_has_given_up_is_in_no_line(rig: Rig) -> None:
    # given two who are being served, and two who wait behind them
    host, oranges = await rig.stall()
    sale = await rig.open_sale(host, oranges)
    async with somebody_writes(rig, sale):
        first = [asyncio.create_task(press(rig, f"first{number}", of_sale(sale.id))) for number in range(2)]
        await until_they_wait(rig, (2, 0))
        behind = [asyncio.create_task(press(rig, f"behind{number}", of_sale(sale.id))) for number in range(2)]
        await until_they_wait(rig, (2, 2))

        # when one of each gives up
        for gone in (first[0], behind[0]):
            gone.cancel()
        await asyncio.wait([first[0], behind[0]])

        # then those who look at the lines see the others alone
        ((served, waits),) = rig.gate.lines()
        assert [one.request.buyer_id for one in served] == [make_user("first1").id]
        assert [one.request.buyer_id for one in waits] == [make_user("behind1").id]
    assert [await one for one in (first[1], behind[1])] == ["held", "held"]


@pytest.mark.parametrize("everywhere", [False, True])
async def test_who_is_banned_buys_nothing_in_that_rooms_sale(rig: Rig, *, everywhere: bool) -> None:
    # given
    host, oranges = await rig.stall()
    sale = await rig.open_sale(host, oranges)
    room_id = EVERYWHERE if everywhere else sale.room_id
    until = rig.clock.now() + timedelta(minutes=5)
    for buyer, kind in (("li", SanctionKind.BAN), ("wang", SanctionKind.MUTE)):
        user = make_user(buyer)
        ban = Sanction(room_id, user.id, user.name, kind, until, "", host.id, host.name, rig.clock.now())
        await rig.moderation_store.put_sanction(ban)

    # then: a mute keeps nobody from buying, and a room's ban is none from the shop
    assert await press(rig, "li", of_sale(sale.id)) == "banned"
    assert await press(rig, "li", of_sale(sale.id), of_product(oranges.id)) == "banned"
    assert await press(rig, "wang", of_sale(sale.id)) == "held"
    assert await press(rig, "li", of_product(oranges.id)) == ("banned" if everywhere else "held")

    # when it is over
    rig.clock.pass_seconds(301)
    assert await press(rig, "li", of_sale(sale.id)) == "held"


async def test_one_who_orders_again_and_again_over_http_is_slowed_and_nobody_else(
    server: RunningServer, stall: Stall, new_page: Callable[[], Page]
) -> None:
    # given
    await live(server, stall)
    sale = await open_sale(await host_page(new_page), stall)
    fast, calm = [await buyer_page(server, new_page, f"buyer{number}") for number in range(2)]

    async def order(page: Page, number: int) -> int:
        lines = [{"sale_id": sale["id"], "quantity": 1}]
        status, _ = await page.ask("POST", "/api/orders", {"lines": lines, "request_id": f"r{number}"})
        return status

    # when
    statuses = await asyncio.gather(*(order(fast, number) for number in range(ORDERS_AT_ONCE + 30)))

    # then
    assert statuses.count(201) == 1  # of the one piece that each may have
    assert statuses.count(429) >= 1
    assert await order(calm, 0) == 201


async def _product(rig: Rig, like: Product, number: int) -> Product:
    return await rig.catalog.add_product(
        like.merchant_id, name=f"礼盒 {number}", description="", price_fen=100, unit="盒", stock=10
    )


class SlowHandOver:
    """Turns between servers that are given back only once somebody lets them, if the server is not stopped then."""

    def __init__(self) -> None:
        self.is_asked, self.may = asyncio.Event(), asyncio.Event()
        self.is_stopped = False

    @asynccontextmanager
    async def take(self, *_keys: str) -> AsyncIterator[None]:
        yield
        self.is_asked.set()
        await self.may.wait()
        if self.is_stopped:
            raise asyncio.CancelledError


async def test_a_turn_is_handed_to_the_next_server_before_the_group_is_answered(rig: Rig) -> None:
    # given
    host, oranges = await rig.stall()
    sale = await rig.open_sale(host, oranges, quantity=PLENTY)
    turns = rig.gate._shared_turns = SlowHandOver()

    # when
    pressed = [asyncio.create_task(press(rig, f"buyer{number}", of_sale(sale.id))) for number in range(3)]
    await turns.is_asked.wait()

    # then
    assert [task.done() for task in pressed] == [False] * 3
    turns.may.set()
    assert await asyncio.gather(*pressed) == ["held"] * 3


async def test_who_was_served_while_the_server_stops_is_told_to_ask_again_and_gets_his_order(rig: Rig) -> None:
    # given an order that is written and not answered yet
    host, oranges = await rig.stall()
    sale = await rig.open_sale(host, oranges, quantity=PLENTY)
    turns = rig.gate._shared_turns = SlowHandOver()
    buyer = make_user("buyer")
    pressed = asyncio.create_task(rig.place(buyer, "r1", of_sale(sale.id)))
    await turns.is_asked.wait()

    # when
    turns.is_stopped = True
    turns.may.set()

    # then
    with pytest.raises(DomainError) as refused:
        await pressed
    assert refused.value.code == "unavailable"
    turns.is_stopped = False
    assert code_of(await rig.place(buyer, "r1", of_sale(sale.id))) == "held"
    assert await rig.database["orders"].count_documents({"buyer_id": buyer.id}) == 1
