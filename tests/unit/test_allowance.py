"""How much a page may say, and when it is cut off."""

from __future__ import annotations

from server.infra.allowance import FLOOD_DEBT, PACKETS_BURST, PACKETS_PER_SECOND, Allowance

BURST = int(PACKETS_BURST)


def sent(allowance: Allowance, packets: int, per_second: float, begin: float = 0.0) -> list[bool]:
    return [allowance.take(begin + number / per_second) for number in range(packets)]


def test_a_page_may_say_much_at_once_and_then_so_much_a_second() -> None:
    allowance = Allowance(0.0)
    assert sent(allowance, BURST + 1, 1e9) == [True] * BURST + [False]
    assert sent(allowance, 100, PACKETS_PER_SECOND, begin=1.0) == [True] * 100
    assert not allowance.is_flooded


def test_a_flood_is_cut_off_also_by_a_server_that_is_slow_to_refuse_it() -> None:
    allowance = Allowance(0.0)
    sent(allowance, 5 * FLOOD_DEBT, per_second=3 * PACKETS_PER_SECOND)
    assert allowance.is_flooded


def test_who_was_too_fast_for_a_moment_now_and_then_is_forgiven() -> None:
    allowance = Allowance(0.0)
    for minute in range(20):
        sent(allowance, BURST + FLOOD_DEBT // 2, 1e9, begin=60.0 * minute)
    assert not allowance.is_flooded


def test_a_flood_is_not_forgiven() -> None:
    allowance = Allowance(0.0)
    sent(allowance, BURST + FLOOD_DEBT + 1, 1e9)
    allowance.take(3600.0)
    assert allowance.is_flooded
