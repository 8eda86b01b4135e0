"""Orders: which step leads where, where pieces are, and who of a group gets some."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product as pairs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.catalog.model import Product
from server.errors import BadRequest, Conflict
from server.orders.model import (
    PLACES,
    STEPS,
    Admission,
    Fresh,
    Offer,
    Order,
    OrderState,
    Place,
    Request,
    Step,
    admit,
    check_request,
    is_payable,
    moved,
    next_state,
    order_number,
)

NOW = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)
ORANGES = Product("p1", "m1", "合作社", "冰糖橙", "", 3990, "5斤", "", 10, None, NOW)


def make_offer(
    free: int = 10, per_buyer: int | None = 2, *, is_open: bool = True, sale_id: str | None = "s1"
) -> Offer:
    return Offer(ORANGES, sale_id, "r1", 990, free, per_buyer, 300, is_open)


def admitted(offer: Offer, requests: Sequence[Request], taken: dict[str, int] | None = None) -> Admission:
    return admit(offer, requests, {}, taken or {}, NOW, [Fresh(f"o{n}", n) for n in range(len(requests))])


def codes(admission: Admission) -> list[str]:
    return [answer.state.value if isinstance(answer, Order) else answer.code for answer in admission.answers]


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


def test_the_first_to_come_get_what_there_is() -> None:
    wishes = [Request(f"b{n}", "r", 1) for n in range(5)]
    admission = admitted(make_offer(free=3), wishes)
    assert codes(admission) == ["held", "held", "held", "sold_out", "sold_out"]
    assert admission.pieces == 3


def test_the_limit_counts_what_a_buyer_has_already_and_what_he_gets_in_this_group() -> None:
    wishes = [Request("li", "r1", 1), Request("li", "r2", 1), Request("wang", "r1", 2), Request("wang", "r2", 1)]
    assert codes(admitted(make_offer(), wishes, {"li": 1})) == ["held", "limit_reached", "held", "limit_reached"]


def test_one_request_twice_in_a_group_is_one_order() -> None:
    admission = admitted(make_offer(), [Request("li", "r1", 1), Request("li", "r1", 1)])
    assert admission.answers[0] is admission.answers[1]
    assert len(admission.new) == 1


def test_a_request_that_led_to_an_order_gets_it_again_though_the_sale_is_over() -> None:
    request = Request("li", "r1", 1)
    first = admitted(make_offer(), [request]).new[0]
    again = admit(make_offer(is_open=False), [request], {request.key: first}, {}, NOW, [Fresh("o9", 9)])
    assert (again.answers, again.new) == ((first,), ())


def test_nothing_is_had_of_a_sale_that_is_over() -> None:
    assert codes(admitted(make_offer(is_open=False), [Request("li", "r1", 1)])) == ["sale_closed"]


def test_a_product_without_stock_is_out_of_stock_rather_than_sold_out() -> None:
    offer = make_offer(free=0, per_buyer=None, sale_id=None)
    assert codes(admitted(offer, [Request("li", "r1", 1)])) == ["out_of_stock"]


@given(
    free=st.integers(0, 30),
    per_buyer=st.integers(1, 5),
    wishes=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(1, 6)), max_size=40),
)
def test_a_group_never_gets_more_than_there_is_and_nobody_more_than_he_may(
    free: int, per_buyer: int, wishes: list[tuple[int, int, int]]
) -> None:
    requests = [Request(f"b{buyer}", f"r{number}", quantity) for buyer, number, quantity in wishes]
    admission = admitted(make_offer(free, per_buyer), requests)
    assert len(admission.answers) == len(requests)
    assert admission.pieces <= free
    for buyer in {request.buyer_id for request in requests}:
        assert sum(order.quantity for order in admission.new if order.buyer_id == buyer) <= per_buyer
    assert len({(order.buyer_id, order.request_id) for order in admission.new}) == len(admission.new)
    assert all(order.total_fen == 990 * order.quantity for order in admission.new)


def test_an_order_number_has_the_day_in_china_and_letters_that_cannot_be_misread() -> None:
    assert order_number(NOW, 0) == "20261123-00000000"
    assert order_number(NOW, 2**40 - 1) == "20261123-ZZZZZZZZ"
    assert order_number(NOW, 33) == "20261123-00000011"


def test_a_hold_can_be_paid_until_its_last_moment() -> None:
    order = admitted(make_offer(), [Request("li", "r1", 1)]).new[0]
    assert is_payable(order, order.hold_until - timedelta(milliseconds=1))
    assert not is_payable(order, order.hold_until)
    assert not is_payable(moved(order, OrderState.PAID, NOW), NOW)


@pytest.mark.parametrize("quantity", [0, -1, 1_000_001, 2**80, True, 1.0, "1", None])
def test_an_impossible_quantity_is_refused(quantity: object) -> None:
    with pytest.raises(BadRequest):
        check_request("li", "r1", quantity)  # type: ignore[arg-type]


@pytest.mark.parametrize("request_id", ["", "x" * 65, "with space", "半", "a\n", "$where"])
def test_an_impossible_request_id_is_refused(request_id: str) -> None:
    with pytest.raises(BadRequest):
        check_request("li", request_id, 1)
