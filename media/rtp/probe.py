"""Whether a line carries more: the newest packets are sent again beside what it gets, more and more of them."""

from __future__ import annotations

RAMP_SECONDS = 1.0  # in which the whole rate doubles: what does not fit shows before the line's queue is full
HOLD_SECONDS = 2.0  # at the wanted rate; then the line is believed to carry it
ENOUGH = 0.9  # of what was asked for must have been sent, else nothing is proven
MOST_SECONDS = 20.0  # then it is given up
MOST_DOUBLINGS = 30  # the clock is not to be trusted with more
SAVED_SECONDS, SAVED_OCTETS = 0.06, 1500  # what could not be sent at once, and is made up for


class Probe:
    """One attempt, from the rate that is sent to the one that is wanted.

    Bits per second; `now` in seconds, steady.
    """

    __slots__ = ("_asked", "_began_at", "_from", "_paid_at", "_sent", "_to")

    def __init__(self, sent: int, wanted: int) -> None:
        self._from = max(1, sent)
        self._to = wanted
        self._began_at: float | None = None  # nothing is known as long as nobody sends for it
        self._paid_at = 0.0
        self._asked = 0.0
        self._sent = 0.0

    @property
    def has_begun(self) -> bool:
        """Whether anything was sent for it."""
        return self._began_at is not None

    @property
    def wanted(self) -> int:
        """The rate that is tried."""
        return self._to

    def due(self, now: float) -> int:
        """How many octets to send now, beside the pictures."""
        if self._began_at is None:
            self._began_at = self._paid_at = now
        extra = max(0.0, min(self._to, self._ramp(now - self._began_at)) - self._from)
        self._asked += extra * (now - self._paid_at) / 8
        self._paid_at = now
        return int(min(self._asked - self._sent, extra * SAVED_SECONDS / 8 + SAVED_OCTETS))

    def paid(self, octets: int) -> None:
        """So many octets were sent."""
        self._sent += octets

    def has_held(self, now: float) -> bool:
        """Whether the wanted rate was reached, was really sent, and has lasted."""
        if self._began_at is None or self._sent < self._asked * ENOUGH:
            return False
        lasted = now - HOLD_SECONDS - self._began_at
        return lasted >= 0 and self._ramp(lasted) >= self._to

    def _ramp(self, seconds: float) -> float:
        return float(self._from * 2 ** min(seconds / RAMP_SECONDS, MOST_DOUBLINGS))

    def is_too_long(self, now: float) -> bool:
        """Whether it does not get where it should, for want of packets."""
        return self._began_at is not None and now - self._began_at > MOST_SECONDS
