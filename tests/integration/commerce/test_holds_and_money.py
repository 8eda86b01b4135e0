"""What time and money do to orders: holds run out, payments come late, twice or forged, money goes back."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from server.errors import Conflict, DomainError, NotFound
from server.flash.model import SaleState
from server.orders.model import Actor, Order, OrderState
from server.payments.model import PaymentState
from server.payments.sandbox.bill import BillState
from server.payments.sandbox.provider import SIGNATURE_HEADER, sign
from server.payments.service import ProviderAway
from tests.integration.commerce.rig import PHONE, PLENTY, SECRET, Rig, make_user

LI, WANG = make_user("li"), make_user("wang")


def states(order: Order) -> list[str]:
    return [change.state.value for change in order.history]


async def test_a_hold_that_runs_out_goes_back_to_the_open_sale(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=1)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)

    # when
    rig.clock.pass_seconds(299)
    await rig.clockwork.sweep()
    still_held = (await rig.sale(sale)).held
    rig.clock.pass_seconds(1)
    await rig.clockwork.sweep()

    # then
    after = await rig.sale(sale)
    assert (still_held, after.available, after.held) == (1, 1, 0)
    assert states(await rig.orders.get(LI, order.id)) == ["held", "expired"]
    assert (await rig.place_in_sale(WANG, sale.id, "r1", 1)).state is OrderState.HELD
    assert rig.told.heard[-2][:2] == (f"user:{LI.id}", "order")
    await rig.check_ledger(product, PLENTY)


async def test_a_hold_that_runs_out_after_closing_goes_back_to_the_product(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=3)
    await rig.place_in_sale(LI, sale.id, "r1", 1)
    closed = (await rig.sales.close(host, sale.id)).sale
    assert (closed.held, closed.returned, await rig.stock_of(product)) == (1, 2, 99)

    # when
    rig.clock.pass_seconds(300)
    await rig.clockwork.sweep()

    # then
    after = await rig.sale(sale)
    assert (after.held, after.returned, await rig.stock_of(product)) == (0, 3, 100)
    await rig.check_ledger(product, PLENTY)


async def test_a_sale_past_its_time_takes_no_orders_and_is_closed_by_the_sweep(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=5, duration_seconds=60)
    rig.clock.pass_seconds(60)

    # when, then
    with pytest.raises(Conflict) as refused:
        await rig.place_in_sale(LI, sale.id, "r1", 1)
    assert refused.value.code == "sale_closed"
    await rig.sales.sweep()
    assert (await rig.sale(sale)).state is SaleState.CLOSED
    assert await rig.stock_of(product) == PLENTY


async def test_a_new_sale_opens_over_one_whose_time_is_over(rig: Rig) -> None:
    host, product = await rig.stall(stock=5)
    await rig.open_sale(host, product, quantity=5, duration_seconds=60)
    rig.clock.pass_seconds(61)
    again = await rig.open_sale(host, product, quantity=5)
    assert again.state is SaleState.OPEN
    await rig.check_ledger(product, 5)


async def test_a_room_has_one_sale_at_a_time_and_the_refused_one_takes_no_stock(rig: Rig) -> None:
    host, product = await rig.stall()
    await rig.open_sale(host, product, quantity=3)
    with pytest.raises(Conflict) as refused:
        await rig.open_sale(host, product, quantity=4)
    assert refused.value.code == "sale_running"
    assert await rig.stock_of(product) == PLENTY - 3


async def test_more_than_there_is_cannot_be_put_on_sale(rig: Rig) -> None:
    host, product = await rig.stall(stock=2)
    with pytest.raises(Conflict) as refused:
        await rig.open_sale(host, product, quantity=3)
    assert refused.value.code == "out_of_stock"
    assert await rig.stock_of(product) == 2


async def test_another_hosts_sale_and_product_are_out_of_reach(rig: Rig) -> None:
    host, product = await rig.stall()
    stranger, _ = await rig.stall()
    sale = await rig.open_sale(host, product)
    with pytest.raises(NotFound):
        await rig.sales.close(stranger, sale.id)
    with pytest.raises(NotFound):
        await rig.open_sale(stranger, product)


async def test_a_cancelled_hold_can_be_had_by_the_next(rig: Rig) -> None:
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=1)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    await rig.orders.cancel(LI, order.id)
    assert (await rig.place_in_sale(WANG, sale.id, "r1", 1)).state is OrderState.HELD
    with pytest.raises(Conflict):
        await rig.orders.cancel(LI, order.id)
    await rig.check_ledger(product, PLENTY)


async def test_a_callback_pays_the_order_once_however_often_it_comes(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, order)

    # when
    for _ in range(3):
        await rig.call_back(body)

    # then
    paid = await rig.orders.get(LI, order.id)
    assert states(paid) == ["held", "paid"]
    assert paid.paid_at == rig.clock.now()
    assert (await rig.sale(sale)).sold == 1
    kept = await rig.database["payment_callbacks"].find_one({})
    assert kept is not None
    assert kept["times"] == 3
    with pytest.raises(Conflict):
        await rig.payments.begin(LI, order.id, None, PHONE)


async def test_going_to_pay_twice_is_one_payment(rig: Rig) -> None:
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    assert await rig.payments.begin(LI, order.id, None, PHONE) == await rig.payments.begin(LI, order.id, None, PHONE)
    with pytest.raises(NotFound):
        await rig.payments.begin(WANG, order.id, None, PHONE)


async def test_a_payment_after_the_hold_ran_out_gets_a_piece_again_if_there_is_one(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=2)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, order)
    rig.clock.pass_seconds(301)
    await rig.clockwork.sweep()

    # when
    await rig.call_back(body)

    # then
    assert states(await rig.orders.get(LI, order.id)) == ["held", "expired", "paid_late", "paid"]
    after = await rig.sale(sale)
    assert (after.available, after.sold) == (1, 1)
    await rig.check_ledger(product, PLENTY)


async def test_a_payment_after_closing_gets_a_piece_out_of_the_products_stock(rig: Rig) -> None:
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=2)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, order)
    rig.clock.pass_seconds(601)
    await rig.clockwork.sweep()
    await rig.sales.sweep()
    await rig.call_back(body)
    after = await rig.sale(sale)
    assert (after.returned, after.sold, await rig.stock_of(product)) == (1, 1, PLENTY - 1)
    await rig.check_ledger(product, PLENTY)


async def test_a_payment_for_which_nothing_is_left_goes_back_by_itself(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=1)
    late = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, late)
    rig.clock.pass_seconds(301)
    await rig.clockwork.sweep()
    quick = await rig.place_in_sale(WANG, sale.id, "r1", 1)

    # when
    await rig.call_back(body)
    await rig.call_back(body)

    # then
    assert states(await rig.orders.get(LI, late.id)) == ["held", "expired", "paid_late", "refunding", "refunded"]
    (payment,) = await rig.payment_store.of_order(late.id)
    assert (payment.state, payment.look_at) == (PaymentState.REFUNDED, None)
    bill = await rig.bill_store.get(payment.id)
    assert bill is not None
    assert bill.state is BillState.REFUNDED
    assert (await rig.orders.get(WANG, quick.id)).state is OrderState.HELD
    await rig.check_ledger(product, PLENTY)


async def test_a_late_payment_does_not_lift_the_limit_per_buyer(rig: Rig) -> None:
    # given: he let one hold run out and took another
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=3, per_buyer=1)
    first = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, first)
    rig.clock.pass_seconds(301)
    await rig.clockwork.sweep()
    await rig.place_in_sale(LI, sale.id, "r2", 1)

    # when
    await rig.call_back(body)

    # then
    assert (await rig.orders.get(LI, first.id)).state is OrderState.REFUNDED
    assert (await rig.sale(sale)).held == 1


async def test_money_for_a_cancelled_order_goes_back(rig: Rig) -> None:
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, order)
    await rig.orders.cancel(LI, order.id)
    await rig.call_back(body)
    assert states(await rig.orders.get(LI, order.id)) == ["held", "cancelled", "refunding", "refunded"]


async def test_a_refund_that_fails_is_tried_again_by_the_sweep(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    # given: the provider is away when the money is to go back
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, order)
    await rig.call_back(body)
    provider = rig.payments._providers["sandbox"]

    async def away(_: object) -> bool:
        raise ProviderAway("no answer")

    with monkeypatch.context() as outage:
        outage.setattr(provider, "refund", away)
        await rig.payments.refund_own(LI, order.id)
    assert (await rig.orders.get(LI, order.id)).state is OrderState.REFUNDING

    # when
    await rig.payments.sweep()
    too_early = (await rig.orders.get(LI, order.id)).state
    rig.clock.pass_seconds(11)
    await rig.payments.sweep()

    # then
    assert too_early is OrderState.REFUNDING
    assert (await rig.orders.get(LI, order.id)).state is OrderState.REFUNDED
    assert (await rig.sale(sale)).available == 3
    await rig.check_ledger(product, PLENTY)


async def test_a_callback_that_comes_again_while_the_buyer_takes_his_order_back_loses_no_money(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: the callback comes again and sees a paid order, which is given back then; the provider is away
    _, product = await rig.stall()
    order = await rig.buy(LI, product.id, "r1", 1)
    body = await rig.press_pay(LI, order)
    await rig.call_back(body)
    follow, provider = rig.settling.payment_arrived, rig.payments._providers["sandbox"]

    async def away(_: object) -> bool:
        raise ProviderAway("no answer")

    async def follow_slowly(order_id: str, paid_at: datetime) -> Order:
        seen = await follow(order_id, paid_at)
        monkeypatch.setattr(rig.settling, "payment_arrived", follow)
        await rig.payments.refund_own(LI, order.id)
        return seen

    with monkeypatch.context() as outage:
        outage.setattr(provider, "refund", away)
        monkeypatch.setattr(rig.settling, "payment_arrived", follow_slowly)
        await rig.call_back(body)

    # when
    rig.clock.pass_seconds(11)
    await rig.payments.sweep()

    # then
    assert states(await rig.orders.get(LI, order.id)) == ["held", "paid", "refunding", "refunded"]


async def test_a_server_that_dies_while_an_order_is_taken_back_loses_no_money_though_a_callback_comes_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    _, product = await rig.stall()
    order = await rig.buy(LI, product.id, "r1", 1)
    body = await rig.press_pay(LI, order)
    await rig.call_back(body)
    take_back = rig.settling.refund

    async def take_back_and_die(order_id: str, by: Actor) -> Order:
        await rig.call_back(body)
        await take_back(order_id, by)
        raise ConnectionAbortedError("killed")

    with monkeypatch.context() as death:
        death.setattr(rig.settling, "refund", take_back_and_die)
        with pytest.raises(ConnectionAbortedError):
            await rig.payments.refund_own(LI, order.id)

    # when
    rig.clock.pass_seconds(61)
    await rig.payments.sweep()

    # then
    assert (await rig.orders.get(LI, order.id)).state is OrderState.REFUNDED


async def test_an_order_that_did_not_follow_its_money_follows_with_the_sweep(rig: Rig) -> None:
    # given: the server died after it wrote down that money came
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    await rig.press_pay(LI, order)
    (payment,) = await rig.payment_store.of_order(order.id)
    await rig.payment_store.mark_paid(payment.id, "R1", rig.clock.now(), rig.clock.now())

    # when
    await rig.payments.sweep()

    # then
    assert (await rig.orders.get(LI, order.id)).state is OrderState.PAID


async def test_what_is_forged_old_or_wrong_changes_nothing_and_is_kept(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, order)
    genuine = json.loads(body)
    now = rig.clock.now()
    cheap = json.dumps({**genuine, "amount_fen": 1}).encode()
    stranger = json.dumps({**genuine, "payment_id": "f" * 32}).encode()
    floating = json.dumps({**genuine, "amount_fen": 990.0}).encode()
    old = now.replace(hour=now.hour - 1)
    attempts = [
        (body, "", "bad_signature"),
        (body, "t=1,v1=" + "0" * 64, "bad_signature"),
        (body, sign("another secret that is long enough", body, now), "bad_signature"),
        (cheap, sign(SECRET, body, now), "bad_signature"),
        (body, sign(SECRET, body, old), "callback_too_old"),
        (cheap, sign(SECRET, cheap, now), "wrong_amount"),
        (stranger, sign(SECRET, stranger, now), "unknown_payment"),
        (floating, sign(SECRET, floating, now), "bad_request"),
        (b"[]", sign(SECRET, b"[]", now), "bad_request"),
        (b"\xff", sign(SECRET, b"\xff", now), "bad_request"),
    ]

    # when
    codes = []
    for sent, signature, _ in attempts:
        with pytest.raises(DomainError) as refused:
            await rig.payments.receive("sandbox", {SIGNATURE_HEADER: signature}, sent)
        codes.append(refused.value.code)

    # then
    assert codes == [code for *_, code in attempts]
    assert (await rig.orders.get(LI, order.id)).state is OrderState.HELD
    kept = [document["code"] async for document in rig.database["refused_callbacks"].find()]
    assert kept == codes
    with pytest.raises(NotFound):
        await rig.payments.receive("nobody", {}, body)


async def test_buying_at_the_normal_price_holds_for_a_quarter_of_an_hour(rig: Rig) -> None:
    # given
    _, product = await rig.stall(stock=3)
    order = await rig.buy(LI, product.id, "r1", 2)
    assert (order.total_fen, await rig.stock_of(product)) == (2 * 3990, 1)

    # when
    rig.clock.pass_seconds(900)
    await rig.clockwork.sweep()

    # then
    assert await rig.stock_of(product) == 3
    assert (await rig.orders.get(LI, order.id)).state is OrderState.EXPIRED
    await rig.check_ledger(product, 3)
