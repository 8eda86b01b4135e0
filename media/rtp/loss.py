"""Which share of the packets a receiver misses, over enough of them to mean something."""

from __future__ import annotations

ENOUGH_PACKETS = 50  # a browser also reports after two packets, of which one lost would be half
MANY_LOST = 10  # of fewer packets than that: there is no need to wait for more


class LossMeter:
    """Reads the running totals of receiver reports (RFC 3550 6.4.1); what RTX repaired counts as lost there."""

    __slots__ = ("_highest", "_lost", "share")

    def __init__(self) -> None:
        self.share = 0.0
        self._highest: int | None = None
        self._lost = 0

    def heard(self, highest: int, packets_lost: int) -> bool:
        """A report: the extended highest number, and all packets lost so far. Whether `share` was measured anew."""
        if self._highest is None or highest < self._highest or packets_lost < self._lost:
            self._highest, self._lost = highest, packets_lost
            return False
        expected, lost = highest - self._highest, packets_lost - self._lost
        if not expected or (expected < ENOUGH_PACKETS and lost < MANY_LOST):
            return False
        self.share = min(1.0, lost / expected)
        self._highest, self._lost = highest, packets_lost
        return True
