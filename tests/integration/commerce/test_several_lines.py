"""Orders of several sources: all their pieces are taken, paid, given back, taken again together, or none of them."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from server.accounts.model import User
from server.catalog.model import Product
from server.errors import DomainError
from server.flash.model import Sale
from server.orders.model import OrderState
from tests.integration.commerce.rig import PLENTY, RECEIVE_AFTER_DAYS, Rig, code_of, make_user, of_product, of_sale
from tests.integration.commerce.test_after_paying import HOME, PARCEL
from tests.integration.commerce.test_crashes import Killed

LI, WANG = make_user("li"), make_user("wang")
TEA_STOCK = 5


async def stall_with_tea(rig: Rig) -> tuple[User, Product, Product, Sale]:
    """A host who sells oranges in a sale of three, one for each buyer, and tea at the normal price."""
    host, oranges = await rig.stall()
    tea = await rig.catalog.add_product(
        oranges.merchant_id, name="君山银针", description="", price_fen=5000, unit="罐", stock=TEA_STOCK
    )
    return host, oranges, tea, await rig.open_sale(host, oranges)


async def check(rig: Rig, oranges: Product, tea: Product) -> None:
    await rig.check_ledger(oranges, PLENTY)
    await rig.check_ledger(tea, TEA_STOCK)


async def refused(work: object) -> str:
    with pytest.raises(DomainError) as error:
        await work  # type: ignore[misc]
    return error.value.code


async def test_an_order_of_a_sale_and_two_products_is_paid_and_given_back_as_one(rig: Rig) -> None:
    # given: the oranges are in it twice, from the sale and at the normal price
    _, oranges, tea, sale = await stall_with_tea(rig)
    order = await rig.place(LI, "r1", of_product(tea.id, 2), of_sale(sale.id), of_product(oranges.id, 3))
    assert (order.total_fen, len(order.lines)) == (2 * 5000 + 990 + 3 * 3990, 3)
    assert (await rig.stock_of(tea), await rig.stock_of(oranges), (await rig.sale(sale)).held) == (3, 94, 1)
    await check(rig, oranges, tea)

    # when, then
    await rig.call_back(await rig.press_pay(LI, order))
    assert (await rig.sale(sale)).sold == 1
    await check(rig, oranges, tea)
    await rig.payments.refund_own(LI, order.id)
    assert (await rig.stock_of(tea), await rig.stock_of(oranges), (await rig.sale(sale)).available) == (5, 97, 3)
    await check(rig, oranges, tea)


async def test_what_is_missing_of_one_source_leaves_the_others_untouched(rig: Rig) -> None:
    _, _, tea, sale = await stall_with_tea(rig)
    assert await refused(rig.place(LI, "r1", of_sale(sale.id), of_product(tea.id, 6))) == "out_of_stock"
    assert await refused(rig.place(LI, "r2", of_sale(sale.id, 2), of_product(tea.id))) == "limit_reached"
    assert await refused(rig.place(LI, "r3", of_sale(sale.id), of_product("none"))) == "not_found"
    assert ((await rig.sale(sale)).available, await rig.stock_of(tea)) == (3, TEA_STOCK)
    assert await rig.orders.of_buyer(LI) == []


async def test_two_lines_of_one_sale_are_held_against_the_limit_together(rig: Rig) -> None:
    _, oranges, tea, sale = await stall_with_tea(rig)
    assert await refused(rig.place(LI, "r1", of_sale(sale.id), of_sale(sale.id))) == "limit_reached"
    assert await refused(rig.place(LI, "r1", of_product(tea.id, 3), of_product(tea.id, 3))) == "out_of_stock"
    order = await rig.place(LI, "r1", of_product(tea.id, 3), of_product(tea.id, 2))
    assert [line.quantity for line in order.lines] == [5]
    await check(rig, oranges, tea)


async def test_lines_of_two_merchants_are_no_order(rig: Rig) -> None:
    _, oranges, _, sale = await stall_with_tea(rig)
    _, melons = await rig.stall()
    assert await refused(rig.place(LI, "r1", of_sale(sale.id), of_product(melons.id))) == "several_merchants"
    await rig.check_ledger(oranges, PLENTY)
    await rig.check_ledger(melons, PLENTY)


async def test_many_who_want_the_same_things_in_any_order_on_two_servers_all_get_an_answer(
    rig: Rig, second_rig: Rig
) -> None:
    # given
    _, oranges, tea, sale = await stall_with_tea(rig)

    async def press(server: Rig, number: int) -> object:
        wishes = [of_sale(sale.id), of_product(tea.id), of_product(oranges.id)]
        some = [wishes[number % 3], wishes[(number + 1) % 3]] if number % 2 else wishes[::-1]
        try:
            return await server.place(make_user(f"b{number}"), "r", *some)
        except DomainError as error:
            return error

    # when
    answers = await asyncio.gather(*(press((rig, second_rig)[number % 2], number) for number in range(24)))

    # then: three had a piece of the sale, five had tea
    codes = Counter(code_of(answer) for answer in answers)
    assert set(codes) <= {"held", "sold_out", "out_of_stock"}
    assert await rig.stock_of(tea) == 0
    await check(rig, oranges, tea)


async def test_orders_of_one_group_are_kept_each_as_its_buyer_was_told(rig: Rig) -> None:
    # given: somebody with a coupon, somebody with an address
    _, oranges, tea, _ = await stall_with_tea(rig)
    li, wang, zhao, chen = (make_user(name) for name in ("li", "wang", "zhao", "chen"))
    coupon = await rig.give_coupon(li, oranges.merchant_id)
    home = await rig.addresses.add(wang, "王芳", "13800138000", "华容县迎宾路8号", is_default=True)

    # when
    both = of_product(tea.id), of_product(oranges.id)
    told = await asyncio.gather(
        rig.place(chen, "r", *both),
        rig.place(li, "r", *both, coupon_id=coupon.id),
        rig.place(zhao, "r", *both),
        rig.place(wang, "r", *both, address_id=home.id),
        rig.place(zhao, "r2", of_product(tea.id), of_product(oranges.id, 2)),
    )

    # then
    assert [await rig.order_store.get(order.id) for order in told] == list(told)
    assert [order.discount_fen for order in told] == [0, coupon.value_fen, 0, 0, 0]
    assert [order.delivery is None for order in told] == [True, True, True, False, True]
    await check(rig, oranges, tea)


async def test_holds_of_several_lines_run_out_as_soon_as_the_first_would(rig: Rig) -> None:
    _, oranges, tea, sale = await stall_with_tea(rig)
    order = await rig.place(LI, "r1", of_product(tea.id), of_sale(sale.id))
    rig.clock.pass_seconds(sale.hold_seconds)
    await rig.clockwork.sweep()
    assert (await rig.orders.get(LI, order.id)).state is OrderState.EXPIRED
    assert ((await rig.sale(sale)).available, await rig.stock_of(tea)) == (3, TEA_STOCK)
    await check(rig, oranges, tea)


@pytest.mark.parametrize("tea_is_left", [True, False])
async def test_a_late_payment_gets_all_lines_again_or_none(rig: Rig, tea_is_left: bool) -> None:
    # given: paid too late, when the sale still has oranges, and there may be tea
    _, oranges, tea, sale = await stall_with_tea(rig)
    order = await rig.place(LI, "r1", of_sale(sale.id), of_product(tea.id, TEA_STOCK))
    body = await rig.press_pay(LI, order)
    rig.clock.pass_seconds(301)
    await rig.clockwork.sweep()
    if not tea_is_left:
        await rig.buy(WANG, tea.id, "r1", 1)

    # when
    await rig.call_back(body)

    # then
    after = await rig.orders.get(LI, order.id)
    assert after.state is (OrderState.PAID if tea_is_left else OrderState.REFUNDED)
    assert (await rig.sale(sale)).sold == (1 if tea_is_left else 0)
    await check(rig, oranges, tea)


async def test_placing_that_dies_between_two_sources_leaves_both_as_they_were(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    _, oranges, tea, sale = await stall_with_tea(rig)
    hold, held = rig.stock.hold, 0

    async def dies_at_the_second(*args: object) -> bool:
        nonlocal held
        held += 1
        if held == 2:
            raise Killed
        return await hold(*args)  # type: ignore[arg-type]

    # when
    with monkeypatch.context() as crash:
        crash.setattr(rig.stock, "hold", dies_at_the_second)
        with pytest.raises(Killed):
            await rig.place(LI, "r1", of_product(tea.id), of_sale(sale.id))

    # then
    assert ((await rig.sale(sale)).available, await rig.stock_of(tea)) == (3, TEA_STOCK)
    assert len((await rig.place(LI, "r1", of_product(tea.id), of_sale(sale.id))).lines) == 2
    await check(rig, oranges, tea)


async def test_a_parcel_of_which_nobody_says_anything_is_received_after_some_days(rig: Rig) -> None:
    # given
    host, oranges, tea, sale = await stall_with_tea(rig)
    order = await rig.place(LI, "r1", of_product(tea.id), of_sale(sale.id))
    await rig.call_back(await rig.press_pay(LI, order))
    await rig.orders.deliver_to(LI, order.id, HOME)
    await rig.orders.ship(host, order.id, PARCEL)

    # when, then
    rig.clock.pass_seconds(RECEIVE_AFTER_DAYS * 86_400 - 1)
    await rig.clockwork.sweep()
    assert (await rig.orders.get(LI, order.id)).state is OrderState.SHIPPED
    rig.clock.pass_seconds(1)
    await rig.clockwork.sweep()
    assert (await rig.orders.get(LI, order.id)).state is OrderState.RECEIVED
    told = [data["order"]["state"] for channel, event, data in rig.told.heard if event == "order"]
    assert told[-1] == "received"
    await check(rig, oranges, tea)
