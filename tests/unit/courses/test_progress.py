"""How far a learner has come."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from server.courses.model import MAX_INTERVALS, Progress, covered_ms, union, watched

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
    progress = watched(Progress(), 5000, [(0, 5000), (1000, 4000)], 10_000)
    assert (progress.watched_ms, progress.is_done) == (5000, False)
    assert watched(progress, 5000, [(0, 5000)], 10_000).watched_ms == 5000


def test_nine_tenths_are_done_and_stay_done() -> None:
    progress = watched(Progress(), 9000, [(0, 9000)], 10_000)
    assert progress.is_done
    assert watched(progress, 0, [], 20_000).is_done


def test_places_beyond_the_end_are_cut() -> None:
    progress = watched(Progress(), 99_000, [(8000, 99_000)], 10_000)
    assert (progress.position_ms, progress.watched_ms) == (10_000, 2000)


def test_a_lesson_of_unknown_length_is_never_done() -> None:
    assert not watched(Progress(), 0, [(0, 5000)], 0).is_done


def test_a_thousand_skips_are_kept_within_bounds() -> None:
    skips = [(number * 10, number * 10 + 1) for number in range(1000)]
    assert len(watched(Progress(), 0, skips, 100_000).intervals) == MAX_INTERVALS
