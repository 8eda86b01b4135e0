"""The gate: without it two servers sell the same pieces, with it they do not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from server.errors import DomainError
from server.flash.model import Sale
from server.infra.transactions import Session
from server.orders.model import Order, Source
from tests.integration.commerce.rig import PLENTY, Rig, code_of, make_user

PIECES = 5
T = TypeVar("T")


class NoTransaction:
    """What is written stays written, whoever else writes."""

    async def run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        return await work(None)


def take_the_gate_out(rig: Rig, both_have_decided: asyncio.Barrier) -> None:
    """Pieces are taken because they were there when it was looked, as a read followed by a write does it."""

    async def hold(source: Source, pieces: int, _: Session) -> bool:
        await both_have_decided.wait()
        moved = {"$inc": {"available": -pieces, "held": pieces}}
        await rig.database["sales"].update_one({"_id": source.id}, moved)
        return True

    gate: Any = rig.gate
    gate._transactions = NoTransaction()
    gate._stock.hold = hold


async def everybody_presses(sale: Sale, *servers: Rig) -> list[object]:
    async def press(server: Rig, number: int) -> object:
        try:
            return await server.place_in_sale(make_user(f"{id(server)}-{number}"), sale.id, "r", 1)
        except DomainError as error:
            return error

    return await asyncio.gather(*(press(server, number) for number in range(8) for server in servers))


async def test_without_the_gate_two_servers_sell_more_than_there_is_and_with_it_they_never_do(
    rig: Rig, second_rig: Rig
) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=PIECES)

    # when: the gate is out
    barrier = asyncio.Barrier(2)
    for server in (rig, second_rig):
        take_the_gate_out(server, barrier)
    answers = await everybody_presses(sale, rig, second_rig)

    # then: the race is there, and oversells
    assert [code_of(answer) for answer in answers].count("held") == 2 * PIECES
    assert (await rig.sale(sale)).available == -PIECES

    # when: the gate is in again
    await rig.database["sales"].delete_one({"_id": sale.id})
    await rig.database["orders"].delete_many({})
    await rig.database["products"].update_one({"_id": product.id}, {"$set": {"stock": PLENTY}})
    again = await rig.open_sale(host, product, quantity=PIECES)
    for server in (rig, second_rig):
        gate: Any = server.gate
        gate._transactions = server.transactions
        del gate._stock.hold
    answers = await everybody_presses(again, rig, second_rig)

    # then
    assert [code_of(answer) for answer in answers].count("held") == PIECES
    await rig.check_ledger(product, PLENTY)


async def test_ones_own_hold_of_the_last_piece_is_no_reason_to_get_another_and_can_be_paid(rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=1)
    buyer = make_user("li")
    order = await rig.place_in_sale(buyer, sale.id, "r1", 1)

    # when
    another = await asyncio.gather(rig.place_in_sale(buyer, sale.id, "r2", 1), return_exceptions=True)
    again = await rig.place_in_sale(buyer, sale.id, "r1", 1)
    await rig.call_back(await rig.press_pay(buyer, order))

    # then
    assert code_of(another[0]) == "limit_reached"
    assert isinstance(again, Order)
    assert again.id == order.id
    assert (await rig.orders.get(buyer, order.id)).state == "paid"
    await rig.check_ledger(product, PLENTY)
