"""Addresses: how many connections each has open, so that one cannot take them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from ipaddress import ip_address

from aiohttp import web

from server.errors import TooManyRequests


class Visitors:
    """Counts the Socket.IO connections of this process. `address_of` answers "" for those who are not counted."""

    def __init__(self, address_of: Callable[[web.Request], str], most: int) -> None:
        self._address_of = address_of
        self._most = most
        self._open: Counter[str] = Counter()
        self._addresses: dict[str, str] = {}
        self.turned_away = 0

    def check(self, request: web.Request) -> None:
        """Before somebody comes. Raises TooManyRequests."""
        if self._open.get(self._address_of(request), 0) >= self._most:
            self.turned_away += 1
            raise TooManyRequests("too many connections from this address")

    def came(self, sid: str, request: web.Request) -> None:
        """One more connection."""
        if address := self._address_of(request):
            self._addresses[sid] = address
            self._open[address] += 1

    def went(self, sid: str) -> None:
        """One fewer; twice is fine."""
        address = self._addresses.pop(sid, None)
        if address is not None:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]


def is_persons_address(address: str) -> bool:
    """Whether an address can tell people apart: one of this machine is a proxy's whose hops nobody configured."""
    try:
        return not ip_address(address).is_loopback
    except ValueError:
        return False
