"""What we know of one source that we receive: loss and jitter (RFC 3550 A.3, A.8), and what to ask for again."""

from __future__ import annotations

from media.rtp.feedback import ReportBlock
from media.rtp.seq import MOST_JUMP, Unwrapper, distance, time_distance

NACK_RETRY_SECONDS = 0.1  # about one round trip of a phone
NACK_TRIES = 10
MOST_MISSING = 256  # more than this at once is an outage: a keyframe is cheaper than the pieces


class Missing:
    """One packet that did not come."""

    __slots__ = ("next_try", "tries")

    def __init__(self, next_try: float) -> None:
        self.next_try = next_try
        self.tries = 0


class Reception:
    """The receiving side of one SSRC. Times are seconds of any steady clock."""

    __slots__ = (
        "_base",
        "_clock_rate",
        "_expected_before",
        "_jitter",
        "_last_transit",
        "_missing",
        "_received",
        "_received_before",
        "_report_at",
        "_report_ntp",
        "_unwrap",
        "fraction_lost",
        "ssrc",
    )

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.fraction_lost = 0.0  # of the interval before the last report
        self._clock_rate = clock_rate
        self._unwrap = Unwrapper()
        self._base = 0
        self._received = 0
        self._expected_before = 0
        self._received_before = 0
        self._jitter = 0.0
        self._last_transit: int | None = None
        self._missing: dict[int, Missing] = {}
        self._report_ntp = 0
        self._report_at = 0.0

    def arrived(self, sequence: int, timestamp: int, now: float) -> bool:
        """Count a packet by its 16-bit number and RTP timestamp; True when it shows that others are missing."""
        highest = self._unwrap.highest
        if highest is not None and abs(distance(sequence, highest & 0xFFFF)) > MOST_JUMP:
            self._begin_again()
            highest = None
        extended = self._unwrap.extend(sequence)
        self._received += 1
        if highest is None:
            self._base = extended
            return False
        if extended <= highest:
            self._missing.pop(extended, None)
            return False
        self._track_jitter(timestamp, now)
        if extended == highest + 1:
            return False
        if extended - highest > MOST_MISSING:
            self._missing.clear()
            return False
        for absent in range(highest + 1, extended):
            self._missing[absent] = Missing(now)
        while len(self._missing) > MOST_MISSING:
            del self._missing[next(iter(self._missing))]
        return True

    def _begin_again(self) -> None:
        self._unwrap = Unwrapper()
        self._received = self._received_before = self._expected_before = 0
        self._missing.clear()

    def _track_jitter(self, timestamp: int, now: float) -> None:
        transit = (int(now * self._clock_rate) - timestamp) & 0xFFFFFFFF
        if self._last_transit is not None:
            self._jitter += (abs(time_distance(transit, self._last_transit)) - self._jitter) / 16
        self._last_transit = transit

    def due(self, now: float) -> list[int]:
        """16-bit numbers to ask for now, ascending; each is asked for NACK_TRIES times and then given up."""
        wanted: list[int] = []
        given_up: list[int] = []
        for sequence, missing in self._missing.items():
            if missing.next_try > now:
                continue
            if missing.tries >= NACK_TRIES:
                given_up.append(sequence)
                continue
            missing.tries += 1
            missing.next_try = now + NACK_RETRY_SECONDS
            wanted.append(sequence & 0xFFFF)
        for sequence in given_up:
            del self._missing[sequence]
        return wanted

    def heard_report(self, ntp: int, now: float) -> None:
        """A sender report of this 64-bit NTP time came: our next report lets its sender know the round trip."""
        self._report_ntp = ntp >> 16 & 0xFFFFFFFF
        self._report_at = now

    def report(self, now: float) -> ReportBlock:
        """The block for a receiver report; starts a new interval."""
        highest = self._unwrap.highest or 0
        expected = highest - self._base + 1 if self._received else 0
        interval = expected - self._expected_before
        lost = max(0, interval - (self._received - self._received_before))
        self._expected_before = expected
        self._received_before = self._received
        self.fraction_lost = lost / interval if interval > 0 else 0.0
        return ReportBlock(
            ssrc=self.ssrc,
            fraction_lost=min(255, int(self.fraction_lost * 256)),
            packets_lost=expected - self._received,
            highest=highest,
            jitter=int(self._jitter),
            last_report=self._report_ntp,
            delay=int((now - self._report_at) * 65536) if self._report_ntp else 0,
        )


class BandwidthEstimate:
    """How much a publisher may send: grows while little is lost, shrinks with loss. Simple, and enough for a first
    version: Chromium without any estimate stays at 300 kbit/s."""

    __slots__ = ("bits_per_second",)

    START = 1_500_000
    LEAST = 150_000
    MOST = 3_000_000
    GROWTH = 1.08  # per second
    FINE_LOSS = 0.02
    BAD_LOSS = 0.10

    def __init__(self) -> None:
        self.bits_per_second = self.START

    def update(self, fraction_lost: float) -> int:
        """A second has passed with this share, 0…1, lost; answers the new estimate in bits per second."""
        estimate = float(self.bits_per_second)
        if fraction_lost < self.FINE_LOSS:
            estimate *= self.GROWTH
        elif fraction_lost > self.BAD_LOSS:
            estimate *= 1 - fraction_lost / 2
        self.bits_per_second = int(min(max(estimate, self.LEAST), self.MOST))
        return self.bits_per_second
