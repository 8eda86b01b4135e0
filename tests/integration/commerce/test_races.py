"""Many want the same at once: nothing is sold twice, and everybody gets a definite answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import pytest

from server.errors import DomainError
from server.infra.transactions import Session
from server.orders.model import Order
from tests.integration.commerce.rig import PLENTY, Rig, code_of, make_user


async def test_five_buyers_press_at_once_and_three_of_them_get_one(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=3)
    buyers = [make_user(f"buyer{n}") for n in range(5)]

    # when
    answers = await asyncio.gather(
        *(rig.place_in_sale(buyer, sale.id, "once", 1) for buyer in buyers), return_exceptions=True
    )

    # then: the first three in order of arrival
    assert [code_of(answer) for answer in answers] == ["held", "held", "held", "sold_out", "sold_out"]
    after = await rig.sale(sale)
    assert (after.available, after.held, after.sold) == (0, 3, 0)
    await rig.check_ledger(product, PLENTY)


async def test_fifty_buyers_who_press_thrice_each_get_what_one_may_have(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=90, per_buyer=2)
    presses = [(make_user(f"buyer{n}"), f"press{k}") for k in range(3) for n in range(50)]

    # when
    answers = await asyncio.gather(
        *(rig.place_in_sale(buyer, sale.id, press, 1) for buyer, press in presses), return_exceptions=True
    )

    # then: the ten whose second press came too late have one, and their third finds nothing either
    assert Counter(code_of(answer) for answer in answers) == {"held": 90, "sold_out": 20, "limit_reached": 40}
    per_buyer = Counter(answer.buyer_id for answer in answers if isinstance(answer, Order))
    assert max(per_buyer.values()) == 2
    await rig.check_ledger(product, PLENTY)


async def test_two_servers_sell_the_same_pieces_and_sell_each_once(rig: Rig, second_rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=20, per_buyer=1)
    servers = (rig, second_rig)

    # when: each of thirty buyers presses on both servers
    async def press(server: Rig, number: int) -> object:
        try:
            return await server.place_in_sale(make_user(f"b{number}"), sale.id, f"on{id(server)}", 1)
        except DomainError as error:
            return error

    answers = await asyncio.gather(*(press(server, n) for n in range(30) for server in servers))

    # then
    codes = Counter(code_of(answer) for answer in answers)
    assert codes["held"] == 20
    assert set(codes) <= {"held", "sold_out", "limit_reached"}
    assert len({answer.buyer_id for answer in answers if isinstance(answer, Order)}) == 20
    await rig.check_ledger(product, PLENTY)


@pytest.mark.parametrize(("quantity", "per_buyer"), [(3, 3), (3, 1), (1, 1)])
async def test_the_same_request_twice_at_once_is_one_order(
    rig: Rig, second_rig: Rig, quantity: int, per_buyer: int
) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=quantity, per_buyer=per_buyer)
    buyer = make_user("li")

    # when: twice here and twice at another server
    answers = await asyncio.gather(
        *(server.place_in_sale(buyer, sale.id, "r1", 1) for server in (rig, second_rig, rig, second_rig))
    )

    # then
    assert len({order.id for order in answers}) == 1
    assert (await rig.sale(sale)).held == 1
    await rig.check_ledger(product, PLENTY)


async def test_a_request_that_comes_again_while_it_is_written_gets_that_order_and_holds_up_nobody(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=3, per_buyer=3)
    writes, is_writing, may_write = 0, asyncio.Event(), asyncio.Event()
    add_many = rig.order_store.add_many

    async def add_slowly(orders: Sequence[Order], session: Session) -> None:
        nonlocal writes
        writes += 1
        is_writing.set()
        await may_write.wait()
        await add_many(orders, session)

    monkeypatch.setattr(rig.order_store, "add_many", add_slowly)

    # when
    first = asyncio.create_task(rig.place_in_sale(make_user("li"), sale.id, "r1", 1))
    await is_writing.wait()
    again = asyncio.create_task(rig.place_in_sale(make_user("li"), sale.id, "r1", 1))
    neighbour = asyncio.create_task(rig.place_in_sale(make_user("wang"), sale.id, "r1", 1))
    await asyncio.sleep(0)  # they stand in line
    may_write.set()
    orders = await asyncio.gather(first, again, neighbour)

    # then: two groups, each written once
    assert orders[0].id == orders[1].id != orders[2].id
    assert writes == 2
    await rig.check_ledger(product, PLENTY)


async def test_a_repeated_request_gets_the_first_answer_even_when_the_sale_is_over(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    buyer = make_user("li")
    first = await rig.place_in_sale(buyer, sale.id, "r1", 1)
    await rig.sales.close(host, sale.id)

    # when
    again = await rig.place_in_sale(buyer, sale.id, "r1", 1)

    # then
    assert again.id == first.id


async def test_a_large_wish_that_cannot_be_met_does_not_stand_in_the_way_of_small_ones(rig: Rig) -> None:
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=5, per_buyer=5)
    answers = await asyncio.gather(
        *(rig.place_in_sale(make_user(f"b{n}"), sale.id, "r", n) for n in (3, 4, 2)), return_exceptions=True
    )
    assert [code_of(answer) for answer in answers] == ["held", "sold_out", "held"]


async def test_buyers_at_the_normal_price_race_for_the_last_pieces(rig: Rig) -> None:
    # given
    _, product = await rig.stall(stock=4)

    # when
    answers = await asyncio.gather(
        *(rig.buy(make_user(f"b{n}"), product.id, "r", 1) for n in range(9)), return_exceptions=True
    )

    # then
    assert Counter(code_of(answer) for answer in answers) == {"held": 4, "out_of_stock": 5}
    assert await rig.stock_of(product) == 0
    await rig.check_ledger(product, 4)


async def test_a_sale_and_the_normal_price_never_sell_the_same_piece(rig: Rig) -> None:
    # given
    host, product = await rig.stall(stock=10)
    sale = await rig.open_sale(host, product, quantity=6, per_buyer=1)

    # when
    answers = await asyncio.gather(
        *(rig.buy(make_user(f"n{n}"), product.id, "r", 1) for n in range(8)),
        *(rig.place_in_sale(make_user(f"s{n}"), sale.id, "r", 1) for n in range(8)),
        return_exceptions=True,
    )

    # then
    assert Counter(code_of(answer) for answer in answers) == {"held": 10, "out_of_stock": 4, "sold_out": 2}
    await rig.check_ledger(product, 10)


async def test_paying_cancelling_and_running_out_at_once_does_one_of_them(rig: Rig, second_rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    buyer = make_user("li")
    order = await rig.place_in_sale(buyer, sale.id, "r1", 1)
    body = await rig.press_pay(buyer, order)
    rig.clock.pass_seconds(300)

    # when
    await asyncio.gather(
        rig.call_back(body),
        second_rig.call_back(body),
        second_rig.orders.cancel(buyer, order.id),
        second_rig.clockwork.sweep(),
        rig.clockwork.sweep(),
        return_exceptions=True,
    )
    await rig.call_back(body)

    # then: paid in time, paid late, or paid back
    after = await rig.orders.get(buyer, order.id)
    assert after.state in {"paid", "refunded"}
    await rig.check_ledger(product, PLENTY)


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 2**70, True])
async def test_an_impossible_quantity_is_refused_before_it_stands_in_line(rig: Rig, quantity: int) -> None:
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    with pytest.raises(DomainError) as refused:
        await rig.place_in_sale(make_user("li"), sale.id, "r1", quantity)
    assert refused.value.code == "bad_request"
