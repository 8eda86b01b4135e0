"""Sockets of one port number: UDP and TCP, IPv4 and, where the machine has it, IPv6."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass, field

SOCKET_BUFFER_BYTES = 4 << 20  # the kernel gives what it allows; a burst of keyframes to many viewers fits
UNSENT_BYTES = 32 << 10  # kept by the kernel for one TCP peer beside what is under way; more waits with us, counted
PORT_TRIES = 20
ANY = ("", "0.0.0.0", "::")  # noqa: S104 -- a server is meant to be reached


@dataclass(slots=True)
class PortSockets:
    """Bound, not yet read; the TCP ones do not listen yet."""

    udp: list[socket.socket] = field(default_factory=list)
    tcp: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        """The number that they share."""
        return int(self.udp[0].getsockname()[1])

    def close(self) -> None:
        """Give the port back; twice is fine."""
        for sock in (*self.udp, *self.tcp):
            sock.close()


def bind_port(host: str, port: int) -> PortSockets:
    """Sockets of one port number. Port 0 finds a number that is free for all of them.

    Raises:
        OSError: somebody else has the port.
    """
    for attempt in range(PORT_TRIES):
        try:
            return _bind_all(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port != 0 or attempt == PORT_TRIES - 1:
                raise
    raise OSError(errno.EADDRINUSE, "no port is free for UDP and TCP")


def _bind_all(host: str, port: int) -> PortSockets:
    bound = PortSockets()
    if host in ANY:
        hosts = [(socket.AF_INET, ANY[1]), (socket.AF_INET6, ANY[2])]
    else:
        hosts = [(socket.AF_INET6 if ":" in host else socket.AF_INET, host)]
    try:
        for family, address in hosts:
            try:
                bound.udp.append(_bind(family, socket.SOCK_DGRAM, address, port))
            except OSError as error:
                if family == socket.AF_INET6 and host in ANY and error.errno != errno.EADDRINUSE:
                    continue  # a machine without IPv6
                raise
            port = bound.port
            bound.tcp.append(_bind(family, socket.SOCK_STREAM, address, port))
    except OSError:
        bound.close()
        raise
    return bound


def _bind(family: socket.AddressFamily, kind: socket.SocketKind, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, kind)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if kind == socket.SOCK_DGRAM:
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        else:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # connections inherit it
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
