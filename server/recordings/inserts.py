"""What is put into a replay after it was made, and where things that had a place in it are then."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Insert:
    """So much was put in at this place of the replay as it was before."""

    at_ms: int
    length_ms: int


@dataclass(frozen=True, slots=True)
class Inserts:
    """Everything that was put in at once. Places are those of the replay before and after it."""

    inserts: tuple[Insert, ...]

    def place(self, at_ms: int) -> int:
        """Where something is that begins or happens at a place; what was just after a cut stays after it."""
        return at_ms + sum(insert.length_ms for insert in self.inserts if insert.at_ms <= at_ms)

    def end(self, at_ms: int) -> int:
        """Where something ends that ended at a place; what reached over a cut reaches over what is there now."""
        return at_ms + sum(insert.length_ms for insert in self.inserts if insert.at_ms < at_ms)

    def line(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """Where words are that were said from…to: moved as a whole, they take as long as before."""
        begin = self.place(start_ms)
        return begin, begin + end_ms - start_ms
