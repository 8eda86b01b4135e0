"""The auditor: silent while all is right, also in the middle of selling; it tells of one piece that is missing."""

from __future__ import annotations

import asyncio

import pytest

from server.accounts.model import Role
from server.auditing.model import Fault
from tests.harness.app import RunningServer
from tests.integration.commerce.rig import Rig, make_user
from tests.integration.commerce.test_selling import NewPage, until
from tests.integration.server.conftest import PASSWORD


async def test_books_balance_at_every_moment_of_a_busy_sale(rig: Rig, second_rig: Rig) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product, quantity=60)

    # when: forty buyers press, some cancel, and the auditor of another server looks all the time
    async def buy(number: int) -> None:
        order = await rig.place_in_sale(make_user(f"b{number}"), sale.id, "r", 1)
        if number % 3 == 0:
            await rig.orders.cancel(make_user(f"b{number}"), order.id)

    async def look() -> set[Fault]:
        return {fault for _ in range(20) for one in await second_rig.auditor.show() for fault in one.faults}

    await rig.auditor.sweep()
    found, *_ = await asyncio.gather(look(), *(buy(number) for number in range(40)))

    # then
    assert found == set()
    assert [(one.held_by_orders, one.sale.held) for one in await rig.auditor.show()] == [(26, 26)]


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ({"available": -1}, Fault.POTS),
        ({"available": -1, "held": 1}, Fault.HELD),
        ({"available": -1, "sold": 1}, Fault.SOLD),
    ],
)
async def test_a_piece_that_is_missing_is_found_and_found_again_until_it_is_there(
    rig: Rig, damage: dict[str, int], fault: Fault
) -> None:
    # given
    host, product = await rig.stall()
    sale = await rig.open_sale(host, product)
    assert (await rig.auditor.sweep()).wrong == 0

    # when
    await rig.database["sales"].update_one({"_id": sale.id}, {"$inc": damage})
    rig.clock.pass_seconds(5)

    # then
    done = await rig.auditor.sweep()
    assert (done.checked, done.wrong) == (1, 1)
    assert (await rig.auditor.show())[0].faults == (fault,)
    await rig.database["sales"].update_one({"_id": sale.id}, {"$inc": {pot: -by for pot, by in damage.items()}})
    rig.clock.pass_seconds(5)
    assert (await rig.auditor.sweep()).wrong == 0


async def test_two_servers_do_not_audit_the_same_sale_at_once(rig: Rig, second_rig: Rig) -> None:
    host, product = await rig.stall()
    await rig.open_sale(host, product)
    rounds = await asyncio.gather(*(server.auditor.sweep() for server in (rig, second_rig, rig)))
    assert sum(done.checked for done in rounds) == 1


async def test_operators_see_the_books_and_others_do_not(server: RunningServer, new_page: NewPage) -> None:
    # given
    roles = frozenset({Role.VIEWER, Role.OPERATOR})
    await server.services.accounts.register("operator", PASSWORD, "供销社", None, roles=roles)
    await server.services.accounts.register("liming", PASSWORD, "李明", None)
    operator, viewer = new_page(), new_page()
    await operator.sign_in("operator", PASSWORD)
    await viewer.sign_in("liming", PASSWORD)

    # when, then
    assert await operator.ask("GET", "/api/operators/sales") == (200, {"items": []})
    assert (await viewer.ask("GET", "/api/operators/sales"))[0] == 403

    async def shown() -> bool:
        async with operator.http.get("/metrics") as response:
            return "dongting_sales_out_of_balance 0.0" in await response.text()

    await until(shown)
