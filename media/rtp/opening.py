"""A viewer's first second: how far apart his first packets leave, so that he can tell what his line carries."""

from __future__ import annotations

from collections.abc import Sequence

OPENING_SECONDS = 2.0  # in so long libwebrtc takes packets that come evenly as a measurement; later it is slow
OPENING_OCTETS = 12_000  # a line of 300 kbit/s has them in a third of a second, without a loss
PATIENCE_SECONDS = 0.4  # a good line has told by then
TRAIN_PACKETS = 7  # it needs four gaps alike; one more may be disturbed, and the first is to the packet before
AMPLE = 2.5  # the first train goes so much faster than the best layer: who carries that can catch up on it
ENOUGH = 1.25  # the others: one for each better layer
LEAST_GAP_SECONDS, MOST_GAP_SECONDS = 0.002, 0.02  # shorter ones are lost in the clock of a node that serves others
RETRY_SECONDS = 0.1  # while there is nothing to send


class Opening:
    """Trains of packets, each slower than the one before, of what a thin line carries. `now` in seconds, steady.

    A line that carries a train delivers it as evenly as it left, and a browser reports its rate at once (REMB).
    """

    __slots__ = ("_began_at", "_gap", "_octets_left", "_rates", "_sent")

    def __init__(self, needed: Sequence[int], now: float) -> None:
        """`needed`: bits per second that each better layer takes, best first."""
        self._rates = [needed[0] * AMPLE, *(bits * ENOUGH for bits in needed)]
        self._began_at = now
        self._octets_left = OPENING_OCTETS
        self._sent = 0
        self._gap = 0.0

    def is_over(self, now: float) -> bool:
        """Whether reports that come now are those of any line."""
        return now - self._began_at >= OPENING_SECONDS

    def is_patient(self, now: float) -> bool:
        """Whether a report may still come that makes a keyframe of the least layer needless."""
        return now - self._began_at < PATIENCE_SECONDS

    @property
    def is_trying(self) -> bool:
        """Whether more packets are to be sent, if need be repeats."""
        return self._octets_left > 0 and self._sent < len(self._rates) * TRAIN_PACKETS

    def pause(self, octets: int) -> float:
        """How long to wait after a packet of so many octets; 0: there was none to send."""
        if octets == 0:
            return RETRY_SECONDS
        if self._sent % TRAIN_PACKETS == 0:  # the gaps of a train must be alike
            gap = 8 * octets / self._rates[self._sent // TRAIN_PACKETS]
            self._gap = min(max(gap, LEAST_GAP_SECONDS), MOST_GAP_SECONDS)
        self._sent += 1
        self._octets_left -= octets
        return self._gap
