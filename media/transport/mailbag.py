"""Memory for datagrams that are received together, and who sent them."""

from __future__ import annotations

from typing import Any

from media import system
from media.glue import DATAGRAM_BYTES, PacketMemory
from media.transport.ice import Address

READS_AT_ONCE = 16  # datagrams; a frame of a phone has fewer
ADDRESSES_KEPT = 4096  # as sockets write them, of peers heard lately; making one anew costs a microsecond
_V4_NAME_BYTES = 16


class Mailbag:
    """One socket's. `fill` receives, `open` tells of each datagram; `memories` hold them until the next `fill`."""

    def __init__(self, descriptor: int, family: int) -> None:
        ffi = system.ffi
        self.memories = [PacketMemory() for _ in range(READS_AT_ONCE)]
        self._descriptor = descriptor
        self._name_bytes = _V4_NAME_BYTES if family == system.AF_INET else system.NAME_BYTES
        self._names = ffi.new("char[]", READS_AT_ONCE * system.NAME_BYTES)
        self._names_view = memoryview(ffi.buffer(self._names)).cast("B")
        self._pieces = ffi.new("struct iovec[]", READS_AT_ONCE)
        self._messages = ffi.new("struct mmsghdr[]", READS_AT_ONCE)
        self._known: dict[bytes, Address] = {}
        for at, memory in enumerate(self.memories):
            self._pieces[at].iov_base, self._pieces[at].iov_len = ffi.cast("char *", memory.address), DATAGRAM_BYTES
            head = self._messages[at].msg_hdr
            head.msg_name, head.msg_namelen = self._names + at * system.NAME_BYTES, self._name_bytes
            head.msg_iov, head.msg_iovlen = self._pieces + at, 1

    def fill(self) -> int:
        """Receive what lies there, READS_AT_ONCE datagrams at most; answers how many.

        Raises:
            OSError: nothing was received.
        """
        return system.receive_many(self._descriptor, self._messages, READS_AT_ONCE)

    def open(self, at: int) -> tuple[int, Address]:
        """How many bytes the datagram has and who sent it."""
        begin = at * system.NAME_BYTES
        name = bytes(self._names_view[begin : begin + self._name_bytes])
        address = self._known.get(name)
        if address is None:
            if len(self._known) >= ADDRESSES_KEPT:  # strangers have no other way to make it grow
                self._known.clear()
            address = self._known[name] = system.unpack_address(name)
        message: Any = self._messages[at]
        return int(message.msg_len), address
