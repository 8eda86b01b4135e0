"""The node's UDP sockets: reads datagrams and hands them on."""

from __future__ import annotations

import asyncio
import socket

from media.glue import DATAGRAM_BYTES
from media.rtp.counters import Counters
from media.rtp.path import Way
from media.transport.demux import Demux

READS_PER_TURN = 64  # datagrams read before other work gets its turn


class UdpWay:
    """Sends through one of the port's sockets."""

    __slots__ = ("family", "fd", "sendto")

    def __init__(self, sock: socket.socket) -> None:
        self.fd = sock.fileno()
        self.family = int(sock.family)
        self.sendto = sock.sendto


class UdpPort:
    """Reads the port's sockets as long as it is open."""

    def __init__(self, sockets: list[socket.socket], demux: Demux, counters: Counters) -> None:
        self._sockets = sockets
        self._demux = demux
        self._counters = counters

    def start(self) -> None:
        """Begin to read."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.add_reader(sock.fileno(), self._read, sock, UdpWay(sock))

    def close(self) -> None:
        """Stop reading and give the port back; twice is fine."""
        for sock in self._sockets:
            if sock.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(sock.fileno())
                sock.close()

    def _read(self, sock: socket.socket, way: Way) -> None:
        view, dispatch = self._demux.memory.view[:DATAGRAM_BYTES], self._demux.dispatch
        for _ in range(READS_PER_TURN):
            try:
                size, address = sock.recvfrom_into(view)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error about an earlier datagram
                self._counters.dropped_socket += 1
                continue
            dispatch(size, address, way)
