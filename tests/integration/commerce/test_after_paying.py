"""What becomes of an order that is paid: an address, a parcel, a receipt, or the money back."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pymongo.errors import AutoReconnect

from server.accounts.model import User
from server.errors import DomainError
from server.orders.model import Delivery, Order, OrderState, Shipment
from tests.integration.commerce.rig import PLENTY, Rig, make_user

LI, WANG = make_user("li"), make_user("wang")
HOME = Delivery("李明", "+86 138 0013 8000", "岳阳市华容县章华镇迎宾路8号", "单位：华容小学")
PARCEL = Shipment("顺丰", "SF1234567890")


async def refused(work: object) -> str:
    with pytest.raises(DomainError) as error:
        await work  # type: ignore[misc]
    return error.value.code


async def paid_order(rig: Rig) -> tuple[User, Order]:
    host, product = await rig.stall()
    order = await rig.buy(LI, product.id, f"r-{product.id}", 2)
    await rig.call_back(await rig.press_pay(LI, order))
    return host, order


async def test_an_order_is_addressed_shipped_and_received(rig: Rig) -> None:
    # given
    host, order = await paid_order(rig)
    assert await refused(rig.orders.ship(host, order.id, PARCEL)) == "no_address"

    # when
    addressed = await rig.orders.deliver_to(LI, order.id, HOME)
    shipped = await rig.orders.ship(host, order.id, PARCEL)
    received = await rig.orders.receive(LI, order.id)

    # then
    assert addressed.delivery == Delivery("李明", "13800138000", HOME.address, HOME.invoice_note)
    assert shipped.shipment == PARCEL
    assert [change.state for change in received.history] == ["held", "paid", "shipped", "received"]
    assert await refused(rig.orders.deliver_to(LI, order.id, HOME)) == "step_not_allowed"
    assert await refused(rig.orders.ship(host, order.id, PARCEL)) == "step_not_allowed"
    assert await refused(rig.payments.refund_own(LI, order.id)) == "step_not_allowed"


class Away:
    """Whoever closes trades at providers, while the database has just gone."""

    async def orders_ended(self, order_ids: Sequence[str]) -> None:
        raise AutoReconnect("away")


async def test_an_order_is_cancelled_or_runs_out_though_its_trade_cannot_be_closed_now(rig: Rig) -> None:
    # given
    _, product = await rig.stall()
    cancelled, forgotten = [await rig.buy(LI, product.id, request, 1) for request in ("r1", "r2")]
    rig.ends.tell_to(Away())

    # when
    answer = await rig.orders.cancel(LI, cancelled.id)
    rig.clock.pass_seconds(3_600)
    await rig.clockwork.sweep()

    # then
    assert answer.state is OrderState.CANCELLED
    assert (await rig.orders.get(LI, forgotten.id)).state is OrderState.EXPIRED
    assert await rig.stock_of(product) == PLENTY


async def test_nobody_touches_an_order_of_others(rig: Rig) -> None:
    # given
    host, order = await paid_order(rig)
    stranger, _ = await rig.stall()
    await rig.orders.deliver_to(LI, order.id, HOME)

    # when, then
    assert await refused(rig.orders.deliver_to(WANG, order.id, HOME)) == "not_found"
    assert await refused(rig.orders.ship(stranger, order.id, PARCEL)) == "not_found"
    assert await refused(rig.payments.refund_own(WANG, order.id)) == "not_found"
    assert await refused(rig.payments.refund_for(stranger, order.id)) == "not_found"
    await rig.orders.ship(host, order.id, PARCEL)
    assert await refused(rig.orders.receive(WANG, order.id)) == "not_found"


@pytest.mark.parametrize("who", ["buyer", "host"])
async def test_what_is_paid_and_not_shipped_can_be_given_back(rig: Rig, who: str) -> None:
    host, order = await paid_order(rig)
    by = rig.payments.refund_own(LI, order.id) if who == "buyer" else rig.payments.refund_for(host, order.id)
    assert (await by).state is OrderState.REFUNDED
    product = await rig.catalog.get(order.lines[0].product_id)
    assert product.stock == PLENTY


@pytest.mark.parametrize(
    "wrong",
    [
        Delivery("", "13800138000", HOME.address),
        Delivery("李", "12", HOME.address),
        Delivery("李", "13800138000", "x"),
    ],
)
async def test_an_impossible_address_is_refused(rig: Rig, wrong: Delivery) -> None:
    _, order = await paid_order(rig)
    assert await refused(rig.orders.deliver_to(LI, order.id, wrong)) == "bad_request"


async def test_late_money_that_a_dead_server_left_lying_is_an_order_or_back_within_a_minute(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: the money came late, and the server was gone before it had looked for a piece
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, order)
    rig.clock.pass_seconds(301)
    await rig.clockwork.sweep()
    with monkeypatch.context() as crash:

        async def dies(*_: object) -> bool:
            raise KeyError("killed")

        crash.setattr(rig.stock, "per_buyer", dies)
        with pytest.raises(KeyError):
            await rig.call_back(body)
    assert (await rig.orders.get(LI, order.id)).state is OrderState.PAID_LATE
    await rig.check_ledger(product, PLENTY)

    # when: nobody looks for more than a minute
    rig.clock.pass_seconds(61)
    await rig.payments.sweep()

    # then
    assert (await rig.orders.get(LI, order.id)).state is OrderState.REFUNDED
    await rig.check_ledger(product, PLENTY)
