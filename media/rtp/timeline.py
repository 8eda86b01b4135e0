"""Which moment of the wall clock an RTP timestamp stands for: what sender reports say, for lip sync."""

from __future__ import annotations

NTP_EPOCH_SECONDS = 2_208_988_800  # 1900 to 1970


def from_ntp(ntp: int) -> float:
    """Seconds since 1970 of a 64-bit NTP timestamp."""
    return ntp / 4294967296 - NTP_EPOCH_SECONDS


def to_ntp(seconds: float) -> int:
    """The 64-bit NTP timestamp of seconds since 1970."""
    return int((seconds + NTP_EPOCH_SECONDS) * 4294967296) & 0xFFFFFFFFFFFFFFFF


class PublisherClock:
    """The distance between a publisher's wall clock and ours, found once, so it is the same for all his tracks."""

    __slots__ = ("_shift",)

    def __init__(self) -> None:
        self._shift: float | None = None

    def ours(self, ntp: int, wall: float) -> float:
        """Our wall clock at his `ntp`, when his report arrives at `wall`."""
        theirs = from_ntp(ntp)
        if self._shift is None:
            self._shift = wall - theirs
        return theirs + self._shift


class Timeline:
    """One point at which a track's timestamp and our wall clock are known; the others follow from the clock rate."""

    __slots__ = ("_known", "_timestamp", "_wall", "clock_rate")

    def __init__(self, clock_rate: int) -> None:
        self.clock_rate = clock_rate
        self._known = False
        self._timestamp = 0
        self._wall = 0.0

    def set(self, timestamp: int, wall: float) -> None:
        """At `wall` the track's clock stood at `timestamp`."""
        self._timestamp = timestamp
        self._wall = wall
        self._known = True

    def at(self, wall: float) -> int | None:
        """Where the track's clock stands at `wall`; None while nothing is known."""
        if not self._known:
            return None
        return (self._timestamp + int((wall - self._wall) * self.clock_rate)) & 0xFFFFFFFF
