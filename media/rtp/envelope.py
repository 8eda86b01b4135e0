"""The memory in which packets to many viewers are made ready, and the kernel's messages that point into it.

Laid out once for so many rows of so many packets: most frames look like one before.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from media import system
from media.glue import DATAGRAM_BYTES, TRAILER_BYTES, CMemory
from media.rtp.segments import Run

SLOT_BYTES = DATAGRAM_BYTES + TRAILER_BYTES + 32  # an odd number of cache lines: slots spread over the cache
CONTROL_BYTES = 24  # one cmsghdr with a 16-bit value, padded
_MESSAGE_BYTES = system.ffi.sizeof("struct mmsghdr")
_VECTOR_BYTES = system.ffi.sizeof("struct iovec")


class Tray:
    """The sender's memory as `rows` of `count` packets, one after another: to write into it many at a time.

    `slots` is (rows, count, SLOT_BYTES); `sequences`, `timestamps` and `ssrcs`, the fields of the RTP headers in
    there, and `lengths` in bytes are (rows, count).
    """

    def __init__(self, memory: CMemory, lengths: CMemory, rows: int, count: int) -> None:
        def field(kind: str, offset: int) -> NDArray[Any]:
            return np.ndarray((rows, count), kind, memory.view, offset, (count * SLOT_BYTES, SLOT_BYTES))

        self.slots: NDArray[np.uint8] = np.ndarray((rows, count, SLOT_BYTES), np.uint8, memory.view)
        self.sequences = field(">u2", 2)
        self.timestamps = field(">u4", 4)
        self.ssrcs = field(">u4", 8)
        self.lengths: NDArray[np.int32] = np.ndarray((rows, count), np.int32, lengths.view)


class Envelope:
    """The kernel's messages for so many rows of packets, leaving in the same runs: all but addresses and lengths.

    Messages stand run by run: `names` (where their addresses lie) is (runs, rows), `packets` has one number for each
    of the runs x rows messages, `lengths` of the packets in bytes is (rows, count).
    """

    def __init__(self, tray: Tray, memory_at: int, runs: Sequence[Run], name_bytes: int) -> None:
        ffi = system.ffi
        rows, count = tray.lengths.shape
        self.tray = tray
        self.written: NDArray[np.int32] | None = None  # the lengths that stand in it
        self.total = rows * len(runs)
        self.messages = ffi.new("struct mmsghdr[]", self.total)
        self._vectors = ffi.new("struct iovec[]", rows * count)
        self._controls = ffi.new("char[]", len(runs) * CONTROL_BYTES)
        messages, vectors = memoryview(ffi.buffer(self.messages)), memoryview(ffi.buffer(self._vectors))

        def field(offset: int, kind: type[np.generic] = np.uint64) -> NDArray[Any]:
            return np.ndarray((len(runs), rows), kind, messages, offset, (rows * _MESSAGE_BYTES, _MESSAGE_BYTES))

        self.names = field(0)
        self.packets = np.repeat([run.packets for run in runs], rows)  # of each message
        places: NDArray[Any] = np.ndarray((rows * count,), np.uint64, vectors, 0, (_VECTOR_BYTES,))
        places[:] = np.arange(rows * count) * SLOT_BYTES + memory_at
        self.lengths: NDArray[Any] = np.ndarray(
            (rows, count), np.uint64, vectors, 8, (count * _VECTOR_BYTES, _VECTOR_BYTES)
        )
        field(8, np.uint32)[...] = name_bytes
        firsts = np.array([[run.first] for run in runs])
        vectors_at = int(ffi.cast("uintptr_t", self._vectors))
        field(16)[...] = (np.arange(rows) * count + firsts) * _VECTOR_BYTES + vectors_at
        field(24)[...] = np.array([[run.packets] for run in runs])
        controls_at = int(ffi.cast("uintptr_t", self._controls))
        for number, run in enumerate(runs):
            if run.packets > 1:
                self._write_control(number, run.size)
                field(32)[number] = controls_at + number * CONTROL_BYTES
                field(40)[number] = CONTROL_BYTES

    def _write_control(self, number: int, size: int) -> None:
        """struct cmsghdr { size_t length; int level; int type; }, and the value."""
        control = system.ffi.buffer(self._controls + number * CONTROL_BYTES, CONTROL_BYTES)
        control[0:18] = struct.pack("=QiiH", 18, system.SOL_UDP, system.UDP_SEGMENT, size)
