"""How much of a core this process uses: one media process is one core, and new viewers go where some is left."""

from __future__ import annotations

BUSY_SHARE = 0.85  # of a core: beyond it packets begin to wait for each other
ROOM_SHARE = 0.7  # a node that uses less takes viewers of a busy one


class CpuShare:
    """The share between the last two looks. Times are seconds: of a steady clock, and of the processor."""

    def __init__(self, now: float, used: float) -> None:
        self.share = 0.0
        self._now = now
        self._used = used

    def look(self, now: float, used: float) -> float:
        """Answers the share since the last look; looks that follow each other closely change nothing."""
        if now - self._now >= 1.0:
            self.share = (used - self._used) / (now - self._now)
            self._now, self._used = now, used
        return self.share

    @property
    def is_busy(self) -> bool:
        """Whether new viewers are better off elsewhere."""
        return self.share >= BUSY_SHARE
