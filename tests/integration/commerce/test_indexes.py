"""No query of commerce, nor of sign-in, reads a whole collection: mongod refuses such queries while these run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from server.accounts.store import AccountStore
from server.figures.store import FigureStore
from server.orders.model import OrderState
from server.payments.sandbox.bill import Manner
from tests.integration.commerce.rig import Rig, make_user, of_product, of_sale

LI = make_user("li")


@pytest_asyncio.fixture
async def strict_rig(rig: Rig) -> AsyncIterator[Rig]:
    """A rig whose mongod answers no query that has no index."""
    admin = rig.database.client.admin
    await admin.command("setParameter", 1, notablescan=True)
    yield rig
    await admin.command("setParameter", 1, notablescan=False)


@pytest.mark.parametrize("end", ["cancelled", "expired"])
async def test_an_order_with_a_coupon_is_made_listed_counted_and_ended_by_indexes_alone(
    strict_rig: Rig, end: str
) -> None:
    # given
    rig = strict_rig
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    coupon = await rig.give_coupon(LI, product.merchant_id)

    # when
    wishes = of_sale(sale.id), of_product(product.id)
    order = await rig.place(LI, "r1", *wishes, coupon_id=coupon.id)
    some = [OrderState.PAID, OrderState.SHIPPED]
    lists = [await rig.orders.of_buyer(LI), await rig.orders.of_host(host), await rig.orders.of_host(host, some)]
    figures = FigureStore(rig.database)
    sums = await figures.orders_since(product.merchant_id, rig.clock.now() - timedelta(days=9_999))
    counts = await figures.of_sale(sale.id, rig.clock.now())
    pieces = await rig.transactions.run(lambda session: rig.order_store.pieces_by_state(sale.id, session))
    if end == "cancelled":
        await rig.orders.cancel(LI, order.id)
    else:
        rig.clock.pass_seconds(900)
    await rig.clockwork.sweep()

    # then
    assert [len(found) for found in lists] == [1, 1, 0]
    assert (sums.held, counts.sums.held, pieces) == (1, 1, {OrderState.HELD: 1})
    assert (await rig.orders.get(LI, order.id)).state == end
    assert (await rig.coupon(coupon)).state == "ready"


async def test_payments_and_callbacks_that_are_due_are_found_by_indexes_alone(strict_rig: Rig) -> None:
    # given
    rig = strict_rig
    _, product = await rig.stall()
    order = await rig.place(LI, "r1", of_product(product.id))
    payment = await rig.go_to_pay(LI, order)
    now = rig.clock.now()
    paid = await rig.bill_store.pay(payment.id, "", now, now + timedelta(seconds=5), Manner.LATE)

    # when
    rig.clock.pass_seconds(20)
    due = await rig.bill_store.due(rig.clock.now())
    await rig.payments.sweep()

    # then
    assert due == paid
    assert (await rig.orders.get(LI, order.id)).state is OrderState.PAID


async def test_who_signs_in_is_found_by_an_index_by_name_or_by_phone(strict_rig: Rig) -> None:
    # given
    store = AccountStore(strict_rig.database)
    await store.make_indexes()
    li = replace(LI, phone="+8613800000000")
    await store.add(li, "a hash")

    # when
    found = [await store.find_login("name", li.name), await store.find_login("phone", "+8613800000000")]

    # then
    assert found == [(li, "a hash"), (li, "a hash")]


async def test_the_index_by_number_of_older_versions_goes_away_when_servers_start(rig: Rig, second_rig: Rig) -> None:
    # given
    await rig.database["orders"].create_index("number", unique=True)

    # when
    await asyncio.gather(rig.order_store.make_indexes(), second_rig.order_store.make_indexes())

    # then
    assert "number_1" not in await rig.database["orders"].index_information()
