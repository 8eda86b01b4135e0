"""A step that fails in the middle leaves nothing behind: orders and stock are written together or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from server.orders.model import OrderState
from tests.integration.commerce.rig import PLENTY, Rig, make_user

LI = make_user("li")


class Killed(Exception):
    """The process would be gone now."""


def dies_after(work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The same step, but nobody is there any more when it is done."""

    async def step(*args: Any, **options: Any) -> None:
        await work(*args, **options)
        raise Killed

    return step


@pytest.mark.parametrize(("part", "step"), [("stock", "hold"), ("order_store", "add_many")])
async def test_placing_that_dies_in_the_middle_leaves_neither_order_nor_hold(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, part: str, step: str
) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)

    # when
    with monkeypatch.context() as crash:
        target = getattr(rig, part)
        crash.setattr(target, step, dies_after(getattr(target, step)))
        with pytest.raises(Killed):
            await rig.place_in_sale(LI, sale.id, "r1", 1)

    # then
    assert (await rig.sale(sale)).available == 3
    assert await rig.orders.of_buyer(LI) == []
    await rig.check_ledger(product, PLENTY)
    assert (await rig.place_in_sale(LI, sale.id, "r1", 1)).state is OrderState.HELD


@pytest.mark.parametrize(("part", "step"), [("order_store", "move"), ("stock", "shift")])
async def test_paying_that_dies_in_the_middle_is_made_up_for(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, part: str, step: str
) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    order = await rig.place_in_sale(LI, sale.id, "r1", 1)
    body = await rig.press_pay(LI, order)

    # when
    with monkeypatch.context() as crash:
        target = getattr(rig, part)
        crash.setattr(target, step, dies_after(getattr(target, step)))
        with pytest.raises(Killed):
            await rig.call_back(body)

    # then
    assert (await rig.orders.get(LI, order.id)).state is OrderState.HELD
    await rig.check_ledger(product, PLENTY)
    rig.clock.pass_seconds(11)
    await rig.payments.sweep()
    assert (await rig.orders.get(LI, order.id)).state is OrderState.PAID
    await rig.check_ledger(product, PLENTY)


async def test_opening_and_closing_that_die_in_the_middle_lose_no_piece(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    host, product = await rig.stall()

    # when, then
    with monkeypatch.context() as crash:
        crash.setattr(rig.sale_store, "add", dies_after(rig.sale_store.add))
        with pytest.raises(Killed):
            await rig.open_sale(host, product)
    assert await rig.stock_of(product) == PLENTY
    sale = await rig.open_sale(host, product)
    with monkeypatch.context() as crash:
        crash.setattr(rig.sale_store, "close", dies_after(rig.sale_store.close))
        with pytest.raises(Killed):
            await rig.sales.close(host, sale.id)
    assert (await rig.sale(sale)).available == 3
    await rig.check_ledger(product, PLENTY)


async def test_a_server_that_vanishes_inside_a_transaction_does_not_stop_the_sale_for_long(
    rig: Rig, second_rig: Rig
) -> None:
    # given: a server took the sale's document in a transaction, and is gone with its locks
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    session = second_rig.database.client.start_session()
    await session.start_transaction()
    await second_rig.database["sales"].update_one({"_id": sale.id}, {"$inc": {"available": -1}}, session=session)

    # when: buyers press until it works, as their pages do
    async def press() -> OrderState:
        while True:
            try:
                return (await rig.place_in_sale(LI, sale.id, "r1", 1)).state
            except Exception as error:  # noqa: BLE001 -- whatever the outage looks like
                last = error
                assert not isinstance(last, AssertionError)

    # then
    assert await asyncio.wait_for(press(), 30) is OrderState.HELD
    await rig.check_ledger(product, PLENTY)
    await session.end_session()
