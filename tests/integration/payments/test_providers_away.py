"""Providers that are down, slow, or say what nobody can believe: nothing is lost, and nobody waits for long."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from server.errors import Unavailable
from server.orders.model import Order
from server.payments.model import Payment, PaymentState
from server.payments.service import LOOKS_IN_ONE_ROUND, ProviderAway
from tests.harness.gateway import FakeGateway, Mood
from tests.integration.commerce.rig import PHONE, make_user
from tests.integration.payments.tills import TIMEOUT_SECONDS, Market

LI = make_user("li")
BAD_MOODS = [mood for mood in Mood if mood is not Mood.WELL]
both = pytest.mark.parametrize("way", ["wechat", "alipay"])
whatever = pytest.mark.parametrize("mood", BAD_MOODS)


def gateway_of(market: Market, way: str) -> FakeGateway:
    return {"wechat": market.wechat, "alipay": market.alipay}[way]


async def begun(market: Market, way: str, request_id: str = "r1") -> tuple[Order, Payment]:
    """The buyer is at the provider's page."""
    _, product = await market.rig.stall()
    order = await market.rig.buy(LI, product.id, request_id, 1)
    checkout = await market.rig.payments.begin(LI, order.id, way, PHONE)
    (payment,) = await market.rig.payment_store.of_order(order.id)
    if way == "alipay":
        market.alipay.open(checkout.url)
    return order, payment


async def state(market: Market, order: Order) -> str:
    return (await market.rig.orders.get(LI, order.id)).state


async def sweep(market: Market, seconds: float) -> None:
    market.rig.clock.pass_seconds(seconds)
    await market.rig.payments.sweep()


@whatever
async def test_who_cannot_be_sent_to_pay_is_told_to_try_again(market: Market, mood: Mood) -> None:
    # given
    _, product = await market.rig.stall()
    order = await market.rig.buy(LI, product.id, "r1", 1)
    market.wechat.mood = mood

    # when
    with pytest.raises(Unavailable):
        await market.rig.payments.begin(LI, order.id, "wechat", PHONE)

    # then
    market.wechat.mood = Mood.WELL
    assert (await market.rig.payments.begin(LI, order.id, "wechat", PHONE)).url.startswith("https://wx.tenpay.com/")
    assert len(await market.rig.payment_store.of_order(order.id)) == 1


@both
@whatever
async def test_money_that_came_during_an_outage_is_found_after_it(market: Market, way: str, mood: Mood) -> None:
    # given: paid, without a callback
    order, payment = await begun(market, way)
    gateway = gateway_of(market, way)
    gateway.pay(payment.id)
    gateway.mood = mood

    # when
    await sweep(market, 11)
    during = await state(market, order)
    gateway.mood = Mood.WELL
    await sweep(market, 21)

    # then
    assert (during, await state(market, order)) == ("held", "paid")


@both
@whatever
async def test_a_refund_during_an_outage_is_given_after_it_and_once(market: Market, way: str, mood: Mood) -> None:
    # given
    order, payment = await begun(market, way)
    gateway = gateway_of(market, way)
    gateway.pay(payment.id)
    await sweep(market, 11)
    gateway.mood = mood

    # when
    await market.rig.payments.refund_own(LI, order.id)
    during = await state(market, order)
    await sweep(market, 11)
    gateway.mood = Mood.WELL
    await sweep(market, 21)
    await sweep(market, 41)

    # then
    assert (during, await state(market, order)) == ("refunding", "refunded")
    assert list(gateway.trades[payment.id].refunds.values()) == [payment.amount_fen]


@both
async def test_a_refund_that_takes_days_is_done_when_the_provider_says_so(market: Market, way: str) -> None:
    # given
    order, payment = await begun(market, way)
    gateway = gateway_of(market, way)
    gateway.pay(payment.id)
    await sweep(market, 11)
    gateway.refunds_are_slow = True

    # when
    await market.rig.payments.refund_own(LI, order.id)
    await sweep(market, 3_600)
    during = await state(market, order)
    gateway.refunds_are_slow = False
    await sweep(market, 3_600)

    # then
    assert (during, await state(market, order)) == ("refunding", "refunded")
    assert list(gateway.trades[payment.id].refunds.values()) == [payment.amount_fen]


