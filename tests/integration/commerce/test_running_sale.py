"""A sale that is changed while it runs: pieces added and taken out, other limits, another end, a clock that jumps."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from server.errors import Conflict, DomainError, NotFound
from server.flash.model import SaleChanges
from tests.integration.commerce.rig import PLENTY, Rig, code_of, make_user

LI, WANG = make_user("li"), make_user("wang")


async def refused(work: object) -> str:
    with pytest.raises(DomainError) as error:
        await work  # type: ignore[misc]
    return error.value.code


async def test_pieces_are_added_to_a_running_sale_and_free_ones_given_back(rig: Rig) -> None:
    # given
    host, product = await rig.stall(stock=10)
    sale = await rig.open_sale(host, product, quantity=3, per_buyer=3)
    await rig.place_in_sale(LI, sale.id, "r1", 2)

    # when, then
    more = (await rig.sales.change(host, sale.id, SaleChanges(more=5))).sale
    assert (more.quantity, more.available, more.held, await rig.stock_of(product)) == (8, 6, 2, 2)
    less = (await rig.sales.change(host, sale.id, SaleChanges(more=-6))).sale
    assert (less.quantity, less.available, less.held, await rig.stock_of(product)) == (2, 0, 2, 8)
    assert await refused(rig.sales.change(host, sale.id, SaleChanges(more=-1))) == "out_of_stock"
    assert await refused(rig.sales.change(host, sale.id, SaleChanges(more=9))) == "out_of_stock"
    await rig.check_ledger(product, 10)


async def test_stock_goes_up_and_down_while_buyers_press_on_two_servers(rig: Rig, second_rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=10, per_buyer=1)

    async def press(server: Rig, number: int) -> object:
        try:
            return await server.place_in_sale(make_user(f"b{number}"), sale.id, "r", 1)
        except DomainError as error:
            return error

    async def change(server: Rig, more: int) -> int:
        try:
            await server.sales.change(host, sale.id, SaleChanges(more=more))
        except Conflict:
            return 0
        return more

    # when
    changes = [change(server, more) for more in (7, -3, 5, -9) for server in (rig, second_rig)]
    presses = [press((rig, second_rig)[number % 2], number) for number in range(40)]
    answers, changed = await asyncio.gather(asyncio.gather(*presses), asyncio.gather(*changes))

    # then
    after = await rig.sale(sale)
    assert after.quantity == 10 + sum(changed)
    assert Counter(code_of(answer) for answer in answers)["held"] == after.held <= after.quantity
    await rig.check_ledger(product, PLENTY)


async def test_new_terms_hold_for_new_orders_and_old_orders_keep_theirs(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=9, per_buyer=4)
    before = await rig.place_in_sale(LI, sale.id, "r1", 3)

    # when
    await rig.sales.change(host, sale.id, SaleChanges(price_fen=500, per_buyer=2, hold_seconds=60))

    # then
    after = await rig.place_in_sale(WANG, sale.id, "r1", 2)
    assert (before.lines[0].price_fen, after.lines[0].price_fen, after.total_fen) == (990, 500, 1000)
    assert (after.hold_until - after.created_at).total_seconds() == 60
    assert (await rig.orders.get(LI, before.id)).total_fen == 2970
    assert await refused(rig.place_in_sale(LI, sale.id, "r2", 1)) == "limit_reached"


async def test_one_order_may_have_less_than_one_buyer(rig: Rig) -> None:
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=9, per_buyer=4, per_order=2)
    assert await refused(rig.place_in_sale(LI, sale.id, "r1", 3)) == "limit_reached"
    for request in ("r2", "r3"):
        assert (await rig.place_in_sale(LI, sale.id, request, 2)).lines[0].quantity == 2
    assert await refused(rig.place_in_sale(LI, sale.id, "r4", 1)) == "limit_reached"


async def test_a_sale_belongs_to_its_host_and_ends_when_he_says(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    other, _ = await rig.stall()
    sale = await rig.open_sale(host, product)

    # when, then
    with pytest.raises(NotFound):
        await rig.sales.change(other, sale.id, SaleChanges(more=1))
    await rig.sales.change(host, sale.id, SaleChanges(remaining_seconds=20))
    rig.clock.pass_seconds(20)
    assert await refused(rig.place_in_sale(LI, sale.id, "r1", 1)) == "sale_closed"
    assert await refused(rig.sales.change(host, sale.id, SaleChanges(remaining_seconds=20))) == "sale_closed"


@pytest.mark.parametrize(
    "wrong", [{"price_fen": 0}, {"per_buyer": 0}, {"per_order": 2}, {"more": 2**40}, {"more": True}]
)
async def test_impossible_terms_change_nothing(rig: Rig, wrong: dict[str, int]) -> None:
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    assert await refused(rig.sales.change(host, sale.id, SaleChanges(**wrong))) == "bad_request"
    assert await rig.sale(sale) == sale


async def test_a_sale_that_was_announced_takes_orders_from_its_moment_on(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, starts_in_seconds=60)
    assert await rig.stock_of(product) == PLENTY - sale.quantity

    # when somebody presses too early
    rig.clock.pass_seconds(59.999)
    early = await asyncio.gather(rig.place_in_sale(LI, sale.id, "r1", 1), return_exceptions=True)

    # then he has nothing, and may press again with the same request
    assert code_of(early[0]) == "sale_not_begun"
    rig.clock.pass_seconds(0.001)
    assert (await rig.place_in_sale(LI, sale.id, "r1", 1)).state == "held"

    # and it lasts as long as it was to last, from then on
    rig.clock.pass_seconds(599.999)
    assert (await rig.place_in_sale(WANG, sale.id, "r1", 1)).state == "held"
    rig.clock.pass_seconds(0.001)
    late = await asyncio.gather(rig.place_in_sale(WANG, sale.id, "r2", 1), return_exceptions=True)
    assert code_of(late[0]) == "sale_closed"
    await rig.sales.sweep()
    await rig.check_ledger(product, PLENTY)


async def test_a_sale_that_was_closed_before_it_began_is_over_and_hides_no_later_one(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    planned = await rig.open_sale(host, product, starts_in_seconds=600)

    # when
    rig.clock.pass_seconds(5)
    closed = (await rig.sales.close(host, planned.id)).sale

    # then
    assert closed.opens_at == closed.closes_at == rig.clock.now()
    early = await asyncio.gather(rig.place_in_sale(LI, planned.id, "r1", 1), return_exceptions=True)
    assert code_of(early[0]) == "sale_closed"
    rig.clock.pass_seconds(1)
    running = await rig.open_sale(host, product)
    assert await rig.sale_store.last_of(running.stream_id) == running


@pytest.mark.parametrize("step", [3_600, -3_600])
async def test_a_clock_that_jumps_an_hour_loses_and_doubles_nothing(rig: Rig, step: int) -> None:
    # given: a hold, and another that is being paid
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=4, per_buyer=2)
    await rig.place_in_sale(LI, sale.id, "r1", 1)
    paid = await rig.place_in_sale(WANG, sale.id, "r1", 1)
    body = await rig.press_pay(WANG, paid)

    # when
    rig.clock.pass_seconds(step)
    for _ in range(2):
        await rig.clockwork.sweep()
        await rig.sales.sweep()
        await rig.payments.sweep()
    answer = await asyncio.gather(rig.place_in_sale(LI, sale.id, "r2", 1), return_exceptions=True)
    await rig.call_back(body)
    rig.clock.pass_seconds(-step)
    await rig.clockwork.sweep()
    await rig.call_back(body)

    # then
    assert code_of(answer[0]) == ("sale_closed" if step > 0 else "held")
    assert (await rig.orders.get(WANG, paid.id)).state in {"paid", "refunded"}
    await rig.check_ledger(product, PLENTY)


async def test_a_payment_at_the_last_millisecond_counts_and_one_later_is_late(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=2)
    first, second = [await rig.place_in_sale(buyer, sale.id, "r1", 1) for buyer in (LI, WANG)]
    bodies = [await rig.press_pay(buyer, order) for buyer, order in ((LI, first), (WANG, second))]

    # when
    rig.clock.pass_seconds(299.999)
    await asyncio.gather(rig.call_back(bodies[0]), rig.clockwork.sweep())
    rig.clock.pass_seconds(0.001)
    await rig.clockwork.sweep()
    await rig.call_back(bodies[1])

    # then: the second was free again, so that he gets it although he was late
    history = [
        [change.state for change in (await rig.orders.get(*one)).history]
        for one in ((LI, first.id), (WANG, second.id))
    ]
    assert history[0] == ["held", "paid"]
    assert history[1] == ["held", "expired", "paid_late", "paid"]
    await rig.check_ledger(product, PLENTY)
