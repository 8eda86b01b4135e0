"""One take of the parts that several nodes recorded of a stream, each on its own clock's line."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import replace
from datetime import datetime
from itertools import compress

from media.recording.take import FILL, MERGE_GAPS_NS, Part, Take

_MS = 1_000_000
_ROUNDED_NS = 2 * _MS  # take.json tells milliseconds
Span = tuple[int, int]


def combine(own: Take, stored: Take) -> Take:
    """The take that the object store should tell of: what is stored there, with ours in its place by the clock.

    Runs are known by their init segments. What the stored one has of ours, from an earlier time, is replaced by ours.
    A fill stands in place of the parts that it covers: something was missing in them.
    """
    mine = {run.init for run in own.runs}
    others = _only(stored, {run.init for run in stored.runs} - mine)
    if not others.parts:
        return own
    if not own.parts or own.began_at is None or others.began_at is None:
        return stored if not own.parts else own
    began_at = min(own.began_at, others.began_at)
    both = sorted([*_placed(own, began_at), *_placed(others, began_at)], key=lambda entry: entry[1].start_ns)
    fills = [(part.start_ns, part.end_ns) for part in _fills(both)]
    covered = [not init.startswith(FILL) and _is_within(part.start_ns, part.end_ns, fills) for init, part in both]
    worse = list(compress((part for _, part in both), covered))
    both = [entry for entry, is_worse in zip(both, covered, strict=True) if not is_worse]
    inits = list(dict.fromkeys(init for init, _ in both))
    runs = {run.init: run for run in (*others.runs, *own.runs)}
    whole = Take(own.stream_id, own.room_id, began_at)
    whole.runs = [runs[init] for init in inits]
    whole.parts = [replace(part, run=inits.index(init)) for init, part in both]
    lost = [*_lost_inside(own, began_at), *_lost_inside(others, began_at)]
    lost += [*_lost_after(own, began_at, whole.end_ns), *_lost_after(others, began_at, whole.end_ns)]
    whole.gaps = _gaps([gap for gap in lost if not _is_within(*gap, fills)], whole.parts)
    known = [span for take in (own, others) for span in _moved(take.replaced, _shift(take, began_at))]
    whole.replaced = _distinct([*known, *((part.start_ns, part.end_ns) for part in worse)])
    whole.uploaded = own.uploaded | others.uploaded
    return whole


def _fills(placed: list[tuple[str, Part]]) -> list[Part]:
    """Each fill as one part: all of its run."""
    whole: dict[str, Part] = {}
    for init, part in placed:
        if init.startswith(FILL):
            first = whole.setdefault(init, part)
            whole[init] = replace(first, end_ns=max(first.end_ns, part.end_ns))
    return list(whole.values())


def _is_within(start_ns: int, end_ns: int, spans: list[Span]) -> bool:
    return any(begin - _ROUNDED_NS <= start_ns and end_ns <= end + _ROUNDED_NS for begin, end in spans)


def _distinct(spans: list[Span]) -> list[Span]:
    """Each span once, also if it was told in milliseconds and is known to the nanosecond."""
    found: list[Span] = []
    for start_ns, end_ns in sorted(spans):
        if not _is_within(start_ns, end_ns, found[-1:]):
            found.append((start_ns, end_ns))
    return found


def _moved(spans: list[Span], shift: int) -> list[Span]:
    return [(start + shift, end + shift) for start, end in spans]


def _only(take: Take, inits: set[str]) -> Take:
    """The part of a take that belongs to these runs; its line stays as it is."""
    found = Take(take.stream_id, take.room_id, take.began_at)
    kept = [number for number, run in enumerate(take.runs) if run.init in inits]
    found.runs = [take.runs[number] for number in kept]
    found.parts = [replace(p, run=kept.index(p.run)) for p in take.parts if p.run in kept]
    found.gaps, found.replaced = list(take.gaps), list(take.replaced)
    found.uploaded = {part.name for part in found.parts} | {run.init for run in found.runs}
    return found


def _shift(take: Take, began_at: datetime) -> int:
    return 0 if take.began_at is None else round((take.began_at - began_at).total_seconds() * 1000) * _MS


def _placed(take: Take, began_at: datetime) -> list[tuple[str, Part]]:
    """Its parts on the common line, each with its init segment."""
    shift = _shift(take, began_at)
    return [
        (take.runs[p.run].init, replace(p, start_ns=p.start_ns + shift, end_ns=p.end_ns + shift)) for p in take.parts
    ]


def _lost_inside(take: Take, began_at: datetime) -> list[Span]:
    """What is missing within its own parts; what it lacks between them another may have."""
    shift = _shift(take, began_at)
    begins = [part.start_ns for part in take.parts]
    inside = [gap for gap in take.gaps if gap[1] - gap[0] - _recorded_ns(take, begins, *gap) <= _ROUNDED_NS]
    return _moved(inside, shift)


def _lost_after(take: Take, began_at: datetime, end_ns: int) -> list[Span]:
    """What it lacks after the last part of all."""
    listed = _moved(take.gaps, _shift(take, began_at))
    return [(max(start, end_ns), end) for start, end in listed if end - end_ns > _ROUNDED_NS]


def _recorded_ns(take: Take, begins: list[int], start_ns: int, end_ns: int) -> int:
    """How much of a span its parts have, which follow each other."""
    first, last = max(0, bisect_right(begins, start_ns) - 1), bisect_left(begins, end_ns)
    parts = take.parts[first:last]
    return sum(max(0, min(part.end_ns, end_ns) - max(part.start_ns, start_ns)) for part in parts)


def _gaps(listed: list[Span], parts: list[Part]) -> list[Span]:
    """What is listed as missing, and what lies before the first part and between parts."""
    between = []
    end_ns = 0
    for part in parts:
        if part.start_ns - end_ns >= MERGE_GAPS_NS:
            between.append((end_ns, part.start_ns))
        end_ns = max(end_ns, part.end_ns)
    merged: list[Span] = []
    for start, end in sorted(listed + between):
        if merged and start - merged[-1][1] < MERGE_GAPS_NS:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
