"""Decode times for pictures of which only the time of showing is known (RTP carries no other)."""

from __future__ import annotations

from heapq import heappop, heappush

DEEPEST = 16  # ITU-T H.264, A.3: no more pictures wait to be shown


class DecodeOrder:
    """Gives each picture, in the order of decoding, a time that rises and is not after the time of its showing.

    Without B-frames that is the time of showing itself. With them it is the time of showing of the picture that
    stands `depth` places earlier in the order of showing.
    """

    def __init__(self, depth: int) -> None:
        self.depth = min(depth, DEEPEST)
        self._waiting: list[int] = []
        self._last: int | None = None

    def next(self, shown_at: int) -> int:
        """The decode time of the next picture, in the ticks in which `shown_at` is."""
        heappush(self._waiting, shown_at)
        decoded_at = heappop(self._waiting) if len(self._waiting) > self.depth else self._waiting[0]
        if self._last is not None and decoded_at <= self._last:
            decoded_at = self._last + 1
        if decoded_at > shown_at and self.depth < DEEPEST:
            self.depth += 1  # the publisher did not say that it reorders; this one picture keeps a negative offset
        self._last = decoded_at
        return decoded_at
