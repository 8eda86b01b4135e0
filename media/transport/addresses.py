"""The addresses that peers are told to try: from settings, else those of this machine's interfaces."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence

import ifaddr

# RFC 8445 5.1.2: host candidates; machines' own addresses first, since FFmpeg tries only the first candidate.
_HOST_PREFERENCE = 126
_TCP_PREFERENCE = 90  # RFC 6544 4.2: UDP is to be preferred to TCP
_PASSIVE = 4 << 13  # RFC 6544 4.2: direction preference of a host candidate that waits for connections


def interface_addresses() -> tuple[str, ...]:
    """This machine's addresses: IPv4, IPv6, and last the loopback, which a peer on the same machine can use."""
    found: list[str] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            found.append(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
    return usable(found)


def usable(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses in the order of candidates, without link-local and other ones that need a zone."""
    parsed = {ipaddress.ip_address(a) for a in addresses if "%" not in a}
    kept = [a for a in parsed if not (a.is_link_local or a.is_multicast or a.is_unspecified)]
    return tuple(str(a) for a in sorted(kept, key=lambda a: (a.is_loopback, a.version, int(a))))


def candidates(addresses: Sequence[str], port: int) -> tuple[str, ...]:
    """Candidate attributes (RFC 8839, RFC 6544) of our one port on each address, best first: all of UDP, then TCP."""
    udp, tcp = [], []
    for place, address in enumerate(addresses):
        priority = _HOST_PREFERENCE << 24 | max(0, 65535 - place) << 8 | 255
        udp.append(f"{place + 1} 1 udp {priority} {address} {port} typ host")
        priority = _TCP_PREFERENCE << 24 | (_PASSIVE + max(0, 8191 - place)) << 8 | 255
        foundation = len(addresses) + place + 1
        tcp.append(f"{foundation} 1 tcp {priority} {address} {port} typ host tcptype passive")
    return (*udp, *tcp)
