"""Where a peer is reached now, and over what."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Protocol


class Way(Protocol):
    """How datagrams reach a peer: one of our UDP sockets, or a TCP connection (RFC 4571)."""

    @property
    def fd(self) -> int:
        """Of the UDP socket, to send many datagrams in one system call; -1: one at a time only."""

    @property
    def family(self) -> int:
        """`AF_INET` or `AF_INET6` of that socket."""

    def sendto(self, datagram: Any, address: Any, /) -> int:
        """Send one datagram now, or lose it; answers how much was sent, 0 when it was lost and has been counted.

        Raises:
            OSError: it was not sent.
        """


class _Nowhere:
    """The way to a peer who has not been heard of."""

    fd = -1
    family = 0

    def sendto(self, datagram: Any, address: Any, /) -> int:
        raise OSError(errno.EDESTADDRREQ, "nobody knows yet where the peer is")


NOWHERE: Way = _Nowhere()


class Path:
    """Where a peer is reached now. Whoever keeps a copy of it is told when the peer has moved (`followers`)."""

    __slots__ = ("address", "followers", "way")

    def __init__(self) -> None:
        self.address: Any = None
        self.way: Way = NOWHERE
        self.followers: list[Callable[[], None]] = []

    def move(self, address: Any, way: Way) -> None:
        """From now on the peer is reached there."""
        self.address = address
        self.way = way
        for follower in self.followers:
            follower()
