"""The node's one UDP port: reads datagrams, tells their kinds apart (RFC 7983), hands them to their session."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any, Protocol

from config.logs import logger
from media.glue import DATAGRAM_BYTES, PacketMemory
from media.rtp.counters import Counters
from media.rtp.path import Way
from media.transport.ice import Address, IceLite

log = logger(__name__)

READS_PER_TURN = 64  # datagrams read before other work gets its turn
SOCKET_BUFFER_BYTES = 4 << 20  # the kernel gives what it allows; a burst of keyframes to many viewers fits
PORT_TRIES = 20


class Receiver(Protocol):
    """A session, as far as its datagrams are concerned."""

    def receive_dtls(self, datagram: bytes) -> None: ...
    def receive_rtp(self, memory: PacketMemory, size: int) -> None: ...
    def receive_rtcp(self, memory: PacketMemory, size: int) -> None: ...


def bind_port(host: str, port: int) -> list[socket.socket]:
    """Sockets of one port number: IPv4 and, where the machine has it, IPv6. Port 0 finds a free one."""
    if host not in ("", "0.0.0.0", "::"):  # noqa: S104 -- compared, not bound
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return [_bind(family, host, port)]
    for attempt in range(PORT_TRIES):
        first = _bind(socket.AF_INET, "0.0.0.0", port)  # noqa: S104 -- a server is meant to be reached
        try:
            return [first, _bind(socket.AF_INET6, "::", first.getsockname()[1])]
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port == 0 and attempt < PORT_TRIES - 1:
                first.close()
                continue
            if error.errno == errno.EADDRINUSE:
                first.close()
                raise
            return [first]  # a machine without IPv6
    raise OSError(errno.EADDRINUSE, "no UDP port is free for both IPv4 and IPv6")


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


class UdpWay:
    """Sends through one of the port's sockets."""

    __slots__ = ("family", "fd", "sendto")

    def __init__(self, sock: socket.socket) -> None:
        self.fd = sock.fileno()
        self.family = int(sock.family)
        self.sendto = sock.sendto


class UdpPort:
    """Reads the port's sockets as long as it is open."""

    def __init__(self, sockets: list[socket.socket], ice: IceLite, counters: Counters) -> None:
        self._sockets = sockets
        self._ice = ice
        self._counters = counters
        self._memory = PacketMemory()
        self.port = int(sockets[0].getsockname()[1])
        self.families = tuple(4 if s.family == socket.AF_INET else 6 for s in sockets)

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
        view = self._memory.view[:DATAGRAM_BYTES]
        for _ in range(READS_PER_TURN):
            try:
                size, address = sock.recvfrom_into(view)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error about an earlier datagram
                self._counters.dropped_socket += 1
                continue
            self._dispatch(size, address, way)

    def _dispatch(self, size: int, address: Address, way: Way) -> None:
        view, counters = self._memory.view, self._counters
        counters.bytes_in += size
        first = view[0] if size > 1 else 255
        if first < 4:
            self._answer_stun(bytes(view[:size]), address, way)
            return
        peer: Any = self._ice.peer_at(address)
        if peer is None:
            counters.dropped_unknown_peer += 1
        elif 127 < first < 192:
            if size < 12 and not 191 < view[1] < 224:
                counters.dropped_junk += 1
            elif 191 < view[1] < 224:  # RFC 5761: payload types 64-95 with the marker bit
                peer.receive_rtcp(self._memory, size)
            else:
                counters.packets_in += 1
                peer.receive_rtp(self._memory, size)
        elif 19 < first < 64:
            peer.receive_dtls(bytes(view[:size]))
        else:
            counters.dropped_junk += 1

    def _answer_stun(self, data: bytes, address: Address, way: Way) -> None:
        response = self._ice.answer(data, address, way)
        if response is not None:
            try:
                way.sendto(response, address)
            except OSError:
                self._counters.dropped_socket += 1
