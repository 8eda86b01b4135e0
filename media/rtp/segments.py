"""Which packets of one frame leave as one datagram that the kernel cuts (UDP segmentation offload)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

PADDING_MOST = 16  # bytes added to make a packet as long as its neighbours; encoders split frames evenly


class Run(NamedTuple):
    """Packets `first` … `first + packets - 1`, all `size` bytes long but the last, which may be shorter."""

    first: int
    packets: int
    size: int


def plan_runs(lengths: Sequence[int], most_packets: int, most_bytes: int) -> tuple[list[int], list[Run]]:
    """Padded lengths and the runs that they make, in order.

    Raises:
        ValueError: a packet is longer than a run may be.
    """
    padded = list(lengths)
    runs: list[Run] = []
    first = 0
    while first < len(padded):
        if padded[first] > most_bytes:
            raise ValueError("a packet is too long for a datagram")
        after, size = _extend(padded, first, most_packets, most_bytes)
        for at in range(first, after - 1):
            padded[at] = size
        if after - first > 1 and size - padded[after - 1] <= PADDING_MOST:
            padded[after - 1] = size
        runs.append(Run(first, after - first, size))
        first = after
    return padded, runs


def _extend(lengths: Sequence[int], first: int, most_packets: int, most_bytes: int) -> tuple[int, int]:
    """Where the run that begins at `first` ends, and how long its packets become."""
    shortest = longest = lengths[first]
    at = first + 1
    while at < len(lengths) and at - first < most_packets:
        length = lengths[at]
        if (at - first + 1) * max(longest, length) > most_bytes:
            break
        if max(longest, length) - min(shortest, length) > PADDING_MOST:
            if length < shortest:
                at += 1  # much shorter: it can only be the last
            break
        shortest, longest = min(shortest, length), max(longest, length)
        at += 1
    return at, longest
