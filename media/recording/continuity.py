"""Whether a publisher's packets go on where they were: by their timestamps, for what comes late is not lost."""

from __future__ import annotations

from enum import Enum, auto

from media.recording.timeline import JUMP_NS
from media.recording.tracks import SECOND_NS, Kind
from media.rtp.seq import time_distance

# When neither track had anything for so long, by arrival and by timestamps, players are told of an interruption.
SILENCE_NS = 2 * SECOND_NS


class Break(Enum):
    """Why a run cannot go on."""

    SILENCE = auto()  # the clocks run on
    JUMP = auto()  # the sender counts anew


class Continuity:
    """Looks at each packet of a run, in order of arrival."""

    def __init__(self) -> None:
        self._newest: dict[Kind, tuple[int, int]] = {}  # timestamp and arrival
        self._arrival_ns = 0

    def check(self, kind: Kind, timestamp: int, clock_rate: int, arrival_ns: int) -> Break | None:
        """Whether the run ends before this packet; one that comes after a break begins the next."""
        silent_ns, self._arrival_ns = arrival_ns - self._arrival_ns, arrival_ns
        before = self._newest.get(kind)
        if before is None:
            self._newest[kind] = (timestamp, arrival_ns)
            return None
        step_ns = time_distance(timestamp, before[0]) * SECOND_NS // clock_rate
        if abs(step_ns - (arrival_ns - before[1])) > JUMP_NS:
            return Break.JUMP
        if step_ns >= 0:
            self._newest[kind] = (timestamp, arrival_ns)
        return Break.SILENCE if min(silent_ns, step_ns) > SILENCE_NS else None
