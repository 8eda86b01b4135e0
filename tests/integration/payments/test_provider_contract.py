"""What every way to pay does, whoever is behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from server.accounts.model import User
from server.catalog.model import Product
from server.errors import Conflict, DomainError
from server.flash.model import Sale
from server.orders.model import Order, OrderState
from server.payments.model import Checkout, Payer, Payment, PaymentState
from tests.harness.gateway import NotPayable
from tests.integration.commerce.rig import PHONE, PLENTY, Rig, make_user
from tests.integration.payments.tills import Callback, Market, Till

LI, WANG = make_user("li"), make_user("wang")
LAPTOP = Payer(on_phone=False, address="2001:db8::9")
pytestmark = pytest.mark.parametrize("way", ["sandbox", "wechat", "alipay"])


@dataclass
class Purchase:
    """An order of one piece in a sale of one piece, on its way to be paid."""

    rig: Rig
    till: Till
    host: User
    product: Product
    sale: Sale
    order: Order
    checkout: Checkout
    payment: Payment

    async def call_back(self, callback: Callback) -> None:
        headers, body = callback
        await self.rig.payments.receive(self.till.name, headers, body)

    async def refused(self, callback: Callback) -> str:
        with pytest.raises(DomainError) as error:
            await self.call_back(callback)
        return error.value.code

    async def states(self) -> list[str]:
        return [change.state.value for change in (await self.rig.orders.get(LI, self.order.id)).history]

    async def money(self) -> tuple[PaymentState, int]:
        """Where the money is by our books, and how much of it is back by the provider's."""
        payment = await self.rig.payment_store.get(self.payment.id)
        assert payment is not None
        return payment.state, await self.till.refunded_fen(payment)


async def begin(market: Market, way: str, payer: Payer = PHONE) -> Purchase:
    rig = market.rig
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=1)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    checkout = await rig.payments.begin(LI, order.id, way, payer)
    (payment,) = await rig.payment_store.of_order(order.id)
    return Purchase(rig, market.tills[way], host, product, sale, order, checkout, payment)


async def paid(market: Market, way: str) -> Purchase:
    purchase = await begin(market, way)
    await purchase.till.pay(purchase.payment, purchase.checkout)
    return purchase


@pytest.mark.parametrize("payer", [PHONE, LAPTOP], ids=["phone", "laptop"])
async def test_the_callback_of_a_payment_pays_the_order(market: Market, way: str, payer: Payer) -> None:
    purchase = await begin(market, way, payer)
    await purchase.till.pay(purchase.payment, purchase.checkout)
    await purchase.call_back(await purchase.till.callback(purchase.payment))
    assert await purchase.states() == ["held", "paid"]
    assert await purchase.money() == (PaymentState.PAID, 0)
    await market.rig.check_ledger(purchase.product, PLENTY)


async def test_going_to_pay_again_is_the_same_trade(market: Market, way: str) -> None:
    purchase = await begin(market, way)
    await market.rig.payments.begin(LI, purchase.order.id, way, Payer(on_phone=True, address="192.0.2.10"))
    assert [one.id for one in await market.rig.payment_store.of_order(purchase.order.id)] == [purchase.payment.id]


async def test_a_callback_that_comes_again_changes_nothing_and_is_kept(market: Market, way: str) -> None:
    # given
    purchase = await paid(market, way)
    first = await purchase.till.callback(purchase.payment)

    # when
    await purchase.call_back(first)
    await purchase.call_back(first)
    await purchase.call_back(await purchase.till.callback(purchase.payment))

    # then
    assert await purchase.states() == ["held", "paid"]
    kept = await market.rig.database["payment_callbacks"].find({"payment_id": purchase.payment.id}).to_list()
    assert sum(one["times"] for one in kept) == 3
    assert await purchase.money() == (PaymentState.PAID, 0)


