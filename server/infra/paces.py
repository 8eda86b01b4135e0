"""How often somebody may do something in this process: some at once, then so many a second. No server is asked."""

from __future__ import annotations

from collections.abc import Callable

from server.errors import TooManyRequests


class Paces:
    """An allowance for each key, for what must cost nothing; several servers allow as many times as much.

    Whoever has been quiet for so long that all of it is there again is forgotten, so what is kept is bounded by who
    came in that time.
    """

    def __init__(self, at_once: float, per_second: float, clock: Callable[[], float]) -> None:
        self._at_once = at_once
        self._per_second = per_second
        self._quiet_seconds = at_once / per_second
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # and since when; who came last is last

    def check(self, key: str) -> None:
        """Count one more. Raises TooManyRequests."""
        now = self._clock()
        self._forget(now - self._quiet_seconds)
        left, since = self._left.pop(key, (self._at_once, now))
        left = min(self._at_once, left + (now - since) * self._per_second)
        may = left >= 1
        self._left[key] = (left - 1 if may else left, now)
        if not may:
            raise TooManyRequests("too fast; please wait a little")

    def __len__(self) -> int:
        return len(self._left)

    def _forget(self, before: float) -> None:
        while self._left:
            key = next(iter(self._left))
            if self._left[key][1] > before:
                return
            del self._left[key]
