"""No query of orders and coupons reads a whole collection: mongod refuses such queries while these run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from server.figures.store import FigureStore
from server.orders.model import OrderState
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
    await rig.orders.sweep()

    # then
    assert [len(found) for found in lists] == [1, 1, 0]
    assert (sums.held, counts.sums.held, pieces) == (1, 1, {OrderState.HELD: 1})
    assert (await rig.orders.get(LI, order.id)).state == end
    assert (await rig.coupon(coupon)).state == "ready"
