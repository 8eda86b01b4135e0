"""Packets to many viewers at once: headers written for all of them, protected in place, sent in few system calls.

Viewers whose copies differ only in numbers stand in one `Cohort`, whose columns are arrays; a `Sender` works through
it in pieces that fit into the processor's cache. No object, task or log per packet and viewer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import chain, repeat, starmap
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from media import system
from media.glue import SRTP_OK, CMemory, srtp_protect
from media.rtp.counters import Counters
from media.rtp.envelope import CONTROL_BYTES, SLOT_BYTES, Envelope, Tray
from media.rtp.path import Path
from media.rtp.segments import Run, plan_runs
from media.rtp.vp8 import ABSENT, LONG, Vp8Numbers

SLOTS = 512  # packets made ready at a time at most,
READY_BYTES = 216_000  # and so many bytes of them, which stay in the cache: the first ones leave sooner
ENVELOPES = 32  # kept for frames that look alike; each takes up to 50 kB
CRATE_PACKETS = 32  # of one track that go out together at most
_PADDED = 0x20


class Wire(NamedTuple):
    """What copies of a packet have in common: who shares it can stand in one cohort."""

    descriptor: int  # of the UDP socket; -1: each is sent by its own path
    family: int
    payload_type: int
    send_time_id: int  # of the header extension abs-send-time; 0: not negotiated
    extensions: tuple[tuple[int, int], ...]  # number in the publisher's packets -> number in these
    constant: bytes  # an extension element that all packets carry (a node that takes a copy needs the rid), or none
    constant_id: int
    overhead: int  # bytes that protection adds


class Crate(NamedTuple):
    """Packets of one cohort before they are made each viewer's: headers with the sequence number and SSRC left 0."""

    packets: Sequence[bytes]
    sequences: Sequence[int]  # one for each packet, before the row's shift
    timestamps: Sequence[int]  # the same
    pictures: Sequence[Vp8Numbers]  # the same, places counted from the packet's beginning; empty: nothing to move on


class _Pattern(NamedTuple):
    """A crate as it is copied into the slots of each row."""

    lines: NDArray[np.uint8]  # one for each packet, all as long as the longest one
    lengths: NDArray[np.int32]
    protected: NDArray[np.int32]  # the lengths with what protection adds
    octets: int  # of all packets, protected
    sequences: NDArray[Any]  # of each row, as they are sent
    timestamps: NDArray[Any] | None  # the same; None: those of the lines are everybody's
    pictures: Sequence[Vp8Numbers]

    @classmethod
    def of(cls, crate: Crate, packets: Sequence[bytes], cohort: Cohort) -> _Pattern:
        """`packets`: those of the crate, some of them padded."""
        lengths = [len(packet) for packet in packets]
        overhead, rows = cohort.wire.overhead, len(cohort)
        longest = max(lengths)
        joined = b"".join([packet.ljust(longest, b"\0") for packet in packets])
        return cls(
            np.frombuffer(joined, np.uint8).reshape(len(packets), longest),
            np.array(lengths, np.int32),
            np.array([length + overhead for length in lengths], np.int32),
            sum(lengths) + overhead * len(lengths),
            _moved(crate.sequences, cohort.sequence_shifts[:rows], ">u2"),
            _moved(crate.timestamps, cohort.time_shifts[:rows], ">u4") if cohort.moves_time else None,
            crate.pictures,
        )


def _moved(numbers: Sequence[int], shifts: NDArray[Any], kind: str) -> NDArray[Any]:
    """A row of wrapping numbers for each shift."""
    moved: NDArray[Any] = shifts[:, None] + np.array(numbers, np.int64).astype(shifts.dtype)
    return moved.astype(kind)


