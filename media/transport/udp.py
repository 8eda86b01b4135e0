"""The node's UDP sockets: reads datagrams and hands them on."""

from __future__ import annotations

import asyncio
import socket
from functools import partial

from config.logs import logger
from media import system
from media.glue import DATAGRAM_BYTES, PacketMemory
from media.rtp.counters import Counters
from media.transport.demux import Demux
from media.transport.ice import Address
from media.transport.mailbag import READS_AT_ONCE, Mailbag

log = logger(__name__)

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
            way = UdpWay(sock)
            read = partial(self._read_many, Mailbag(way.fd, way.family)) if system.CAN_RECEIVE_MANY else self._read
            loop.add_reader(way.fd, read, sock, way)

    def close(self) -> None:
        """Stop reading and give the port back; twice is fine."""
        for sock in self._sockets:
            if sock.fileno() >= 0:
                asyncio.get_running_loop().remove_reader(sock.fileno())
                sock.close()

    def _read_many(self, bag: Mailbag, _sock: socket.socket, way: UdpWay) -> None:
        for _ in range(READS_PER_TURN // READS_AT_ONCE):
            try:
                count = bag.fill()
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error about an earlier datagram
                self._counters.dropped_socket += 1
                continue
            for at in range(count):
                size, address = bag.open(at)
                self._dispatch(bag.memories[at], size, address, way)
            if count < READS_AT_ONCE:
                return

    def _read(self, sock: socket.socket, way: UdpWay) -> None:
        """Where the platform gives only one datagram at a time."""
        memory = self._demux.memory
        view = memory.view[:DATAGRAM_BYTES]
        for _ in range(READS_PER_TURN):
            try:
                size, address = sock.recvfrom_into(view)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error about an earlier datagram
                self._counters.dropped_socket += 1
                continue
            self._dispatch(memory, size, address, way)

    def _dispatch(self, memory: PacketMemory, size: int, address: Address, way: UdpWay) -> None:
        """A fault over one datagram is no reason to lose those that came with it."""
        try:
            self._demux.dispatch(memory, size, address, way)
        except Exception:
            log.exception("a datagram could not be handled")
