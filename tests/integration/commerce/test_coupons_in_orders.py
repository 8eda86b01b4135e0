"""A coupon is in an order exactly as long as the order's pieces are, whatever happens to the order."""

from __future__ import annotations

import asyncio

import pytest

from server.coupons.model import Coupon, CouponState
from server.errors import DomainError
from server.orders.model import Order, OrderState
from tests.integration.commerce.rig import PLENTY, Rig, code_of, make_user, of_product
from tests.integration.commerce.test_crashes import Killed, dies_after

LI, WANG = make_user("li"), make_user("wang")


async def ordered_with_coupon(rig: Rig) -> tuple[Coupon, Order]:
    """An order of two at 39.90 with 5 yuan off."""
    _, product = await rig.stall()
    coupon = await rig.give_coupon(LI, product.merchant_id)
    return coupon, await rig.place(LI, "r1", of_product(product.id, 2), coupon_id=coupon.id)


async def check(rig: Rig, order: Order) -> None:
    await rig.check_ledger(await rig.catalog.get(order.lines[0].product_id), PLENTY)


async def order_again(rig: Rig, order: Order, coupon: Coupon, request_id: str = "r2") -> object:
    wish = of_product(order.lines[0].product_id)
    try:
        return await rig.place(LI, request_id, wish, coupon_id=coupon.id)
    except DomainError as error:
        return error


async def test_a_coupon_makes_the_order_and_its_payment_cheaper_and_is_used(rig: Rig) -> None:
    # given
    coupon, order = await ordered_with_coupon(rig)
    assert (order.discount_fen, order.total_fen) == (500, 2 * 3990 - 500)
    used = await rig.coupon(coupon)
    assert (used.state, used.order_id) == (CouponState.USED, order.id)
    assert code_of(await order_again(rig, order, coupon)) == "coupon_not_usable"

    # when
    await rig.call_back(await rig.press_pay(LI, order))

    # then
    (payment,) = await rig.payment_store.of_order(order.id)
    assert payment.amount_fen == order.total_fen
    assert (await rig.coupon(coupon)).state is CouponState.USED
    await check(rig, order)


@pytest.mark.parametrize("end", ["cancelled", "expired", "refunded"])
async def test_an_order_that_comes_to_nothing_gives_its_coupon_back(rig: Rig, end: str) -> None:
    # given
    coupon, order = await ordered_with_coupon(rig)

    # when
    if end == "cancelled":
        await rig.orders.cancel(LI, order.id)
    elif end == "expired":
        rig.clock.pass_seconds(900)
        await rig.clockwork.sweep()
    else:
        await rig.call_back(await rig.press_pay(LI, order))
        await rig.payments.refund_own(LI, order.id)

    # then
    assert (await rig.orders.get(LI, order.id)).state == end
    assert (await rig.coupon(coupon)).state is CouponState.READY
    await check(rig, order)
    assert code_of(await order_again(rig, order, coupon)) == "held"


async def test_two_orders_want_one_coupon_on_two_servers_and_one_gets_it(rig: Rig, second_rig: Rig) -> None:
    # given: two products, so that nothing else keeps the two apart
    _, oranges = await rig.stall()
    tea = await rig.catalog.add_product(
        oranges.merchant_id, name="君山银针", description="", price_fen=5000, unit="罐", stock=5
    )
    coupon = await rig.give_coupon(LI, oranges.merchant_id)

    # when
    answers = await asyncio.gather(
        rig.place(LI, "r1", of_product(oranges.id), coupon_id=coupon.id),
        second_rig.place(LI, "r2", of_product(tea.id), coupon_id=coupon.id),
        return_exceptions=True,
    )

    # then
    assert sorted(code_of(answer) for answer in answers) == ["coupon_not_usable", "held"]
    await rig.check_ledger(oranges, PLENTY)
    await rig.check_ledger(tea, 5)


async def test_a_late_payment_takes_its_coupon_again_though_its_time_is_over(rig: Rig) -> None:
    # given: the coupon was good when he ordered
    coupon, order = await ordered_with_coupon(rig)
    body = await rig.press_pay(LI, order)
    rig.clock.pass_seconds(3_601)
    await rig.clockwork.sweep()
    assert (await rig.coupon(coupon)).state is CouponState.READY

    # when
    await rig.call_back(body)

    # then
    assert (await rig.orders.get(LI, order.id)).state is OrderState.PAID
    assert (await rig.coupon(coupon)).order_id == order.id
    await check(rig, order)


async def test_late_money_goes_back_when_the_coupon_is_in_another_order(rig: Rig) -> None:
    # given
    coupon, order = await ordered_with_coupon(rig)
    body = await rig.press_pay(LI, order)
    rig.clock.pass_seconds(901)
    await rig.clockwork.sweep()
    other = await order_again(rig, order, coupon)
    assert isinstance(other, Order)

    # when
    await rig.call_back(body)

    # then
    assert (await rig.orders.get(LI, order.id)).state is OrderState.REFUNDED
    assert (await rig.coupon(coupon)).order_id == other.id
    await check(rig, order)


async def test_placing_that_dies_after_it_took_the_coupon_has_taken_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, product = await rig.stall()
    coupon = await rig.give_coupon(LI, product.merchant_id)
    with monkeypatch.context() as crash:
        crash.setattr(rig.coupon_store, "use", dies_after(rig.coupon_store.use))
        with pytest.raises(Killed):
            await rig.place(LI, "r1", of_product(product.id), coupon_id=coupon.id)
    assert (await rig.coupon(coupon)).state is CouponState.READY
    await rig.check_ledger(product, PLENTY)


async def test_a_coupon_of_somebody_else_or_of_another_merchant_is_refused_and_takes_no_piece(rig: Rig) -> None:
    _, product = await rig.stall()
    _, elsewhere = await rig.stall()
    his, other = await rig.give_coupon(WANG, product.merchant_id), await rig.give_coupon(LI, elsewhere.merchant_id)
    refusals = {his.id: "unknown_coupon", "none": "unknown_coupon", other.id: "coupon_not_usable"}
    for coupon_id, code in refusals.items():
        with pytest.raises(DomainError) as refused:
            await rig.place(LI, "r1", of_product(product.id), coupon_id=coupon_id)
        assert refused.value.code == code
    await rig.check_ledger(product, PLENTY)