async def test_who_is_asked_in_vain_is_asked_ever_more_rarely_and_then_no_more(market: Market) -> None:
    # given
    order, payment = await begun(market, "wechat")
    market.wechat.mood = Mood.BROKEN
    await market.rig.orders.cancel(LI, order.id)

    # when
    pauses: list[float] = []
    for _ in range(12):
        await market.rig.payments.sweep()
        kept = await market.rig.payment_store.get(payment.id)
        assert kept is not None
        assert kept.look_at is not None
        pauses.append((kept.look_at - market.rig.clock.now()).total_seconds())
        market.rig.clock.pass_seconds(pauses[-1])
    await sweep(market, 9 * 24 * 3_600)

    # then
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (20.0, 3_600.0)
    given_up = await market.rig.payment_store.get(payment.id)
    assert given_up is not None
    assert (given_up.state, given_up.look_at) == (PaymentState.CLOSED, None)


async def test_a_silent_provider_holds_up_one_round_for_one_timeout_however_many_wait(market: Market) -> None:
    # given
    _, product = await market.rig.stall()
    for n in range(15):
        buyer = make_user(f"buyer{n}")
        order = await market.rig.buy(buyer, product.id, "r1", 1)
        await market.rig.payments.begin(buyer, order.id, "wechat", PHONE)
    market.wechat.mood = Mood.SILENT

    # when
    async with asyncio.timeout(TIMEOUT_SECONDS * 6):  # one after the other it would be fifteen
        await sweep(market, 11)

    # then
    waiting = await market.rig.database["payments"].count_documents({"state": "waiting"})
    assert waiting == 15


async def test_a_wechat_trade_whose_beginning_is_on_its_way_is_closed_once_it_has_come(market: Market) -> None:
    # given: WeChat has not heard yet of what the buyer began, and he cancels
    order, payment = await begun(market, "wechat")
    late = market.wechat.trades.pop(payment.id)
    await market.rig.orders.cancel(LI, order.id)
    await sweep(market, 1)

    # when it comes
    market.wechat.trades[payment.id] = late
    await sweep(market, 61)

    # then nobody can pay it
    assert late.state == "closed"


async def test_a_wechat_trade_that_never_came_is_not_asked_for_for_ever(market: Market) -> None:
    order, payment = await begun(market, "wechat")
    del market.wechat.trades[payment.id]
    await market.rig.orders.cancel(LI, order.id)
    await sweep(market, 1)
    await sweep(market, 15 * 60 + 61)
    kept = await market.rig.payment_store.get(payment.id)
    assert kept is not None
    assert (kept.state, kept.look_at) == (PaymentState.CLOSED, None)


async def test_a_provider_that_hangs_keeps_nobody_from_money_that_lies_with_another(market: Market) -> None:
    # given: more than one round can look at waits for Alipay, all of it before what was paid with WeChat
    _, old = await begun(market, "alipay")
    for number in range(LOOKS_IN_ONE_ROUND):
        await market.rig.payment_store.add_once(replace(old, id=f"old{number}", state=PaymentState.CLOSED))
    market.rig.clock.pass_seconds(1)
    order, payment = await begun(market, "wechat", "r2")
    market.wechat.pay(payment.id)
    market.alipay.mood = Mood.SILENT

    # when
    await sweep(market, 11)

    # then
    assert await state(market, order) == "paid"


async def test_a_payment_of_a_provider_that_is_set_up_no_more_is_looked_at_still(market: Market) -> None:
    order, payment = await begun(market, "alipay")
    await market.rig.payment_store.add_once(replace(payment, id="gone", provider="gone", state=PaymentState.CLOSED))
    await sweep(market, 11)
    kept = await market.rig.payment_store.get("gone")
    assert kept is not None
    assert kept.looks == 1
    assert await state(market, order) == "held"


async def test_an_alipay_trade_that_nobody_opened_is_closed_when_nobody_can_open_it(market: Market) -> None:
    # given
    _, product = await market.rig.stall()
    order = await market.rig.buy(LI, product.id, "r1", 1)
    await market.rig.payments.begin(LI, order.id, "alipay", PHONE)
    (payment,) = await market.rig.payment_store.of_order(order.id)
    provider = market.rig.payments._named("alipay")

    # when
    with pytest.raises(ProviderAway):
        await provider.close(payment)
    market.rig.clock.pass_seconds(901)

    # then
    assert await provider.close(payment) is None
