"""A buyer who changes his way to pay: he pays once, or the second money goes back by itself."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.errors import BadRequest, Conflict, TooManyRequests, Unavailable
from server.ids import new_id
from server.orders.model import Order
from server.payments.model import WAYS_AT_MOST, Checkout, Payer, Payment, PaymentState
from tests.harness.gateway import Mood, NotPayable
from tests.integration.commerce.rig import PHONE, PLENTY, make_user
from tests.integration.payments.tills import Market

LI = make_user("li")
LAPTOP = Payer(on_phone=False, address="192.0.2.9")


async def held(market: Market) -> Order:
    _, product = await market.rig.stall()
    return await market.rig.buy(LI, product.id, "r1", 1)


async def go(market: Market, order: Order, way: str, payer: Payer = PHONE) -> tuple[Payment, Checkout]:
    checkout = await market.rig.payments.begin(LI, order.id, way, payer)
    return (await market.rig.payment_store.of_order(order.id))[-1], checkout


async def call_back(market: Market, payment: Payment) -> None:
    headers, body = await market.tills[payment.provider].callback(payment)
    await market.rig.payments.receive(payment.provider, headers, body)


async def states(market: Market, order: Order) -> list[str]:
    return [change.state.value for change in (await market.rig.orders.get(LI, order.id)).history]


async def sweep(market: Market, seconds: float) -> None:
    market.rig.clock.pass_seconds(seconds)
    await market.rig.payments.sweep()


async def test_the_trade_before_is_closed_at_its_provider(market: Market) -> None:
    # given
    order = await held(market)
    first, checkout = await go(market, order, "wechat")

    # when
    second, _ = await go(market, order, "alipay")

    # then
    with pytest.raises(NotPayable):
        await market.tills["wechat"].pay(first, checkout)
    kept = await market.rig.payment_store.of_order(order.id)
    assert [(one.provider, one.state, one.look_at is None) for one in kept] == [
        ("wechat", PaymentState.CLOSED, True),
        ("alipay", PaymentState.WAITING, False),
    ]
    assert second.amount_fen == first.amount_fen


async def test_going_back_to_the_first_way_is_a_new_trade_that_can_be_paid(market: Market) -> None:
    order = await held(market)
    for way in ("wechat", "alipay"):
        await go(market, order, way)
    payment, checkout = await go(market, order, "wechat")
    await market.tills["wechat"].pay(payment, checkout)
    await call_back(market, payment)
    assert await states(market, order) == ["held", "paid"]


async def test_from_the_phone_to_the_laptop_is_another_trade(market: Market) -> None:
    order = await held(market)
    _, to_app = await go(market, order, "wechat", PHONE)
    payment, to_scan = await go(market, order, "wechat", LAPTOP)
    assert (to_app.by_scanning, to_scan.by_scanning) == (False, True)
    await market.tills["wechat"].pay(payment, to_scan)
    await call_back(market, payment)
    assert await states(market, order) == ["held", "paid"]


async def test_who_has_paid_already_is_not_sent_to_pay_again(market: Market) -> None:
    # given: the callback is not there yet
    order = await held(market)
    payment, checkout = await go(market, order, "wechat")
    await market.tills["wechat"].pay(payment, checkout)

    # when
    with pytest.raises(Conflict) as refused:
        await go(market, order, "alipay")

    # then
    assert refused.value.code == "step_not_allowed"
    assert await states(market, order) == ["held", "paid"]
    assert len(await market.rig.payment_store.of_order(order.id)) == 1


@pytest.mark.parametrize("way", ["sandbox", "wechat"])
async def test_who_has_paid_and_presses_again_in_the_same_way_has_paid(market: Market, way: str) -> None:
    order = await held(market)
    payment, checkout = await go(market, order, way)
    await market.tills[way].pay(payment, checkout)
    with pytest.raises(Conflict):
        await go(market, order, way)
    assert await states(market, order) == ["held", "paid"]


@pytest.mark.parametrize("late_first", [True, False])
async def test_who_pays_in_two_ways_gets_the_second_money_back(market: Market, late_first: bool) -> None:
    # given: Alipay's trade begins when its page is opened, which is after it was to be closed
    order = await held(market)
    first, first_page = await go(market, order, "alipay")
    second, second_page = await go(market, order, "wechat")
    await market.tills["alipay"].pay(first, first_page)
    await market.tills["wechat"].pay(second, second_page)

    # when
    one, other = (first, second) if late_first else (second, first)
    await call_back(market, one)
    await call_back(market, other)
    await call_back(market, other)
    await sweep(market, 11)

    # then
    assert await states(market, order) == ["held", "paid"]
    assert await market.tills[one.provider].refunded_fen(one) == 0
    assert await market.tills[other.provider].refunded_fen(other) == other.amount_fen
    kept = {one.id: one for one in await market.rig.payment_store.of_order(order.id)}
    assert (kept[one.id].state, kept[one.id].wins) == (PaymentState.PAID, True)
    assert (kept[other.id].state, kept[other.id].wins) == (PaymentState.REFUNDED, False)
    await market.rig.check_ledger(await market.rig.catalog.get(order.lines[0].product_id), PLENTY)


async def test_two_callbacks_at_the_same_moment_leave_one_winner(market: Market) -> None:
    order = await held(market)
    first, first_page = await go(market, order, "alipay")
    second, second_page = await go(market, order, "wechat")
    await market.tills["alipay"].pay(first, first_page)
    await market.tills["wechat"].pay(second, second_page)
    await asyncio.gather(call_back(market, first), call_back(market, second))
    await sweep(market, 11)
    kept = await market.rig.payment_store.of_order(order.id)
    assert sorted((one.state.value, one.wins) for one in kept) == [("paid", True), ("refunded", False)]


async def test_the_second_money_goes_back_without_a_callback_too(market: Market) -> None:
    # given: he opens the page that he left, pays there, and neither callback comes
    order = await held(market)
    first, first_page = await go(market, order, "alipay")
    second, second_page = await go(market, order, "wechat")
    await market.tills["wechat"].pay(second, second_page)
    await sweep(market, 11)
    await market.tills["alipay"].pay(first, first_page)

    # when
    for _ in range(8):
        await sweep(market, 300)

    # then
    assert await states(market, order) == ["held", "paid"]
    assert await market.tills["alipay"].refunded_fen(first) == first.amount_fen
    assert await market.tills["wechat"].refunded_fen(second) == 0
    assert all(one.look_at is None for one in await market.rig.payment_store.of_order(order.id))


async def test_a_provider_that_is_away_does_not_keep_the_buyer_from_another(market: Market) -> None:
    # given
    order = await held(market)
    first, first_page = await go(market, order, "wechat")
    market.wechat.mood = Mood.BROKEN

    # when
    second, second_page = await go(market, order, "alipay")
    await sweep(market, 11)
    market.wechat.mood = Mood.WELL
    await sweep(market, 21)

    # then
    with pytest.raises(NotPayable):
        await market.tills["wechat"].pay(first, first_page)
    await market.tills["alipay"].pay(second, second_page)
    await call_back(market, second)
    assert await states(market, order) == ["held", "paid"]


async def test_two_pages_that_choose_different_ways_at_once_leave_one_trade_open(market: Market) -> None:
    order = await held(market)
    ways = ["wechat", "alipay", "sandbox", "wechat"]
    begun = await asyncio.gather(
        *(market.rig.payments.begin(LI, order.id, way, PHONE) for way in ways), return_exceptions=True
    )
    assert any(isinstance(one, Checkout) for one in begun)
    kept = await market.rig.payment_store.of_order(order.id)
    assert len([one for one in kept if one.state is PaymentState.WAITING]) == 1


async def test_a_page_that_gives_up_leaves_the_quicker_one_its_trade(
    market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: another page that is always quicker
    order = await held(market)
    add_once = market.rig.payment_store.add_once

    async def add_second(payment: Payment) -> Payment | None:
        await add_once(replace(payment, id=new_id(), provider="sandbox"))
        return await add_once(payment)

    monkeypatch.setattr(market.rig.payment_store, "add_once", add_second)

    # when
    with pytest.raises(Unavailable):
        await market.rig.payments.begin(LI, order.id, "alipay", PHONE)

    # then
    kept = await market.rig.payment_store.of_order(order.id)
    assert [one.provider for one in kept if one.state is PaymentState.WAITING] == ["sandbox"]


async def test_one_order_is_not_begun_without_end(market: Market) -> None:
    order = await held(market)
    ways = ["sandbox", "alipay"] * WAYS_AT_MOST
    for way in ways[:WAYS_AT_MOST]:
        await go(market, order, way)
    with pytest.raises(TooManyRequests):
        await go(market, order, ways[WAYS_AT_MOST])
    await go(market, order, ways[WAYS_AT_MOST - 1])


async def test_a_way_that_is_not_set_up_is_refused(market: Market) -> None:
    order = await held(market)
    with pytest.raises(BadRequest):
        await go(market, order, "paypal")
    assert await market.rig.payment_store.of_order(order.id) == []