async def test_what_is_not_believed_changes_nothing_and_is_kept(market: Market, way: str) -> None:
    # given
    purchase = await paid(market, way)
    till, payment = purchase.till, purchase.payment
    headers, body = await till.callback(payment)
    long_ago = market.rig.clock.now() - timedelta(days=2)
    attempts = [
        (await till.forged(payment), "bad_signature"),
        (({}, b"out_trade_no=1&sign_type=RSA2&sign=AAAA"), "bad_signature"),
        ((headers, body.replace(b"a", b"b")), "bad_signature"),
        (await till.callback(payment, at=long_ago), "callback_too_old"),
        (await till.callback(payment, fen=payment.amount_fen - 1), "wrong_amount"),
        (await till.strange(payment), "unknown_payment"),
    ]

    # when
    codes = [await purchase.refused(callback) for callback, _ in attempts]

    # then
    assert codes == [code for _, code in attempts]
    assert await purchase.states() == ["held"]
    kept = [one["code"] async for one in market.rig.database["refused_callbacks"].find()]
    assert kept == codes


async def test_money_that_comes_too_late_goes_back_if_nothing_is_left(market: Market, way: str) -> None:
    # given: paid in time, but the callback is sent when somebody else has the last piece
    purchase = await paid(market, way)
    market.rig.clock.pass_seconds(301)
    await market.rig.clockwork.sweep()
    await market.rig.place_in_sale(WANG, purchase.sale.id, "r1", 1)

    # when
    await purchase.call_back(await purchase.till.callback(purchase.payment))

    # then
    assert await purchase.states() == ["held", "expired", "paid_late", "refunding", "refunded"]
    assert await purchase.money() == (PaymentState.REFUNDED, purchase.payment.amount_fen)
    await market.rig.check_ledger(purchase.product, PLENTY)


async def test_nobody_can_pay_when_the_hold_is_over(market: Market, way: str) -> None:
    purchase = await begin(market, way)
    market.rig.clock.pass_seconds(300)
    with pytest.raises(NotPayable):
        await purchase.till.pay(purchase.payment, purchase.checkout)


async def test_a_refund_gives_the_money_back_once(market: Market, way: str) -> None:
    # given
    purchase = await paid(market, way)
    await purchase.call_back(await purchase.till.callback(purchase.payment))

    # when
    refunded = await market.rig.payments.refund_for(purchase.host, purchase.order.id)
    with pytest.raises(Conflict):
        await market.rig.payments.refund_own(LI, purchase.order.id)
    again = await market.rig.payments._named(way).refund(purchase.payment)

    # then
    assert refunded.state is OrderState.REFUNDED
    assert again
    assert await purchase.money() == (PaymentState.REFUNDED, purchase.payment.amount_fen)


async def test_a_payment_whose_callback_never_comes_is_asked_for(market: Market, way: str) -> None:
    # given
    purchase = await begin(market, way)
    market.rig.clock.pass_seconds(11)
    await market.rig.payments.sweep()
    unpaid = await purchase.states()

    # when
    await purchase.till.pay(purchase.payment, purchase.checkout)
    market.rig.clock.pass_seconds(21)
    await market.rig.payments.sweep()

    # then
    assert unpaid == ["held"]
    assert await purchase.states() == ["held", "paid"]


async def test_a_cancelled_order_can_be_paid_no_more(market: Market, way: str) -> None:
    # given: the buyer has the provider's page open
    purchase = await begin(market, way)
    if way == "alipay":
        market.alipay.open(purchase.checkout.url)

    # when
    await market.rig.orders.cancel(LI, purchase.order.id)
    await market.rig.payments.sweep()

    # then
    with pytest.raises(NotPayable):
        await purchase.till.pay(purchase.payment, purchase.checkout)
    payment = await market.rig.payment_store.get(purchase.payment.id)
    assert payment is not None
    assert (payment.state, payment.look_at) == (PaymentState.CLOSED, None)


async def test_money_that_came_before_the_order_was_cancelled_goes_back_without_a_callback(
    market: Market, way: str
) -> None:
    purchase = await paid(market, way)
    await market.rig.orders.cancel(LI, purchase.order.id)
    await market.rig.payments.sweep()
    assert await purchase.states() == ["held", "cancelled", "refunding", "refunded"]
    assert await purchase.money() == (PaymentState.REFUNDED, purchase.payment.amount_fen)


async def test_an_expired_order_whose_money_is_there_is_an_order_again(market: Market, way: str) -> None:
    purchase = await paid(market, way)
    market.rig.clock.pass_seconds(301)
    await market.rig.clockwork.sweep()
    await market.rig.payments.sweep()
    assert await purchase.states() == ["held", "expired", "paid_late", "paid"]
    await market.rig.check_ledger(purchase.product, PLENTY)
