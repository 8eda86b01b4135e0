"""Tells the kinds of datagrams apart (RFC 7983), hands them to their session; the same for UDP and TCP."""

from __future__ import annotations

from typing import Any, Protocol

from media.glue import PacketMemory
from media.rtp.counters import Counters
from media.rtp.path import Way
from media.transport.ice import Address, IceLite

RTP_BYTES = 12  # the least that RTP has


class Receiver(Protocol):
    """A session, as far as its datagrams are concerned."""

    def receive_dtls(self, datagram: bytes) -> None: ...
    def receive_rtp(self, memory: PacketMemory, size: int) -> None: ...
    def receive_rtcp(self, memory: PacketMemory, size: int) -> None: ...


class Demux:
    """One for all sockets of a node. A datagram lies in a memory while it is handed on: `memory`, or its reader's."""

    def __init__(self, ice: IceLite, counters: Counters) -> None:
        self.memory = PacketMemory()
        self._ice = ice
        self._counters = counters

    def dispatch(self, memory: PacketMemory, size: int, address: Address, way: Way) -> None:
        """The first `size` bytes of the memory came from this address."""
        view, counters = memory.view, self._counters
        counters.bytes_in += size
        first = view[0] if size > 1 else 255
        if first < 4:
            self._answer_stun(bytes(view[:size]), address, way)
            return
        peer: Any = self._ice.peer_at(address)
        if peer is None:
            counters.dropped_unknown_peer += 1
        elif 127 < first < 192:
            if 191 < view[1] < 224:  # RFC 5761: payload types 64-95 with the marker bit
                peer.receive_rtcp(memory, size)
            elif size < RTP_BYTES:
                counters.dropped_junk += 1
            else:
                counters.packets_in += 1
                peer.receive_rtp(memory, size)
        elif 19 < first < 64:
            peer.receive_dtls(bytes(view[:size]))
        else:
            counters.dropped_junk += 1

    def is_known(self, address: Address) -> bool:
        """Whether somebody who has shown his password speaks from this address."""
        return self._ice.peer_at(address) is not None

    def lost(self, address: Address) -> None:
        """Nobody can be reached there any more."""
        self._ice.lost(address)

    def _answer_stun(self, data: bytes, address: Address, way: Way) -> None:
        response = self._ice.answer(data, address, way)
        if response is not None:
            try:
                way.sendto(response, address)
            except OSError:
                self._counters.dropped_socket += 1
