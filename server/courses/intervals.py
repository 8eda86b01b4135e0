"""Watched intervals: their union, and what of it counts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import accumulate

MAX_INTERVALS = 500
LONGEST_MS = 24 * 3_600_000
FASTEST = 2.0  # the highest speed that the player offers
GRACE_MS = 30_000  # reports come late and clocks differ
GAP_MS = 2_000  # a player reports four times a second and may lose one or two looks

Interval = tuple[int, int]


def union(intervals: Iterable[Interval], limit_ms: int, most: int = MAX_INTERVALS) -> tuple[Interval, ...]:
    """Intervals in order, overlapping and touching ones joined, cut to [0, limit_ms], at most `most` of them.

    Where there are too many the shortest are dropped: nobody is credited with what he did not watch.
    """
    joined: list[Interval] = []
    for start, end in sorted((max(0, start), min(end, limit_ms)) for start, end in intervals):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    if len(joined) > most:
        joined = sorted(sorted(joined, key=lambda interval: interval[0] - interval[1])[:most])
    return tuple(joined)


def covered_ms(intervals: Iterable[Interval]) -> int:
    """The length of intervals that do not overlap."""
    return sum(end - start for start, end in intervals)


def from_the_start(intervals: Iterable[Interval]) -> int:
    """How far one has come without leaving anything out; of intervals in order that do not overlap."""
    reached = 0
    for start, end in intervals:
        if start > reached + GAP_MS:
            break
        reached = end
    return reached


def longer_than_possible(watched_ms: int, began_at: datetime, now: datetime) -> bool:
    """Whether nobody can have watched so much since the first report, not even at the highest speed.

    All of it is compared with all the time, so that the order of reports does not matter, and many small ones get no
    more than one. The first report starts the clock: a page sends an empty one when it begins to play, or keeps a
    lesson for later. Whoever watches offline has been given all the time since then.
    """
    passed_ms = (now - began_at).total_seconds() * 1000
    return watched_ms > max(0.0, passed_ms) * FASTEST + GRACE_MS


def began_before(intervals: Iterable[Interval], now: datetime) -> datetime:
    """When somebody began at the latest of whom only what he watched is known, as in records of earlier versions."""
    return now - timedelta(milliseconds=covered_ms(intervals) / FASTEST)


def watched_at(histories: Iterable[Iterable[Interval]], duration_ms: int, buckets: int) -> list[int]:
    """How many of the learners saw each part of a lesson that is cut into so many equal parts: its middle counts."""
    middles = [round(duration_ms * (number + 0.5) / buckets) for number in range(buckets)]
    more = [0] * (buckets + 1)  # how many more saw this part than the one before
    for intervals in histories:
        for start, end in intervals:  # of one learner they do not overlap
            more[bisect_left(middles, start)] += 1
            more[bisect_left(middles, end)] -= 1
    return [*accumulate(more[:buckets])]
