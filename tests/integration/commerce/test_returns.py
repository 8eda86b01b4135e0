"""Sending an order back: who may say what when, where its pieces and its money go, and who did it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from server.accounts.model import User
from server.addresses.model import Contact
from server.catalog.model import Product
from server.errors import DomainError
from server.flash.model import Sale
from server.infra.announce import user_channel
from server.orders.model import Actor, Order, OrderState, Shipment
from server.orders.returns import (
    ANSWER_DAYS,
    CHECKING_DAYS,
    DECIDING_DAYS,
    MOST_AGREED,
    MOST_ASKS,
    RETURN_DAYS,
    SENDING_DAYS,
)
from server.payments.model import PaymentState
from tests.integration.commerce.rig import PLENTY, RECEIVE_AFTER_DAYS, Rig, make_user
from tests.integration.commerce.test_after_paying import HOME, PARCEL

LI, WANG = make_user("li"), make_user("wang")
BACK = Shipment("顺丰", "SF2002")
DEPOT = Contact("张红", "13800138001", "岳阳市华容县章华镇果园路1号")
OTHER_DEPOT = Contact("张青", "13800138002", "岳阳市君山区柳林洲2号")
DAY = 86_400


async def shipped(rig: Rig, request_id: str = "r1") -> tuple[User, Product, Sale, Order]:
    """李明 has paid two pieces of a sale of three, and they are on their way."""
    host, oranges = await rig.stall()
    sale = await rig.open_sale(host, oranges, per_buyer=2)
    order = await rig.place_in_sale(LI, sale.id, request_id, 2)
    await rig.call_back(await rig.press_pay(LI, order))
    await rig.orders.deliver_to(LI, order.id, HOME)
    return host, oranges, sale, await rig.orders.ship(host, order.id, PARCEL)


async def sent_back(rig: Rig) -> tuple[User, Product, Sale, Order]:
    """The same on its way back."""
    host, oranges, sale, order = await shipped(rig)
    await rig.returns.ask(LI, order.id, " 坏了三个 ")
    await rig.returns.agree(host, order.id, DEPOT)
    return host, oranges, sale, await rig.returns.send_back(LI, order.id, BACK)


async def refused(work: object) -> str:
    with pytest.raises(DomainError) as error:
        await work  # type: ignore[misc]
    return error.value.code


async def money(rig: Rig, order: Order) -> PaymentState:
    (payment,) = await rig.payment_store.of_order(order.id)
    return payment.state


@pytest.mark.parametrize("restock", [True, False])
async def test_a_parcel_comes_back_and_the_merchant_says_whether_it_is_sold_again(rig: Rig, *, restock: bool) -> None:
    # given
    host, oranges, sale, order = await sent_back(rig)
    assert order.sent_back is not None
    assert (order.sent_back.reason, order.sent_back.parcel) == ("坏了三个", BACK)
    assert await money(rig, order) is PaymentState.PAID
    await rig.check_ledger(oranges, PLENTY)

    # when
    after = await rig.parcels.arrived(host, order.id, restock=restock)

    # then the money is back either way, and the pieces as he says
    assert after.state is (OrderState.REFUNDED if restock else OrderState.WRITTEN_OFF_REFUNDED)
    assert await money(rig, order) is PaymentState.REFUNDED
    pots = await rig.sale(sale)
    assert (pots.available, pots.sold) == ((3, 0) if restock else (1, 2))
    await rig.check_ledger(oranges, PLENTY)
    assert not (await rig.auditor.sweep()).wrong
    assert await refused(rig.parcels.arrived(host, order.id, restock=True)) == "step_not_allowed"


async def test_pieces_of_a_sale_that_is_over_come_back_to_the_products_stock(rig: Rig) -> None:
    host, oranges, sale, order = await sent_back(rig)
    await rig.sales.close(host, sale.id)
    await rig.parcels.arrived(host, order.id, restock=True)
    assert await rig.stock_of(oranges) == PLENTY
    await rig.check_ledger(oranges, PLENTY)


async def test_a_refusal_has_its_reason_and_may_be_thought_over(rig: Rig) -> None:
    host, _, _, order = await shipped(rig)
    await rig.returns.ask(LI, order.id, "坏了三个")
    assert await refused(rig.returns.refuse(host, order.id, "  ")) == "bad_request"
    after = await rig.returns.refuse(host, order.id, "照片上看不出来")
    assert (after.state, after.sent_back and after.sent_back.answer) == (OrderState.RETURN_REFUSED, "照片上看不出来")
    assert await refused(rig.returns.ask(LI, order.id, "坏了三个")) == "step_not_allowed"
    assert (await rig.returns.agree(host, order.id, DEPOT)).state is OrderState.RETURN_AGREED
    assert (await rig.returns.withdraw(LI, order.id)).state is OrderState.RECEIVED


async def test_the_buyer_is_told_where_the_parcel_goes_and_where_it_goes_instead(rig: Rig) -> None:
    # given
    host, _, _, order = await shipped(rig)
    await rig.returns.ask(LI, order.id, "坏了三个")
    nowhere = Contact("张红", "13800138001", "村里")
    assert await refused(rig.returns.agree(host, order.id, nowhere)) == "bad_request"

    # when
    await rig.returns.agree(host, order.id, DEPOT)

    # then
    agreed = await rig.orders.get(LI, order.id)
    assert agreed.sent_back is not None
    assert (agreed.sent_back.reason, agreed.sent_back.back_to) == ("坏了三个", DEPOT)

    # when the merchant names another place, the buyer has seven days from then
    rig.clock.pass_seconds(DAY)
    rig.told.heard.clear()
    after = await rig.returns.agree(host, order.id, OTHER_DEPOT)
    assert [(channel, event) for channel, event, _ in rig.told.heard] == [(user_channel(LI.id), "order")]
    assert (after.state, after.sent_back and after.sent_back.back_to) == (OrderState.RETURN_AGREED, OTHER_DEPOT)
    assert after.return_until == rig.clock.now() + timedelta(days=SENDING_DAYS)

    # and it is not told for ever another one, nor once the parcel is on its way
    for _ in range(MOST_AGREED - 2):
        await rig.returns.agree(host, order.id, DEPOT)
    assert await refused(rig.returns.agree(host, order.id, OTHER_DEPOT)) == "asked_too_often"
    sent = await rig.returns.send_back(LI, order.id, BACK)
    assert sent.sent_back is not None
    assert (sent.sent_back.back_to, sent.sent_back.parcel) == (DEPOT, BACK)


async def test_each_return_has_its_own_addresses(rig: Rig) -> None:
    # given
    host, _, _, order = await shipped(rig)
    await rig.returns.ask(LI, order.id, "坏了三个")
    for _ in range(MOST_AGREED):
        await rig.returns.agree(host, order.id, DEPOT)
    await rig.returns.withdraw(LI, order.id)

    # when
    await rig.returns.ask(LI, order.id, "又坏了一个")

    # then
    assert (await rig.returns.agree(host, order.id, OTHER_DEPOT)).state is OrderState.RETURN_AGREED


async def test_the_clock_ends_no_return_that_got_more_time_since_it_looked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: the buyer's time is over, and in the moment in which a sweep has seen it he gets more
    host, _, _, order = await shipped(rig)
    await rig.returns.ask(LI, order.id, "坏了三个")
    await rig.returns.agree(host, order.id, DEPOT)
    rig.clock.pass_seconds(SENDING_DAYS * DAY + 1)
    look = rig.order_store.returns_past

    async def look_and_agree(state: OrderState, now: datetime, limit: int) -> list[Order]:
        found = await look(state, now, limit)
        if state is OrderState.RETURN_AGREED:
            await rig.returns.agree(host, order.id, OTHER_DEPOT)
        return found

    monkeypatch.setattr(rig.order_store, "returns_past", look_and_agree)

    # when
    await rig.clockwork.sweep()

    # then
    assert (await rig.returns.send_back(LI, order.id, BACK)).state is OrderState.RETURN_SENT


async def test_a_merchant_who_let_the_clock_agree_says_later_where_it_goes(rig: Rig) -> None:
    # given
    host, _, _, order = await shipped(rig)
    await rig.returns.ask(LI, order.id, "坏了三个")
    rig.clock.pass_seconds(ANSWER_DAYS * DAY + 1)
    await rig.clockwork.sweep()
    agreed = await rig.orders.get(LI, order.id)
    assert (agreed.state, agreed.sent_back and agreed.sent_back.back_to) == (OrderState.RETURN_AGREED, None)

    # when
    after = await rig.returns.agree(host, order.id, DEPOT)

    # then
    assert after.sent_back is not None
    assert after.sent_back.back_to == DEPOT


async def test_whoever_asks_and_withdraws_again_and_again_is_stopped(rig: Rig) -> None:
    _, _, _, order = await shipped(rig)
    for _ in range(MOST_ASKS):
        await rig.returns.ask(LI, order.id, "再想想")
        await rig.returns.withdraw(LI, order.id)
    assert await refused(rig.returns.ask(LI, order.id, "再想想")) == "asked_too_often"


async def test_only_buyer_and_merchant_have_a_say_each_in_his_turn(rig: Rig) -> None:
    host, _, _, order = await shipped(rig)
    another, _ = await rig.stall()
    assert await refused(rig.returns.ask(WANG, order.id, "坏了")) == "not_found"
    assert await refused(rig.returns.agree(host, order.id, DEPOT)) == "step_not_allowed"
    assert await refused(rig.returns.send_back(LI, order.id, BACK)) == "step_not_allowed"
    await rig.returns.ask(LI, order.id, "坏了")
    assert await refused(rig.returns.agree(another, order.id, DEPOT)) == "not_found"
    assert await refused(rig.parcels.arrived(host, order.id, restock=True)) == "step_not_allowed"
    await rig.returns.agree(host, order.id, DEPOT)
    assert await refused(rig.returns.withdraw(WANG, order.id)) == "not_found"
    assert await refused(rig.returns.send_back(WANG, order.id, BACK)) == "not_found"
    await rig.returns.send_back(LI, order.id, BACK)
    assert await refused(rig.parcels.arrived(another, order.id, restock=True)) == "not_found"
    assert await refused(rig.returns.withdraw(LI, order.id)) == "step_not_allowed"


async def test_what_is_not_shipped_or_was_received_long_ago_is_not_sent_back(rig: Rig) -> None:
    host, oranges = await rig.stall()
    paid = await rig.buy(LI, oranges.id, "r1", 1)
    await rig.call_back(await rig.press_pay(LI, paid))
    assert await refused(rig.returns.ask(LI, paid.id, "不想要了")) == "step_not_allowed"
    await rig.orders.deliver_to(LI, paid.id, HOME)
    await rig.orders.ship(host, paid.id, PARCEL)
    await rig.orders.receive(LI, paid.id)
    rig.clock.pass_seconds(RETURN_DAYS * DAY)
    assert (await rig.returns.ask(LI, paid.id, "不想要了")).state is OrderState.RETURN_ASKED
    await rig.returns.withdraw(LI, paid.id)
    rig.clock.pass_seconds(1)
    assert await refused(rig.returns.ask(LI, paid.id, "不想要了")) == "too_late_to_return"


async def test_who_says_nothing_holds_nobody_up_for_ever(rig: Rig) -> None:
    # given: a merchant who does not answer
    _, oranges, _, order = await shipped(rig)
    await rig.returns.ask(LI, order.id, "坏了三个")
    rig.clock.pass_seconds(ANSWER_DAYS * DAY)
    await rig.clockwork.sweep()
    assert (await rig.orders.get(LI, order.id)).state is OrderState.RETURN_AGREED

    # when the buyer sends it, and the merchant says nothing again
    await rig.returns.send_back(LI, order.id, BACK)
    rig.clock.pass_seconds(CHECKING_DAYS * DAY)
    await rig.clockwork.sweep()
    await rig.parcels.sweep()

    # then the money is back, and nobody sells what nobody has seen
    after = await rig.orders.get(LI, order.id)
    assert after.state is OrderState.WRITTEN_OFF_REFUNDED
    assert await money(rig, order) is PaymentState.REFUNDED
    assert [change.by for change in after.history[-5:]] == [
        Actor.BUYER,
        Actor.CLOCK,
        Actor.BUYER,
        Actor.CLOCK,
        Actor.PROVIDER,
    ]
    await rig.check_ledger(oranges, PLENTY)


async def test_a_buyer_who_never_sends_it_keeps_it(rig: Rig) -> None:
    host, _, _, order = await shipped(rig)
    await rig.returns.ask(LI, order.id, "坏了三个")
    await rig.returns.agree(host, order.id, DEPOT)
    rig.clock.pass_seconds(SENDING_DAYS * DAY - 1)
    await rig.clockwork.sweep()
    assert (await rig.orders.get(LI, order.id)).state is OrderState.RETURN_AGREED
    rig.clock.pass_seconds(1)
    await rig.clockwork.sweep()
    assert (await rig.orders.get(LI, order.id)).state is OrderState.RECEIVED


async def test_history_tells_the_buyers_receipt_from_that_of_the_clock(rig: Rig) -> None:
    _, _, _, first = await shipped(rig)
    _, _, _, second = await shipped(rig, "r2")
    await rig.orders.receive(LI, first.id)
    rig.clock.pass_seconds(RECEIVE_AFTER_DAYS * DAY)
    await rig.clockwork.sweep()
    seen = [(await rig.orders.get(LI, order.id)).history for order in (first, second)]
    assert [(history[-1].state, history[-1].by) for history in seen] == [
        (OrderState.RECEIVED, Actor.BUYER),
        (OrderState.RECEIVED, Actor.CLOCK),
    ]
    assert [change.by for change in seen[0]] == [Actor.BUYER, Actor.PROVIDER, Actor.MERCHANT, Actor.BUYER]


async def disputed(rig: Rig) -> tuple[User, Product, Sale, Order]:
    """An order sent back, of which its merchant says that no parcel came."""
    host, oranges, sale, order = await sent_back(rig)
    return host, oranges, sale, await rig.returns.dispute(host, order.id, " 没收到包裹 ")


async def test_a_merchant_says_that_no_parcel_came_and_an_operator_decides_for_the_buyer(rig: Rig) -> None:
    # given
    host, oranges, _, order = await disputed(rig)
    assert (order.state, order.sent_back and order.sent_back.dispute) == (OrderState.RETURN_DISPUTED, "没收到包裹")
    assert [one.id for one in await rig.returns.disputed()] == [order.id]
    assert await money(rig, order) is PaymentState.PAID
    assert await refused(rig.returns.dispute(host, order.id, "没收到")) == "step_not_allowed"

    # when
    after = await rig.parcels.pay_back(order.id, "物流显示已签收")

    # then
    assert after.state is OrderState.WRITTEN_OFF_REFUNDED
    assert (after.sent_back and after.sent_back.decision, after.history[-2].by) == ("物流显示已签收", Actor.OPERATOR)
    assert await money(rig, order) is PaymentState.REFUNDED
    assert await rig.returns.disputed() == []
    await rig.check_ledger(oranges, PLENTY)


async def test_an_operator_decides_for_the_merchant_and_the_money_stays(rig: Rig) -> None:
    host, oranges, _, order = await disputed(rig)
    assert await refused(rig.returns.reject(order.id, " ")) == "bad_request"
    after = await rig.returns.reject(order.id, "单号查不到")
    assert (after.state, after.history[-1].by) == (OrderState.RETURN_REFUSED, Actor.OPERATOR)
    assert await refused(rig.parcels.pay_back(order.id, "再看")) == "step_not_allowed"
    assert await money(rig, order) is PaymentState.PAID
    assert (await rig.returns.agree(host, order.id, DEPOT)).state is OrderState.RETURN_AGREED
    await rig.check_ledger(oranges, PLENTY)


async def test_a_parcel_that_comes_after_all_and_a_number_that_was_wrong_end_a_dispute(rig: Rig) -> None:
    host, oranges, sale, order = await disputed(rig)
    after = await rig.returns.send_back(LI, order.id, Shipment("顺丰", "SF2003"))
    assert (after.state, after.sent_back and after.sent_back.parcel) == (
        OrderState.RETURN_SENT,
        Shipment("顺丰", "SF2003"),
    )
    await rig.returns.dispute(host, order.id, "还是没收到")
    assert (await rig.parcels.arrived(host, order.id, restock=True)).state is OrderState.REFUNDED
    assert (await rig.sale(sale)).available == 3
    await rig.check_ledger(oranges, PLENTY)


async def test_only_its_merchant_disputes_and_not_again_and_again(rig: Rig) -> None:
    host, _, _, order = await sent_back(rig)
    another, _ = await rig.stall()
    assert await refused(rig.returns.dispute(another, order.id, "没收到")) == "not_found"
    assert await refused(rig.returns.dispute(host, order.id, " ")) == "bad_request"
    for _ in range(MOST_ASKS):
        await rig.returns.dispute(host, order.id, "没收到")
        await rig.returns.send_back(LI, order.id, BACK)
    assert await refused(rig.returns.dispute(host, order.id, "没收到")) == "asked_too_often"


async def test_a_dispute_that_nobody_decides_ends_for_the_buyer(rig: Rig) -> None:
    _, oranges, _, order = await disputed(rig)
    rig.clock.pass_seconds(DECIDING_DAYS * DAY - 1)
    await rig.parcels.sweep()
    assert (await rig.orders.get(LI, order.id)).state is OrderState.RETURN_DISPUTED
    rig.clock.pass_seconds(1)
    await rig.parcels.sweep()
    assert (await rig.orders.get(LI, order.id)).state is OrderState.WRITTEN_OFF_REFUNDED
    await rig.check_ledger(oranges, PLENTY)
