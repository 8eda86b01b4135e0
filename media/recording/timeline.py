"""From RTP timestamps of two tracks to one clock, so that lips and voice stay together."""

from __future__ import annotations

from dataclasses import dataclass

from media.recording.tracks import SECOND_NS, Kind
from media.rtp.seq import time_distance

# A timestamp this far from its arrival is not a delay any more: the sender began to count anew.
JUMP_NS = 5 * SECOND_NS
# Sender reports that would move the sound further than this are wrong about one of the two clocks.
LARGEST_LIP_SYNC_NS = 2 * SECOND_NS
_NTP_FRACTION = 1 << 32


@dataclass(frozen=True, slots=True)
class SenderReport:
    """A moment that a sender names both in its wall clock and in a track's RTP clock (RFC 3550, 6.4.1)."""

    ntp: int  # 32.32 fixed point
    rtp_timestamp: int


class TrackClock:
    """One track's RTP clock, anchored where its first access unit arrived."""

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self._anchor: tuple[int, int] | None = None  # (timestamp, nanoseconds)
        self._newest = 0

    def at_ns(self, timestamp: int, arrival_ns: int) -> tuple[int, bool]:
        """When it was taken, on the arrival clock, and whether the clock had to be anchored anew."""
        self._newest = timestamp
        if self._anchor is None:
            self._anchor = (timestamp, arrival_ns)
            return arrival_ns, False
        at = self.place(timestamp)
        if abs(at - arrival_ns) > JUMP_NS:
            self._anchor = (timestamp, arrival_ns)
            return arrival_ns, True
        return at, False

    def lower(self, timestamp: int, arrival_ns: int) -> None:
        """Before anything is placed: a packet that came quicker tells more about when sounds were made."""
        if self._anchor is None or arrival_ns < self.place(timestamp):
            self._anchor = (timestamp, arrival_ns)
            self._newest = timestamp

    def shift(self, nanoseconds: int) -> None:
        """Move everything to come, later if positive."""
        if self._anchor is not None:
            self._anchor = (self._anchor[0], self._anchor[1] + nanoseconds)

    def place(self, timestamp: int) -> int:
        """The moment of a timestamp, on the arrival clock. RuntimeError: before the first `at_ns` or `lower`."""
        if self._anchor is None:
            raise RuntimeError("the clock is not anchored")
        return self._anchor[1] + (timestamp - self._anchor[0]) * SECOND_NS // self.clock_rate

    def unwrap(self, rtp_timestamp: int) -> int | None:
        """The unwrapped form of a 32-bit timestamp near the newest one; None before there is one."""
        return None if self._anchor is None else self._newest + time_distance(rtp_timestamp, self._newest)


class LipSync:
    """Moves the audio clock so that what the sender took at one moment gets one place.

    The sender's reports are trusted over arrival, because sound and picture wait differently on their way.
    """

    def __init__(self, video: TrackClock, audio: TrackClock) -> None:
        self._clocks: dict[Kind, TrackClock] = {"video": video, "audio": audio}
        self._reports: dict[Kind, SenderReport] = {}
        self.is_due = False  # there are reports that did not move the clock yet
        self.is_aligned = False  # reports of both tracks were heeded, for the first time or again

    def report(self, kind: Kind, report: SenderReport) -> None:
        """Take a report."""
        self._reports[kind] = report
        self.is_due = len(self._reports) == 2
        self.align()

    def align(self) -> None:
        """Move the audio clock to what the newest reports say, as soon as both clocks run."""
        if not self.is_due:
            return
        video_at, audio_at = self._moment("video"), self._moment("audio")
        if video_at is None or audio_at is None:
            return
        self.is_due, self.is_aligned = False, True
        between = (self._reports["audio"].ntp - self._reports["video"].ntp) * SECOND_NS // _NTP_FRACTION
        move = video_at + between - audio_at
        if abs(move) <= LARGEST_LIP_SYNC_NS:
            self._clocks["audio"].shift(move)

    def _moment(self, kind: Kind) -> int | None:
        clock = self._clocks[kind]
        timestamp = clock.unwrap(self._reports[kind].rtp_timestamp)
        return None if timestamp is None else clock.place(timestamp)
