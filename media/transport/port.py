"""The one port number of a node, for all its peers: UDP, and TCP for networks that block UDP."""

from __future__ import annotations

from media.rtp.counters import Counters
from media.transport.demux import Demux
from media.transport.ice import IceLite
from media.transport.sockets import bind_port
from media.transport.tcp import TcpLimits, TcpPort
from media.transport.udp import UdpPort


class Port:
    """Open from `start()` to `aclose()`."""

    def __init__(self, host: str, number: int, ice: IceLite, counters: Counters, limits: TcpLimits) -> None:
        sockets = bind_port(host, number)
        self.number = sockets.port
        self.demux = Demux(ice, counters)
        self.tcp = TcpPort(sockets.tcp, self.demux, counters, limits)
        self._sockets = sockets
        self._udp = UdpPort(sockets.udp, self.demux, counters)

    async def start(self) -> None:
        """Begin to read and to listen."""
        self._udp.start()
        await self.tcp.start()

    async def aclose(self) -> None:
        """Give the port back; twice is fine."""
        self._udp.close()
        await self.tcp.aclose()
        self._sockets.close()