class Cohort:
    """Rows of viewers, one each; the order of rows means nothing.

    A column is an array with a place for each row, of which the first `len(cohort)` count: `sequence_shifts`
    (uint16), `time_shifts` (uint32, ticks of the RTP clock), `picture_shifts` (uint16) and `base_shifts` (uint8) for
    VP8, `ssrcs` (big-endian uint32), `names` (uint64: where the row's sockaddr lies in memory).
    """

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.contexts: list[Any] = []  # SRTP
        self.paths: list[Path] = []
        self.owners: list[Any] = []  # whose row it is
        self.moves_time = False
        self.moves_pictures = False
        self._allocate(8)

    def _allocate(self, rows: int) -> None:
        self.sequence_shifts = np.zeros(rows, np.uint16)
        self.time_shifts = np.zeros(rows, np.uint32)
        self.picture_shifts = np.zeros(rows, np.uint16)
        self.base_shifts = np.zeros(rows, np.uint8)
        self.ssrcs = np.zeros(rows, ">u4")
        self._addresses = np.zeros((rows, system.NAME_BYTES), np.uint8)
        self.names = (np.arange(rows) * system.NAME_BYTES + self._addresses.ctypes.data).astype(np.uint64)

    def __len__(self) -> int:
        return len(self.contexts)

    def add(self, owner: Any, context: Any, path: Path, ssrc: int) -> int:
        """A new row, whose number is the answer; its shifts are 0."""
        row = len(self.contexts)
        if row == len(self.ssrcs):
            self._grow()
        self.contexts.append(context)
        self.paths.append(path)
        self.owners.append(owner)
        self.ssrcs[row] = ssrc
        self.set_shifts(row, 0, 0, 0, 0)
        self.readdress(row)
        return row

    def _grow(self) -> None:
        kept, rows = self._columns(), len(self.ssrcs)
        self._allocate(2 * rows)
        for old, new in zip(kept, self._columns(), strict=True):
            new[:rows] = old

    def _columns(self) -> tuple[NDArray[Any], ...]:
        shifts = (self.sequence_shifts, self.time_shifts, self.picture_shifts, self.base_shifts)
        return (*shifts, self.ssrcs, self._addresses)

    def set_shifts(self, row: int, sequence: int, time: int, picture: int, base: int) -> None:
        """What is added to the numbers of each packet for this row, wrapping at 16, 32, 15 and 8 bits."""
        self.sequence_shifts[row] = sequence & 0xFFFF
        self.time_shifts[row] = time & 0xFFFFFFFF
        self.picture_shifts[row] = picture & LONG
        self.base_shifts[row] = base & 0xFF
        self.moves_time = self.moves_time or time != 0
        self.moves_pictures = self.moves_pictures or picture != 0 or base != 0

    def readdress(self, row: int) -> None:
        """The peer of this row has moved, within the same socket."""
        path = self.paths[row]
        if self.wire.descriptor >= 0:
            name = system.pack_address(path.way.family, path.address)
            self._addresses[row, : len(name)] = np.frombuffer(name, np.uint8)

    def remove(self, row: int) -> Any | None:
        """Take a row out; the last row moves into its place, whose owner is the answer."""
        last = len(self.contexts) - 1
        lists: tuple[list[Any], ...] = (self.contexts, self.paths, self.owners)
        for column in lists:
            column[row] = column[last]
            column.pop()
        if row == last:
            return None
        for array in self._columns():
            array[row] = array[last]
        return self.owners[row]


