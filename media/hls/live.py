"""A take that is being recorded, as a low-latency media playlist (RFC 8216bis): pure, without clock or I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

TARGET_SECONDS = 4  # a part is closed at the first keyframe after two seconds, without one after 4.3
PART_TARGET_SECONDS = 0.58  # fragments end with the first picture after half a second
PART_HOLD_BACK = 3  # part targets that a player stays behind; fewer stall on phones
HOLD_BACK = 3  # target durations, for players that know no parts
SKIP_BOUNDARY = 6  # target durations: what is older is left out of a delta update
LISTED_TARGETS = 3  # target durations of which fragments are named one by one
KEPT_TARGETS = 6  # target durations of which fragments stay in memory: caches may ask a little later
KEPT_BYTES = 16_000_000  # of one stream, whatever its bitrate; the oldest go first
ADVANCE_PARTS = ceil(3 / PART_TARGET_SECONDS)  # RFC 8216bis, 6.2.5.2: the Advance Part Limit
ADVANCE_SEGMENTS = 2
# Each node that goes on with a stream counts its discontinuities from a thousand more than the one before: enough for
# any host who comes back, few enough for hls.js, which walks through all numbers.
DISCONTINUITIES_PER_TURN = 1000
_SECOND_NS, _MS_NS = 1_000_000_000, 1_000_000
_DELTA_VERSION, _FULL_VERSION = 9, 7
_FRAGMENT = re.compile(r"(part-\d{6,12})\.(\d{1,4})\.m4s")


class Point(NamedTuple):
    """What a playlist request waits for: a whole segment, or a fragment of one."""

    sequence: int
    part: int | None


class Page(NamedTuple):
    """A playlist: its head, the settled segments from one number to another, and what still changes."""

    head: str
    first: int
    last: int  # the first one that is not among them
    tail: str


@dataclass(slots=True, eq=False)
class LiveSegment:
    """One recorded part: on disk whole, and as long as it is new in memory, fragment by fragment."""

    name: str
    init: str
    start_ns: int
    begins_run: bool
    is_independent: bool
    ends_ns: list[int] = field(default_factory=list)  # of its fragments
    bodies: list[bytes] = field(default_factory=list)  # of its fragments, or none any more
    closed_ns: int | None = None
    bytes: int = 0

    @property
    def end_ns(self) -> int:
        """Where it ends, so far."""
        if self.closed_ns is not None:
            return self.closed_ns
        return self.ends_ns[-1] if self.ends_ns else self.start_ns

    @property
    def seconds(self) -> float:
        """How long it is, so far."""
        return _seconds(self.start_ns, self.end_ns)

    def fragment_seconds(self) -> list[float]:
        """How long each fragment is; the last one ends where the segment does."""
        ends = [*self.ends_ns[:-1], self.end_ns] if self.ends_ns else []
        return [_seconds(start, end) for start, end in zip([self.start_ns, *ends], ends, strict=False)]


def _seconds(start_ns: int, end_ns: int) -> float:
    """From a rounded begin to a rounded end, so that rounding never adds up over a long playlist."""
    return max(0, round(end_ns / _MS_NS) - round(start_ns / _MS_NS)) / 1000


def _text(lines: Sequence[str]) -> str:
    return "\n".join([*lines, ""])


def fragment_name(segment: str, number: int) -> str:
    """The name of one fragment of a segment: `part-000007.2.m4s`."""
    stem, _, ending = segment.rpartition(".")
    return f"{stem}.{number}.{ending}"


def fragment_of(name: str) -> tuple[str, int] | None:
    """The segment of a fragment, and which one of it; None for the name of anything else."""
    found = _FRAGMENT.fullmatch(name)
    return None if found is None else (f"{found[1]}.m4s", int(found[2]))


class LiveTake:
    """Segments from the begin of the stream; the newest one grows."""

    def __init__(self, first_sequence: int = 0, turn: int = 0) -> None:
        """`turn`: how many nodes had the stream before this one."""
        self.first_sequence = first_sequence
        self.first_discontinuity = turn * DISCONTINUITIES_PER_TURN
        self.began_at: datetime | None = None  # the wall clock of 0 ns
        self.segments: list[LiveSegment] = []
        self.is_over = False
        self.is_independent = True  # whether a decoder may begin with any segment
        self.settled: list[str] = []  # the lines of closed segments without their fragments
        self._target_seconds = TARGET_SECONDS
        self._kept_from = 0  # the first segment whose fragments are in memory
        self._listed_from = 0  # the first one whose fragments are named; never goes back
        self._places: dict[str, int] = {}  # by name

    # -- how it grows

    def open(self, segment: LiveSegment) -> None:
        """The next segment begins."""
        self._places[segment.name] = len(self.segments)
        self.segments.append(segment)
        self.is_independent = self.is_independent and segment.is_independent

    def add(self, body: bytes, end_ns: int) -> None:
        """The open segment has grown by a fragment."""
        segment = self.segments[-1]
        segment.ends_ns.append(max(end_ns, segment.end_ns))
        segment.bodies.append(body)
        segment.bytes += len(body)
        self._forget()
        self._settle()

    def close(self, end_ns: int) -> None:
        """The open segment is whole; one without anything in it never was."""
        segment = self.segments[-1]
        if segment.closed_ns is not None:
            return
        if not segment.ends_ns:
            del self._places[self.segments.pop().name]
            return
        segment.closed_ns = max(end_ns, segment.ends_ns[-2] if len(segment.ends_ns) > 1 else segment.start_ns)
        self._note_closed(segment)

    def add_closed(self, segment: LiveSegment) -> None:
        """One that was recorded before."""
        self.open(segment)
        self._target_seconds = max(self._target_seconds, round(segment.seconds))
        self._kept_from = len(self.segments)
        self._note_closed(segment)
        self._settle()

    def close_open(self) -> None:
        """Close the open segment, if there is one, where it ends by now."""
        if self.segments and self.segments[-1].closed_ns is None:
            self.close(self.segments[-1].end_ns)

    def end(self) -> None:
        """Nothing comes any more."""
        self.close_open()
        self.is_over = True

    def _note_closed(self, segment: LiveSegment) -> None:
        self.settled.append(_text([*self._head(segment, is_first=not self.settled), *self._tail(segment)]))

    def _settle(self) -> None:
        self._listed_from = max(self._listed_from, self._kept_from, self._older_than(LISTED_TARGETS))

    def _forget(self) -> None:
        """Drop fragments that nobody asks for any more."""
        newest_ns = self.segments[-1].end_ns
        kept = sum(len(body) for segment in self.segments[self._kept_from :] for body in segment.bodies)
        while self._kept_from < len(self.segments) - 1:
            oldest = self.segments[self._kept_from]
            age_ns = newest_ns - oldest.end_ns
            if age_ns <= KEPT_TARGETS * self.target_seconds * _SECOND_NS and kept <= KEPT_BYTES:
                return
            kept -= sum(len(body) for body in oldest.bodies)
            oldest.bodies = []
            self._kept_from += 1

    # -- what is there

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to play yet."""
        return not any(segment.ends_ns or segment.closed_ns is not None for segment in self.segments[:1])

    @property
    def target_seconds(self) -> int:
        """TARGETDURATION, which must not change while the playlist grows (RFC 8216, 6.2.1)."""
        return self._target_seconds

    @property
    def next_sequence(self) -> int:
        """The number of the segment after the newest."""
        return self.first_sequence + len(self.segments)

    def has(self, point: Point) -> bool:
        """Whether what is asked for is in the playlist, or never will be more than what is there."""
        if self.is_over:
            return True
        index = point.sequence - self.first_sequence
        if index < 0:
            return True
        if index >= len(self.segments):
            return False
        segment = self.segments[index]
        if point.part is None or segment.closed_ns is None:
            return segment.closed_ns is not None if point.part is None else point.part < len(segment.ends_ns)
        if point.part < len(segment.ends_ns):
            return True
        # RFC 8216bis, 6.2.5.2: a part after the last one of a whole segment is the first one of the next.
        following = self.segments[index + 1] if index + 1 < len(self.segments) else None
        return following is not None and (following.closed_ns is not None or bool(following.ends_ns))

    def is_too_far(self, point: Point) -> bool:
        """Whether nobody who read the playlist could ask for this already."""
        if self.is_over:
            return False
        last = self.next_sequence - 1
        if point.sequence > last + ADVANCE_SEGMENTS:
            return True
        if point.part is None or point.sequence < last:
            return False
        is_open = bool(self.segments) and self.segments[-1].closed_ns is None
        there = len(self.segments[-1].ends_ns) if is_open and point.sequence == last else 0
        return point.part >= there + ADVANCE_PARTS

    def find(self, name: str) -> LiveSegment | None:
        """A segment by its name."""
        place = self._places.get(name)
        return None if place is None else self.segments[place]

    def before(self, segment: LiveSegment) -> LiveSegment | None:
        """The one before it in the same run."""
        place = self._places[segment.name]
        return None if segment.begins_run or place == 0 else self.segments[place - 1]

    # -- as text

    def page(self, next_name: str, *, is_delta: bool = False) -> Page:
        """The whole playlist, or what a player with a fresh one lacks. `next_name`: of the segment to come."""
        skipped = self._older_than(SKIP_BOUNDARY) if is_delta else 0
        head = ["#EXTM3U", f"#EXT-X-VERSION:{_DELTA_VERSION if skipped else _FULL_VERSION}", *self._rules()]
        if skipped:
            head.append(f"#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")
        listed = max(skipped, self._listed_from)
        tail = []
        for index in range(listed, len(self.segments)):
            segment = self.segments[index]
            tail += self._head(segment, is_first=index == 0) + self._fragments(segment)
            if segment.closed_ns is not None:
                tail += self._tail(segment)
        tail.append("#EXT-X-ENDLIST" if self.is_over else self._hint(next_name))
        return Page(_text(head), skipped, listed, _text(tail))

    def _rules(self) -> list[str]:
        target, listed = self.target_seconds, self.segments[self._listed_from :]
        part = max([PART_TARGET_SECONDS, *(each for segment in listed for each in segment.fragment_seconds())])
        control = (
            f"CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={SKIP_BOUNDARY * target:.1f},"
            f"HOLD-BACK={HOLD_BACK * target:.1f},PART-HOLD-BACK={PART_HOLD_BACK * part:.3f}"
        )
        return [
            f"#EXT-X-TARGETDURATION:{target}",
            f"#EXT-X-SERVER-CONTROL:{control}",
            f"#EXT-X-PART-INF:PART-TARGET={part:.3f}",
            f"#EXT-X-MEDIA-SEQUENCE:{self.first_sequence}",
            *([f"#EXT-X-DISCONTINUITY-SEQUENCE:{self.first_discontinuity}"] if self.first_discontinuity else []),
            *(["#EXT-X-INDEPENDENT-SEGMENTS"] if self.is_independent else []),
        ]

    def _older_than(self, targets: int) -> int:
        """How many segments end before the last so many target durations."""
        if not self.segments:
            return 0
        boundary_ns = self.segments[-1].end_ns - targets * self.target_seconds * _SECOND_NS
        count = len(self.segments)
        while count and self.segments[count - 1].end_ns > boundary_ns:
            count -= 1
        return count

    def _head(self, segment: LiveSegment, *, is_first: bool) -> list[str]:
        lines = []
        if segment.begins_run:
            lines += [*([] if is_first else ["#EXT-X-DISCONTINUITY"]), f'#EXT-X-MAP:URI="{segment.init}"']
        if self.began_at is not None:
            moment = self.began_at + timedelta(microseconds=segment.start_ns // 1000)
            lines.append(f"#EXT-X-PROGRAM-DATE-TIME:{moment.isoformat(timespec='milliseconds')}")
        return lines

    @staticmethod
    def _fragments(segment: LiveSegment) -> list[str]:
        lines = []
        for number, duration in enumerate(segment.fragment_seconds()):
            independent = ",INDEPENDENT=YES" if number == 0 and segment.is_independent else ""
            uri = fragment_name(segment.name, number)
            lines.append(f'#EXT-X-PART:DURATION={duration:.3f},URI="{uri}"{independent}')
        return lines

    @staticmethod
    def _tail(segment: LiveSegment) -> list[str]:
        return [f"#EXTINF:{segment.seconds:.3f},", segment.name]

    def _hint(self, next_name: str) -> str:
        last = self.segments[-1] if self.segments else None
        is_open = last is not None and last.closed_ns is None
        name = (
            fragment_name(last.name, len(last.ends_ns))
            if last is not None and is_open
            else fragment_name(next_name, 0)
        )
        return f'#EXT-X-PRELOAD-HINT:TYPE=PART,URI="{name}"'
