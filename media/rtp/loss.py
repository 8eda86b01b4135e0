"""Which share of the packets a receiver misses, over enough of them to mean something."""

from __future__ import annotations

ENOUGH_PACKETS = 50  # a browser also reports after two packets, of which one lost would be half
FORGOTTEN_SECONDS = 10.0
MANY_LOST = 10  # of fewer packets than that: there is no need to wait for more


class LossMeter:
    """Reads the running totals of receiver reports (RFC 3550 6.4.1) about one source.

    What RTX repaired counts as lost there.

    `now` in seconds, steady.
    """

    __slots__ = ("_highest", "_lost", "_measured_at", "_share")

    def __init__(self) -> None:
        self._share = 0.0
        self._measured_at = float("-inf")
        self._highest: int | None = None
        self._lost = 0

    def share(self, now: float) -> float:
        """What was measured last, 0…1; 0 when that is long ago, since who gets nothing loses nothing."""
        return self._share if now - self._measured_at < FORGOTTEN_SECONDS else 0.0

    def heard(self, highest: int, packets_lost: int, now: float) -> bool:
        """A report: the extended highest number, and all packets lost so far. Whether the share was measured anew."""
        if self._highest is None or highest < self._highest or packets_lost < self._lost:
            self._highest, self._lost = highest, packets_lost
            return False
        expected, lost = highest - self._highest, packets_lost - self._lost
        if not expected or (expected < ENOUGH_PACKETS and lost < MANY_LOST):
            return False
        self._share, self._measured_at = min(1.0, lost / expected), now
        self._highest, self._lost = highest, packets_lost
        return True
