"""How much one connection may send: some at once, so many a second."""

from __future__ import annotations

from dataclasses import dataclass

PACKETS_PER_SECOND = 20.0  # refilled allowance of one connection…
PACKETS_BURST = 60.0  # …and how much of it can be saved up
FLOOD_DEBT = 200  # who was refused so many, less what time has forgiven, is cut off


@dataclass(slots=True, eq=False)
class Allowance:
    """What one connection may still send.

    `owed`: how many packets were too many. As many are forgiven as are allowed meanwhile, so that a server which is
    too busy to refuse them all at once cuts off who floods just the same. Of a flood nothing is forgiven.
    """

    counted_at: float
    left: float = PACKETS_BURST
    owed: float = 0.0

    def take(self, now: float) -> bool:
        """Take one packet from it; False: that is too many."""
        came = (now - self.counted_at) * PACKETS_PER_SECOND
        self.counted_at = now
        self.left = min(PACKETS_BURST, self.left + came)
        if not self.is_flooded:
            self.owed = max(0.0, self.owed - came)
        if self.left < 1:
            self.owed += 1
            return False
        self.left -= 1
        return True

    @property
    def is_flooded(self) -> bool:
        """Whether its page is to be cut off."""
        return self.owed >= FLOOD_DEBT
