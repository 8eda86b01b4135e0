"""Numbers that wrap: 16-bit sequence numbers and 32-bit timestamps."""

from __future__ import annotations

MOST_JUMP = 3000  # RFC 3550 A.1: a bigger jump of the sequence number is a new beginning


def distance(newer: int, older: int) -> int:
    """How far `newer` lies behind `older` on the 16-bit circle: -32768 … 32767."""
    return ((newer - older + 0x8000) & 0xFFFF) - 0x8000


def time_distance(newer: int, older: int) -> int:
    """The same for 32-bit RTP timestamps."""
    return ((newer - older + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Unwrapper:
    """Extends 16-bit sequence numbers to integers that never wrap; reordering across the wrap is fine."""

    __slots__ = ("highest",)

    def __init__(self) -> None:
        self.highest: int | None = None

    def extend(self, sequence: int) -> int:
        """The extended number of `sequence`; may lie below an earlier one, even below 0 at the very start."""
        highest = self.highest
        if highest is None:
            self.highest = sequence
            return sequence
        extended = highest + distance(sequence, highest & 0xFFFF)
        if extended > highest:
            self.highest = extended
        return extended
