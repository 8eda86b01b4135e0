"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01): what came when.

With it a browser estimates its line itself, from delays as well as from loss.
"""

from __future__ import annotations

import struct

from media.rtp.feedback import RTPFB
from media.rtp.seq import Unwrapper

FEEDBACK_INTERVAL_SECONDS = 0.1
MOST_PACKETS = 400  # of one report, which fits into a datagram of 1,000 bytes at worst; of more only the last ones
TRANSPORT_WIDE = 15  # the feedback message type
_REFERENCE_SECONDS = 0.064
_TICK_SECONDS = 0.00025
_ABSENT, _SMALL, _LARGE = 0, 1, 2
_HEAD = struct.Struct("!BBHLLHHL")
_SYMBOLS_PER_CHUNK = 7
_LONGEST_RUN = 0x1FFF


class TransportFeedback:
    """Collects arrivals of one publisher. Times are seconds of any steady clock."""

    __slots__ = ("_arrivals", "_count", "_next", "_unwrap")

    def __init__(self) -> None:
        self._unwrap = Unwrapper()
        self._arrivals: dict[int, float] = {}  # by extended number; at most 2 * MOST_PACKETS
        self._next: int | None = None  # the first number that was not reported
        self._count = 0

    def arrived(self, number: int, now: float) -> None:
        """A packet with this transport-wide number (16 bits) came."""
        extended = self._unwrap.extend(number)
        if self._next is None:
            self._next = extended
        if len(self._arrivals) < 2 * MOST_PACKETS:
            self._arrivals.setdefault(extended, now)

    def report(self, sender: int, source: int) -> bytes | None:
        """The feedback packet about what came since the last one; None when nothing did."""
        if not self._arrivals or self._next is None:
            return None
        highest = max(self._arrivals)
        lowest = min(self._arrivals)
        # A late packet is reported again from its place; one that is too late is left out.
        base = max(min(lowest, self._next), highest - MOST_PACKETS + 1)
        arrivals = [self._arrivals.get(number) for number in range(base, highest + 1)]
        self._arrivals.clear()
        self._next = highest + 1
        number, self._count = self._count, self._count + 1 & 0xFF
        return _write(sender, source, base, arrivals, number)


def _write(sender: int, source: int, base: int, arrivals: list[float | None], number: int) -> bytes:
    first = next(at for at in arrivals if at is not None)
    reference = int(first / _REFERENCE_SECONDS)
    last_tick = round(reference * _REFERENCE_SECONDS / _TICK_SECONDS)
    symbols: list[int] = []
    deltas = b""
    for at in arrivals:
        if at is None:
            symbols.append(_ABSENT)
            continue
        tick = round(at / _TICK_SECONDS)
        delta = max(-0x8000, min(0x7FFF, tick - last_tick))
        last_tick += delta
        if 0 <= delta <= 0xFF:
            symbols.append(_SMALL)
            deltas += bytes((delta,))
        else:
            symbols.append(_LARGE)
            deltas += struct.pack("!h", delta)
    chunks = _chunks(symbols)
    body = struct.pack(f"!{len(chunks)}H", *chunks) + deltas
    padding = -len(body) % 4
    words = (_HEAD.size - 4 + len(body) + padding) // 4
    head = _HEAD.pack(
        0x80 | (0x20 if padding else 0) | TRANSPORT_WIDE,
        RTPFB,
        words,
        sender,
        source,
        base & 0xFFFF,
        len(arrivals),
        (reference & 0xFFFFFF) << 8 | number,
    )
    return head + body + (bytes(padding - 1) + bytes((padding,)) if padding else b"")


def _chunks(symbols: list[int]) -> list[int]:
    """Packet status chunks: runs of one symbol, else seven symbols of two bits."""
    chunks: list[int] = []
    at = 0
    while at < len(symbols):
        run = 1
        while at + run < len(symbols) and symbols[at + run] == symbols[at] and run < _LONGEST_RUN:
            run += 1
        if run >= _SYMBOLS_PER_CHUNK or at + run == len(symbols):
            chunks.append(symbols[at] << 13 | run)
            at += run
            continue
        vector = symbols[at : at + _SYMBOLS_PER_CHUNK]
        bits = 0
        for symbol in vector + [_ABSENT] * (_SYMBOLS_PER_CHUNK - len(vector)):
            bits = bits << 2 | symbol
        chunks.append(0xC000 | bits)
        at += len(vector)
    return chunks
