"""How much one connection may send: some at once, so many a second."""

from __future__ import annotations

from dataclasses import dataclass

PACKETS_PER_SECOND = 20.0  # refilled allowance of one connection…
PACKETS_BURST = 60.0  # …and how much of it can be saved up


@dataclass(slots=True, eq=False)
class Allowance:
    """What one connection may still send; `refused`: how many packets in a row were too many."""

    counted_at: float
    left: float = PACKETS_BURST
    refused: int = 0

    def take(self, now: float) -> bool:
        """Take one packet from it; False: that is too many."""
        self.left = min(PACKETS_BURST, self.left + (now - self.counted_at) * PACKETS_PER_SECOND)
        self.counted_at = now
        if self.left < 1:
            self.refused += 1
            return False
        self.left -= 1
        self.refused = 0
        return True
