"""Merges the samples of two tracks by time, so that a part holds the sound that belongs to its pictures."""

from __future__ import annotations

from collections import deque

from media.recording.tracks import SECOND_NS, Kind, Sample

# A track so far behind the other is stalled; the other does not wait for it.
STALL_NS = SECOND_NS


class Merge:
    """Samples of several tracks in order of time; within a track the order stays as it is (B-frames).

    Holds at most STALL_NS of media.
    """

    def __init__(self, kinds: set[Kind]) -> None:
        self._waiting: dict[Kind, deque[Sample]] = {kind: deque() for kind in sorted(kinds, reverse=True)}
        self._newest: dict[Kind, int] = {}

    def push(self, sample: Sample) -> None:
        """Take one sample."""
        self._waiting[sample.kind].append(sample)
        self._newest[sample.kind] = max(sample.at_ns, self._newest.get(sample.kind, sample.at_ns))

    def take(self) -> list[Sample]:
        """Samples that no other track can precede any more."""
        if not self._newest:
            return []
        limit = max(self._newest.values()) - STALL_NS
        if len(self._newest) == len(self._waiting):
            limit = max(limit, min(self._newest.values()))
        return self._take_to(limit)

    def flush(self) -> list[Sample]:
        """Everything."""
        return self._take_to(max(self._newest.values())) if self._newest else []

    def _take_to(self, limit: int) -> list[Sample]:
        taken: list[Sample] = []
        while True:
            # Video stands first in the dict, so a keyframe precedes the sound of the same moment.
            heads = [waiting for waiting in self._waiting.values() if waiting]
            if not heads:
                return taken
            first = min(heads, key=lambda waiting: waiting[0].at_ns)
            if first[0].at_ns > limit:
                return taken
            taken.append(first.popleft())