class Sender:
    """The node's memory for sending, and the system calls. One at a time uses it."""

    def __init__(self, counters: Counters, *, offload: bool = True) -> None:
        self._counters = counters
        self._offload: dict[int, bool] = {}
        self._may_offload = offload
        self._memory = CMemory("char", SLOTS * SLOT_BYTES)
        self._lengths = CMemory("int", SLOTS)
        self._pointers = [self._memory.cdata + at * SLOT_BYTES for at in range(SLOTS)]
        self._length_pointers = [self._lengths.cdata + at for at in range(SLOTS)]
        self._envelopes: OrderedDict[tuple[Any, ...], Envelope] = OrderedDict()

    def send(self, cohort: Cohort, crate: Crate) -> None:
        """Send a crate of at most CRATE_PACKETS packets to every row. What can't be sent is counted and lost."""
        count = len(crate.packets)
        wire = cohort.wire
        packets, runs = self._plan(crate.packets, wire)
        if not packets:
            return
        pattern = _Pattern.of(crate, packets, cohort)
        rows = len(cohort)
        step = max(1, min(SLOTS // count, READY_BYTES // pattern.lines.size))
        for low in range(0, rows, step):
            high = min(rows, low + step)
            envelope = self._envelope(high - low, count, runs, wire) if wire.descriptor >= 0 else None
            tray = envelope.tray if envelope else Tray(self._memory, self._lengths, high - low, count)
            self._fill(tray, cohort, pattern, low, high)
            sound = self._protect(tray, cohort, pattern, low, high)
            if envelope is not None:
                self._send_rows(envelope, cohort, pattern, low, high, sound)
            else:
                self._send_each(tray, cohort, low, sound)

    def _plan(self, packets: Sequence[bytes], wire: Wire) -> tuple[Sequence[bytes], list[Run]]:
        if len(packets) == 1 or not self.offloads(wire.descriptor):
            return packets, [Run(at, 1, 0) for at in range(len(packets))]
        lengths = [len(packet) for packet in packets]
        overhead = wire.overhead
        padded, runs = plan_runs([n + overhead for n in lengths], system.MOST_SEGMENTS, system.MOST_SEGMENTED_BYTES)
        grown = [
            packet if wanted == length + overhead else pad(packet, wanted - overhead - length)
            for packet, length, wanted in zip(packets, lengths, padded, strict=True)
        ]
        return grown, runs

    def offloads(self, descriptor: int) -> bool:
        """Whether the kernel cuts datagrams of this socket for us."""
        known = self._offload.get(descriptor)
        if known is None:
            known = self._may_offload and descriptor >= 0 and system.can_segment(descriptor)
            self._offload[descriptor] = known
        return known

    def _fill(self, tray: Tray, cohort: Cohort, pattern: _Pattern, low: int, high: int) -> None:
        tray.slots[:, :, : pattern.lines.shape[1]] = pattern.lines
        tray.sequences[...] = pattern.sequences[low:high]
        tray.ssrcs[...] = cohort.ssrcs[low:high, None]
        if pattern.timestamps is not None:
            tray.timestamps[...] = pattern.timestamps[low:high]
        if cohort.moves_pictures and pattern.pictures:
            self._move_pictures(cohort, pattern.pictures, tray.slots, low, high)
        tray.lengths[...] = pattern.lengths

    @staticmethod
    def _move_pictures(
        cohort: Cohort, pictures: Sequence[Vp8Numbers], slots: NDArray[np.uint8], low: int, high: int
    ) -> None:
        for at, numbers in enumerate(pictures):
            if numbers.picture_at != ABSENT:
                moved = cohort.picture_shifts[low:high] + np.uint16(numbers.picture)
                if numbers.picture_mask == LONG:
                    slots[:, at, numbers.picture_at] = 0x80 | (moved >> 8 & 0x7F)
                    slots[:, at, numbers.picture_at + 1] = moved & 0xFF
                else:
                    slots[:, at, numbers.picture_at] = moved & 0x7F
            if numbers.base_at != ABSENT:
                slots[:, at, numbers.base_at] = cohort.base_shifts[low:high] + np.uint8(numbers.base)

    def _protect(self, tray: Tray, cohort: Cohort, pattern: _Pattern, low: int, high: int) -> NDArray[Any] | None:
        """Protect what was filled in; the rows that all went well, None for all of them."""
        count = len(pattern.lengths)
        contexts: Iterable[Any] = cohort.contexts[low:high]
        if count > 1:  # sound is spared an object for each row
            contexts = chain.from_iterable(map(repeat, contexts, repeat(count)))
        calls = zip(contexts, self._pointers, self._length_pointers, strict=False)  # makes one tuple for all of them
        # Each call gives SRTP_OK, which is 0, or an error; a packet that failed must never leave unprotected.
        if sum(starmap(srtp_protect, calls)) == SRTP_OK:
            return None
        failed = (tray.lengths == pattern.lengths).sum()
        self._counters.dropped_protection += int(failed)
        return np.flatnonzero((tray.lengths > pattern.lengths).all(axis=1))

    def _send_rows(
        self,
        envelope: Envelope,
        cohort: Cohort,
        pattern: _Pattern,
        low: int,
        high: int,
        sound: NDArray[Any] | None,
    ) -> None:
        descriptor, rows = cohort.wire.descriptor, high - low
        envelope.names[...] = cohort.names[low:high]
        if envelope.written is not pattern.protected:
            envelope.written = pattern.protected
            envelope.lengths[...] = pattern.protected
        if sound is None:
            lost = self._push(descriptor, envelope, 0, envelope.total)
        else:
            starts = range(0, envelope.total, rows)
            rows = len(sound)
            messages = [start + row for start in starts for row in sound.tolist()]
            lost = sum(self._push(descriptor, envelope, at, at + 1) for at in messages)
        count = len(pattern.lengths)
        sent = rows * count - lost
        self._counters.packets_out += sent
        self._counters.bytes_out += sent * pattern.octets // count

    def _envelope(self, rows: int, count: int, runs: Sequence[Run], wire: Wire) -> Envelope:
        """One that fits; most frames look like one before."""
        name_bytes = 16 if wire.family == system.AF_INET else system.NAME_BYTES
        key = (rows, name_bytes, *runs)
        found = self._envelopes.get(key)
        if found is None:
            found = self._envelopes[key] = Envelope(
                Tray(self._memory, self._lengths, rows, count), self._memory.address, runs, name_bytes
            )
            if len(self._envelopes) > ENVELOPES:
                self._envelopes.popitem(last=False)
        else:
            self._envelopes.move_to_end(key)
        return found

    def _push(self, descriptor: int, envelope: Envelope, first: int, end: int) -> int:
        """Hand messages to the kernel; answers how many packets were lost."""
        at, lost = first, 0
        while at < end:
            try:
                at += system.send_many(descriptor, envelope.messages, at, end - at)
            except InterruptedError:
                continue
            except BlockingIOError:  # the socket is full: the rest is lost, and viewers ask again
                left = int(envelope.packets[at:end].sum())
                self._counters.dropped_socket += left
                return lost + left
            except OSError as error:
                packets = int(envelope.packets[at])
                may_be_device = packets > 1 and error.errno in system.NO_OFFLOAD_ERRORS
                if may_be_device and self._send_apart(descriptor, envelope, at):
                    self._offload[descriptor] = False  # it is the network device that can't, not the address
                else:
                    self._counters.dropped_socket += packets
                    lost += packets
                at += 1
        return lost

    def _send_apart(self, descriptor: int, envelope: Envelope, at: int) -> bool:
        """Send the packets of one message one by one; whether they all went."""
        message = envelope.messages[at].msg_hdr
        vectors, count, control = message.msg_iov, message.msg_iovlen, message.msg_control
        message.msg_iovlen, message.msg_control, message.msg_controllen = 1, system.ffi.NULL, 0
        try:
            for number in range(count):
                message.msg_iov = vectors + number
                system.send_many(descriptor, envelope.messages, at, 1)
        except OSError:
            return False
        finally:
            message.msg_iov, message.msg_iovlen = vectors, count
            message.msg_control, message.msg_controllen = control, CONTROL_BYTES
        return True

    def _send_each(self, tray: Tray, cohort: Cohort, low: int, sound: NDArray[Any] | None) -> None:
        view, lengths, counters = self._memory.view, tray.lengths, self._counters
        rows, count = lengths.shape
        for row in range(rows) if sound is None else sound.tolist():
            path = cohort.paths[low + row]
            for at in range(count):
                size, slot = int(lengths[row, at]), row * count + at
                begin = slot * SLOT_BYTES
                try:
                    sent = path.way.sendto(view[begin : begin + size], path.address)
                except OSError:
                    counters.dropped_socket += 1
                    continue
                if sent:  # else a slow connection has dropped and counted it
                    counters.packets_out += 1
                    counters.bytes_out += size


def pad(packet: bytes, count: int) -> bytes:
    """The packet with `count` bytes of RTP padding (RFC 3550, 5.1)."""
    return bytes((packet[0] | _PADDED,)) + packet[1:] + bytes(count - 1) + bytes((count,))
