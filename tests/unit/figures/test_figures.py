"""Figures of a sale: bars that add up, a rate of now, and nobody counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.figures.model import BARS, OrderSums, SaleCounts, Sample, bar_seconds, sale_figures, sums_of, thinned
from server.flash.model import Sale, SaleState
from server.orders.model import OrderState

OPENS = datetime(2026, 11, 22, 10, tzinfo=UTC)
NOBODY = OrderSums(0, 0, 0, 0)


def at(seconds: float) -> datetime:
    return OPENS + timedelta(seconds=seconds)


def make_sale(lasts: int) -> Sale:
    return Sale(
        id="s",
        room_id="r",
        stream_id="st",
        merchant_id="m",
        product_id="p",
        price_fen=990,
        quantity=9,
        per_buyer=1,
        per_order=1,
        hold_seconds=300,
        state=SaleState.OPEN,
        available=9,
        held=0,
        sold=0,
        returned=0,
        opens_at=OPENS,
        closes_at=at(lasts),
    )


@pytest.mark.parametrize(("lasts", "seconds"), [(1, 1), (60, 1), (61, 2), (180, 3), (86_400, 1440)])
def test_a_sale_of_any_length_has_at_most_sixty_bars(lasts: int, seconds: int) -> None:
    assert bar_seconds(timedelta(seconds=lasts)) == seconds


@given(st.dictionaries(st.integers(0, 179), st.integers(0, 50), max_size=30), st.integers(0, 400))
def test_each_order_is_in_one_bar(by_second: dict[int, int], now: int) -> None:
    seen = {second: orders for second, orders in by_second.items() if second <= now}
    figures = sale_figures(make_sale(180), SaleCounts(NOBODY, 0, seen), [], at(now))
    assert sum(figures.bars) == sum(seen.values())
    assert 1 <= len(figures.bars) <= BARS


def test_the_rate_is_of_now_and_nothing_after_the_end() -> None:
    counts = SaleCounts(NOBODY, 7, {0: 100, 27: 5, 29: 10})
    assert sale_figures(make_sale(60), counts, [], at(30)).per_second == 3.0
    assert sale_figures(make_sale(60), counts, [], at(60)).per_second == 0.0


def test_at_least_the_buyers_were_there() -> None:
    samples = [Sample(at(-1), 900), Sample(at(10), 40), Sample(at(20), 60), Sample(at(90), 800)]
    assert sale_figures(make_sale(60), SaleCounts(NOBODY, 7, {}), samples, at(30)).most_viewers == 60
    assert sale_figures(make_sale(60), SaleCounts(NOBODY, 70, {}), samples, at(30)).most_viewers == 70


def test_what_was_given_back_is_not_paid() -> None:
    groups = {
        OrderState.HELD: (2, 20),
        OrderState.PAID: (3, 30),
        OrderState.SHIPPED: (1, 10),
        OrderState.REFUNDED: (4, 40),
        OrderState.EXPIRED: (5, 50),
    }
    assert sums_of(groups) == OrderSums(placed=15, held=2, paid=4, paid_fen=40)


def test_a_long_broadcast_keeps_its_peaks_and_its_last_moment() -> None:
    samples = [Sample(at(10 * number), 100 if number == 333 else number % 7) for number in range(1_000)]
    shown = thinned(samples, 120)
    assert len(shown) <= 120
    assert max(one.viewers for one in shown) == 100
    assert shown[-1] == samples[-1]
    assert [one.at for one in shown] == sorted(one.at for one in shown)
