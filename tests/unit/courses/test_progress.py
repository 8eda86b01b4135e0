"""How far a learner has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.courses.intervals import FASTEST, GRACE_MS, MAX_INTERVALS, covered_ms, union, watched_at
from server.courses.model import Progress, TooFast, begun, watched
from server.errors import Conflict

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
PLACES = st.integers(-50, 300)
INTERVALS = st.lists(st.tuples(PLACES, PLACES), max_size=40)


def covered(intervals: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> set[int]:
    return {place for start, end in intervals for place in range(max(0, start), min(end, 200))}


@given(INTERVALS)
def test_a_union_covers_exactly_what_was_watched(intervals: list[tuple[int, int]]) -> None:
    joined = union(intervals, 200)
    assert covered(joined) == covered(intervals)
    assert covered_ms(joined) == len(covered(intervals))


@given(INTERVALS)
def test_a_union_is_in_order_with_gaps_between(intervals: list[tuple[int, int]]) -> None:
    joined = union(intervals, 200)
    assert all(0 <= start < end <= 200 for start, end in joined)
    assert all(one[1] < other[0] for one, other in pairwise(joined))


@given(INTERVALS, INTERVALS)
def test_the_order_of_telling_does_not_matter(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    assert union([*union(one, 200), *other], 200) == union([*union(other, 200), *one], 200)


@given(INTERVALS, st.integers(1, 5))
def test_too_many_intervals_never_credit_what_was_not_watched(intervals: list[tuple[int, int]], most: int) -> None:
    joined = union(intervals, 200, most)
    assert len(joined) <= most
    assert covered(joined) <= covered(intervals)


def test_watching_the_same_again_counts_once() -> None:
    progress = watched(Progress(), 5000, [(0, 5000), (1000, 4000)], 10_000, NOW)
    assert (progress.watched_ms, progress.is_done) == (5000, False)
    assert watched(progress, 5000, [(0, 5000)], 10_000, NOW).watched_ms == 5000


def test_nine_tenths_are_done_and_stay_done() -> None:
    progress = watched(Progress(), 9000, [(0, 9000)], 10_000, NOW)
    assert progress.is_done
    assert watched(progress, 0, [], 20_000, NOW).is_done


def test_places_beyond_the_end_are_cut() -> None:
    progress = watched(Progress(), 99_000, [(8000, 99_000)], 10_000, NOW)
    assert (progress.position_ms, progress.watched_ms) == (10_000, 2000)


def test_who_does_not_say_where_he_is_stays_where_he_was() -> None:
    progress = watched(Progress(position_ms=7000), None, [(0, 5000)], 10_000, NOW)
    assert (progress.position_ms, progress.watched_ms) == (7000, 5000)


def test_a_lesson_of_unknown_length_is_never_done() -> None:
    assert not watched(Progress(), 0, [(0, 5000)], 0, NOW).is_done


def test_a_thousand_skips_are_kept_within_bounds() -> None:
    skips = [(number * 10, number * 10 + 1) for number in range(1000)]
    assert len(watched(Progress(), 0, skips, 100_000, NOW).intervals) == MAX_INTERVALS


def test_where_nothing_may_be_skipped_only_what_was_watched_from_the_start_makes_it_done() -> None:
    # given: the end was watched, and the middle was not
    later = NOW + timedelta(hours=1)
    began = watched(Progress(), 0, [], 100_000, NOW, no_skip=True)
    progress = watched(began, 0, [(0, 40_000), (45_000, 100_000)], 100_000, later, no_skip=True)
    assert (progress.watched_ms, progress.is_done) == (95_000, False)

    # when: the middle comes, from a phone that was offline
    progress = watched(progress, 0, [(40_000, 45_000)], 100_000, later, no_skip=True)

    # then
    assert progress.is_done


def test_nobody_watches_more_than_time_allows_where_nothing_may_be_skipped() -> None:
    began = watched(Progress(), 0, [], 600_000, NOW, no_skip=True)
    later = NOW + timedelta(seconds=100)
    possible_ms = round(100_000 * FASTEST) + GRACE_MS
    assert watched(began, 0, [(0, possible_ms)], 600_000, later, no_skip=True).watched_ms == possible_ms
    with pytest.raises(Conflict) as refused:
        watched(began, 0, [(0, possible_ms + 1)], 600_000, later, no_skip=True)
    assert refused.value.code == "too_fast"


def test_many_small_reports_allow_no_more_than_one() -> None:
    progress = watched(Progress(), 0, [(0, GRACE_MS)], 600_000, NOW, no_skip=True)
    with pytest.raises(Conflict):
        watched(progress, 0, [(GRACE_MS, GRACE_MS + 1)], 600_000, NOW, no_skip=True)


def test_who_began_before_the_time_was_kept_goes_on_where_nothing_may_be_skipped() -> None:
    # given: a record of an earlier version
    before = Progress(500_000, ((0, 500_000),), version=7)

    # when: two reports of what he watches on
    progress = watched(before, 510_000, [(500_000, 510_000)], 600_000, NOW, no_skip=True)
    later = NOW + timedelta(seconds=30)
    progress = watched(progress, 540_000, [(510_000, 540_000)], 600_000, later, no_skip=True)

    # then
    assert progress.is_done
    with pytest.raises(Conflict):
        watched(before, 600_000, [(0, 600_000)], 600_000, NOW, no_skip=True)


@given(st.lists(INTERVALS, max_size=5), st.randoms())
def test_reports_in_any_order_and_number_come_to_the_same(
    reports: list[list[tuple[int, int]]], order: Random
) -> None:
    shuffled = [*reports, *reports]
    order.shuffle(shuffled)
    results = []
    for told in (reports, shuffled):
        progress = Progress()
        for intervals in told:
            progress = watched(progress, 0, intervals, 200, NOW)
        results.append((progress.intervals, progress.is_done))
    assert results[0] == results[1]


def test_parts_of_a_lesson_are_counted_by_how_many_saw_their_middle() -> None:
    histories = [[(0, 100)], [(0, 30)], [(20, 30), (90, 100)], []]
    assert watched_at(histories, 100, 4) == [2, 1, 1, 1]


def test_a_whole_lesson_is_not_watched_in_a_second_where_skipping_is_allowed_either() -> None:
    began = watched(Progress(), 0, [], 600_000, NOW)
    with pytest.raises(TooFast):
        watched(began, 0, [(0, 600_000)], 600_000, NOW + timedelta(seconds=1))
    assert watched(began, 0, [(0, 600_000)], 600_000, NOW + timedelta(minutes=5)).is_done


def test_a_first_report_that_is_too_much_starts_the_clock() -> None:
    with pytest.raises(TooFast):
        watched(Progress(), 0, [(0, 600_000)], 600_000, NOW)
    began = begun(Progress(), NOW)
    assert (began.began_at, began.intervals, began.version) == (NOW, (), 1)
    assert watched(began, 0, [(0, 600_000)], 600_000, NOW + timedelta(minutes=5)).is_done


def test_the_clock_of_an_earlier_version_stands_where_what_it_kept_was_possible() -> None:
    before = Progress(intervals=((0, 500_000),), version=7)
    assert begun(before, NOW).began_at == NOW - timedelta(milliseconds=500_000 / FASTEST)
