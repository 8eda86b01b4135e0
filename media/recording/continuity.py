"""Whether a publisher's packets go on where they were: by their timestamps, for what comes late is not lost."""

from __future__ import annotations

from enum import Enum, auto

from media.recording.timeline import JUMP_NS
from media.recording.tracks import SECOND_NS, Kind
from media.rtp.packet import RtpPacket
from media.rtp.seq import distance, time_distance

# When neither track had anything for so long, by arrival and by timestamps, players are told of an interruption.
SILENCE_NS = 2 * SECOND_NS
# Of pictures without sound, none of which is missing, one may be shown for so long: as long as a part may be.
STILL_PICTURE_NS = 4 * SECOND_NS
# A sound that has not been heard for so long is off.
SOUND_OFF_NS = 10 * SECOND_NS


class Break(Enum):
    """Why a run cannot go on."""

    SILENCE = auto()  # the clocks run on
    JUMP = auto()  # the sender counts anew


class Continuity:
    """Looks at each packet of a run, in order of arrival."""

    def __init__(self) -> None:
        self._newest: dict[Kind, tuple[int, int]] = {}  # timestamp and arrival
        self._arrival_ns = 0
        self._picture_sequence: int | None = None  # the newest

    def check(self, kind: Kind, packet: RtpPacket, clock_rate: int, arrival_ns: int) -> Break | None:
        """Whether the run ends before this packet; one that comes after a break begins the next."""
        silent_ns, self._arrival_ns = arrival_ns - self._arrival_ns, arrival_ns
        longest_ns = self._longest_silence(kind, packet.sequence, arrival_ns)
        timestamp, before = packet.timestamp, self._newest.get(kind)
        if before is None:
            self._newest[kind] = (timestamp, arrival_ns)
            return None
        step_ns = time_distance(timestamp, before[0]) * SECOND_NS // clock_rate
        if abs(step_ns - (arrival_ns - before[1])) > JUMP_NS:
            return Break.JUMP
        if step_ns >= 0:
            self._newest[kind] = (timestamp, arrival_ns)
        return Break.SILENCE if min(silent_ns, step_ns) > longest_ns else None

    def _longest_silence(self, kind: Kind, sequence: int, arrival_ns: int) -> int:
        """How long nothing may come before this packet."""
        if kind != "video":
            return SILENCE_NS
        step = 0 if self._picture_sequence is None else distance(sequence, self._picture_sequence)
        if self._picture_sequence is None or step > 0:
            self._picture_sequence = sequence
        sound = self._newest.get("audio")
        is_alone = sound is None or arrival_ns - sound[1] > SOUND_OFF_NS
        return STILL_PICTURE_NS if step == 1 and is_alone else SILENCE_NS
