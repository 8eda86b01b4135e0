"""Who may still open a session: room for publishers is kept, and one address can't take everybody's room."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from media.problems import full, too_many

PUBLISHER_RESERVE = 20  # places that viewers can't take, at most a tenth of all
IPV6_SITE_BITS = 64  # one customer has at least that many addresses for himself


class Guest(Protocol):
    """A session that is there, as far as admission is concerned."""

    @property
    def is_publisher(self) -> bool: ...
    @property
    def is_connecting(self) -> bool: ...
    @property
    def client(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Admission:
    """The node's limits. Publishers have shown a key; viewers are strangers until their DTLS is up."""

    max_sessions: int
    connecting_per_address: int

    def check_publisher(self, guests: Collection[Guest]) -> None:
        """Strangers who may never connect do not count against a publisher.

        Raises:
            Problem: 503 when the node is full.
        """
        if sum(guest.is_publisher or not guest.is_connecting for guest in guests) >= self.max_sessions:
            raise full()

    def check_viewer(self, count: int, connecting: Iterable[Guest], client: str) -> None:
        """A viewer of this client address (as `client_of` writes it), with so many guests here, of whom some connect.

        Raises:
            Problem: 503 when the node is full, 429 when too many of this address are still connecting.
        """
        if count >= self.max_sessions - min(PUBLISHER_RESERVE, self.max_sessions // 10):
            raise full()
        own = sum(guest.is_connecting and not guest.is_publisher and guest.client == client for guest in connecting)
        if own >= self.connecting_per_address:
            raise too_many()


def client_of(address: str) -> str:
    """The address by which a client is counted: of IPv6 the network, since one client has all of it."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, IPV6_SITE_BITS), strict=False))
