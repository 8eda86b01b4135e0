"""How often somebody may do something: some at once, then so many a second, each for himself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.errors import TooManyRequests
from server.infra.paces import Paces


def refused(paces: Paces, key: str, times: int) -> int:
    """How many of so many tries are too many."""
    return sum(_is_refused(paces, key) for _ in range(times))


def _is_refused(paces: Paces, key: str) -> bool:
    try:
        paces.check(key)
    except TooManyRequests:
        return True
    return False


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def clock(now: list[float]) -> Callable[[], float]:
    return lambda: now[0]


def test_some_are_allowed_at_once_and_then_so_many_a_second(now: list[float], clock: Callable[[], float]) -> None:
    paces = Paces(3, 2, clock)
    assert refused(paces, "li", 5) == 2
    now[0] += 1
    assert refused(paces, "li", 5) == 3


def test_one_who_is_too_fast_slows_nobody_else(clock: Callable[[], float]) -> None:
    paces = Paces(3, 2, clock)
    assert (refused(paces, "li", 5), refused(paces, "wang", 3)) == (2, 0)


def test_who_is_quiet_is_forgotten_and_who_goes_on_is_not(now: list[float], clock: Callable[[], float]) -> None:
    # given
    paces = Paces(3, 2, clock)
    for number in range(1000):
        paces.check(f"buyer{number}")

    # when one comes again before the others are forgotten
    now[0] += 1
    paces.check("buyer0")
    now[0] += 0.6
    paces.check("li")

    # then
    assert len(paces) == 2
