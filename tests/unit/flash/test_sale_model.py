"""Sales: acceptable terms, and the clock that decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from server.catalog.model import Product
from server.errors import BadRequest, Conflict
from server.flash.model import (
    Pot,
    Sale,
    SaleChanges,
    SaleState,
    SaleTerms,
    change_sale,
    has_begun,
    is_over,
    open_sale,
)
from server.streams.model import Stream, StreamState

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ORANGES = Product("p1", "m1", "合作社", "冰糖橙", "", 3990, "5斤", "", 10, None, NOW)
STREAM = Stream("s1", "r1", "h1", "开园", StreamState.LIVE, NOW)
TERMS = SaleTerms("p1", price_fen=990, quantity=3, per_buyer=1, duration_seconds=600)


def make_sale(terms: SaleTerms = TERMS) -> Sale:
    return open_sale("sale1", terms, STREAM, ORANGES, NOW)


def make_sale_later(seconds: int) -> Sale:
    return make_sale(replace(TERMS, starts_in_seconds=seconds))


def test_a_new_sale_has_all_its_pieces_free_and_five_minutes_to_pay() -> None:
    sale = make_sale()
    assert [sale.count(pot) for pot in Pot] == [3, 0, 0, 0]
    assert (sale.is_balanced, sale.hold_seconds, sale.closes_at) == (True, 300, NOW + timedelta(minutes=10))


def test_a_sale_takes_orders_until_its_last_moment_and_not_when_closed() -> None:
    sale = make_sale()
    assert has_begun(sale, NOW)
    assert not is_over(sale, sale.closes_at - timedelta(milliseconds=1))
    assert is_over(sale, sale.closes_at)
    assert is_over(replace(sale, state=SaleState.CLOSED), NOW)


def test_a_sale_that_begins_later_takes_orders_from_its_first_moment_on() -> None:
    sale = make_sale_later(60)
    assert (sale.opens_at, sale.closes_at) == (NOW + timedelta(seconds=60), NOW + timedelta(seconds=660))
    assert not has_begun(sale, sale.opens_at - timedelta(milliseconds=1))
    assert has_begun(sale, sale.opens_at)
    assert not is_over(sale, sale.closes_at - timedelta(milliseconds=1))


def test_a_sale_that_began_at_once_has_begun_though_the_clock_is_put_back() -> None:
    assert has_begun(make_sale(), NOW - timedelta(hours=1))


def test_a_running_sale_can_be_shortened_though_the_clock_is_put_back() -> None:
    earlier = NOW - timedelta(hours=1)
    changed = change_sale(make_sale(), SaleChanges(remaining_seconds=60), earlier)
    assert changed.closes_at == earlier + timedelta(seconds=60)


def test_a_sale_that_has_not_begun_can_be_changed_but_not_end_before_it_begins() -> None:
    sale = make_sale_later(60)
    assert change_sale(sale, SaleChanges(remaining_seconds=90), NOW).closes_at == NOW + timedelta(seconds=90)
    with pytest.raises(BadRequest):
        change_sale(sale, SaleChanges(remaining_seconds=60), NOW)


@pytest.mark.parametrize("seconds", [-1, 3_601, True])
def test_a_sale_begins_within_an_hour(seconds: int) -> None:
    with pytest.raises(BadRequest):
        make_sale_later(seconds)


def test_free_pieces_are_in_the_sale_while_it_is_open_and_then_in_the_product() -> None:
    assert make_sale().free_pot is Pot.AVAILABLE
    assert replace(make_sale(), state=SaleState.CLOSED).free_pot is Pot.RETURNED


def test_a_ledger_that_lost_or_made_a_piece_is_noticed() -> None:
    assert not replace(make_sale(), held=1).is_balanced
    assert not replace(make_sale(), available=4, held=-1).is_balanced


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_fen": 0},
        {"price_fen": -990},
        {"price_fen": 10_000_001},
        {"price_fen": True},
        {"quantity": 0},
        {"quantity": 1_000_001},
        {"per_buyer": 0},
        {"per_buyer": 4},
        {"duration_seconds": 0},
        {"duration_seconds": 86_401},
        {"hold_seconds": 0},
        {"hold_seconds": 3_601},
    ],
)
def test_terms_out_of_bounds_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(BadRequest):
        make_sale(replace(TERMS, **wrong))  # type: ignore[arg-type]


def test_pieces_added_to_a_running_sale_are_free_and_counted() -> None:
    after = change_sale(make_sale(), SaleChanges(more=4), NOW)
    assert (after.quantity, after.available, after.is_balanced) == (7, 7, True)


def test_only_what_nobody_has_can_be_taken_out_of_a_sale() -> None:
    sale = replace(make_sale(), available=1, held=2)
    assert change_sale(sale, SaleChanges(more=-1), NOW).is_balanced
    with pytest.raises(Conflict) as refused:
        change_sale(sale, SaleChanges(more=-2), NOW)
    assert refused.value.code == "out_of_stock"


def test_a_lower_limit_for_buyers_lowers_that_of_an_order() -> None:
    after = change_sale(replace(make_sale(), per_buyer=3, per_order=3), SaleChanges(per_buyer=2), NOW)
    assert (after.per_buyer, after.per_order) == (2, 2)


def test_nothing_changes_in_a_sale_that_is_over() -> None:
    sale = make_sale()
    with pytest.raises(Conflict) as refused:
        change_sale(sale, SaleChanges(remaining_seconds=60), sale.closes_at)
    assert refused.value.code == "sale_closed"
