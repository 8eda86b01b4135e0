"""Orders: which step leads where, where pieces are, and what a step may be asked for."""

from __future__ import annotations

from datetime import timedelta
from itertools import product as pairs

import pytest

from server.errors import BadRequest, Conflict
from server.orders.model import (
    BOUGHT,
    PLACES,
    STEPS,
    Change,
    OrderState,
    Place,
    Shipment,
    Source,
    SourceKind,
    Step,
    check_shipment,
    check_states,
    is_payable,
    moved,
    next_state,
    together,
)
from tests.unit.orders.making import NOW, make_order

A, B = Source(SourceKind.SALE, "a"), Source(SourceKind.PRODUCT, "b")


@pytest.mark.parametrize(("state", "step"), list(pairs(OrderState, Step)))
def test_every_step_leads_where_the_table_says_or_is_refused(state: OrderState, step: Step) -> None:
    if (state, step) in STEPS:
        assert next_state(state, step) is STEPS[state, step]
    else:
        with pytest.raises(Conflict) as refused:
            next_state(state, step)
        assert refused.value.code == "step_not_allowed"


def test_every_state_says_where_the_pieces_are() -> None:
    assert set(PLACES) == set(OrderState)


def test_no_step_puts_sold_pieces_back_into_a_hold() -> None:
    assert not [step for step, end in STEPS.items() if PLACES[end] is Place.HELD]


def test_a_refunded_order_stays_refunded() -> None:
    assert not [step for step in Step if (OrderState.REFUNDED, step) in STEPS]


def test_what_is_bought_is_paid_and_not_given_back() -> None:
    returning = {state for state in OrderState if state.startswith("return_")}
    assert set(BOUGHT) == {OrderState.PAID, OrderState.SHIPPED, OrderState.RECEIVED, *returning}
    assert len(returning) == 5


def test_a_return_keeps_its_pieces_out_until_the_merchant_puts_them_back() -> None:
    free = {step for (state, step), end in STEPS.items() if PLACES[state] is Place.SOLD and PLACES[end] is Place.FREE}
    assert free == {Step.REFUND, Step.RESTOCK}


def test_whatever_becomes_of_a_return_nobody_pays_or_ships_it_again() -> None:
    reached = {OrderState.RETURN_ASKED}
    while more := {end for (state, _), end in STEPS.items() if state in reached} - reached:
        reached |= more
    assert not reached & {OrderState.HELD, OrderState.PAID, OrderState.SHIPPED, OrderState.CANCELLED}


def test_a_hold_can_be_paid_until_its_last_moment() -> None:
    order = make_order({A: 1})
    assert is_payable(order, order.hold_until - timedelta(milliseconds=1))
    assert not is_payable(order, order.hold_until)
    assert not is_payable(moved(order, Change(OrderState.PAID, NOW)), NOW)


def test_pieces_of_several_orders_are_summed_by_source_and_taken_in_the_order_of_sources() -> None:
    orders = [make_order({A: 1, B: 2}), make_order({A: 4})]
    assert list(together(orders).items()) == [(B, 2), (A, 5)]


def test_a_payment_is_named_by_its_first_line_and_how_many_there_are() -> None:
    assert make_order({A: 2}).title == "冰糖橙 × 2"
    assert make_order({B: 3, A: 1}).title == "冰糖橙 × 3 等 2 种"


def test_states_are_asked_for_by_their_names() -> None:
    assert check_states(["paid", "shipped"]) == {OrderState.PAID, OrderState.SHIPPED}
    assert check_states([]) == frozenset()
    for wrong in ("PAID", "nonsense", "$ne"):
        with pytest.raises(BadRequest):
            check_states(["paid", wrong])


@pytest.mark.parametrize("wrong", [Shipment("", "SF1001"), Shipment("顺丰", "1"), Shipment("x" * 25, "SF1001")])
def test_a_parcel_has_a_carrier_and_a_number(wrong: Shipment) -> None:
    with pytest.raises(BadRequest):
        check_shipment(wrong)
