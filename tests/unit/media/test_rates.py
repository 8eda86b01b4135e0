"""Token buckets of addresses."""

from __future__ import annotations

import pytest

from media.rates import MOST_ADDRESSES, Rate


def test_a_minutes_worth_may_be_taken_at_once_and_then_as_it_is_filled_again() -> None:
    # given
    rate = Rate(per_minute=60)
    assert [rate.take("a", 100.0) for _ in range(60)] == [0.0] * 60

    # when, then
    assert rate.take("a", 100.0) == pytest.approx(1.0)
    assert rate.take("a", 100.5) == pytest.approx(0.5)
    assert rate.take("a", 101.0) == 0.0
    assert rate.take("a", 101.0) > 0


def test_asking_too_soon_costs_nothing() -> None:
    rate = Rate(per_minute=1)
    assert rate.take("a", 0.0) == 0.0
    assert all(rate.take("a", 30.0) > 0 for _ in range(100))
    assert rate.take("a", 60.0) == 0.0


def test_nobody_saves_up_more_than_a_minutes_worth() -> None:
    rate = Rate(per_minute=2)
    rate.take("a", 0.0)
    assert [rate.take("a", 9999.0) > 0 for _ in range(3)] == [False, False, True]


def test_one_address_does_not_cost_another() -> None:
    rate = Rate(per_minute=1)
    rate.take("a", 0.0)
    assert rate.take("b", 0.0) == 0.0


def test_many_addresses_cost_bounded_memory_and_the_oldest_is_forgotten() -> None:
    rate = Rate(per_minute=1)
    for number in range(MOST_ADDRESSES + 100):
        rate.take(str(number), 0.0)
    assert len(rate) == MOST_ADDRESSES
    assert rate.take("0", 0.0) == 0.0
    assert rate.take(str(MOST_ADDRESSES + 99), 0.0) > 0
