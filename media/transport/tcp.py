"""ICE over TCP (RFC 6544): passive candidates for networks that block UDP; datagrams framed as RFC 4571 has it."""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, cast

from config.logs import logger
from media.admission import client_of
from media.glue import DATAGRAM_BYTES
from media.rtp.counters import Counters
from media.transport.demux import Demux
from media.transport.framing import Frames, frame
from media.transport.ice import Address

log = logger(__name__)

SMALL_BYTES = 300  # sound, checks and reports, which get through where pictures don't
FIRST_STUN_BYTE = 4  # RFC 7983: below it
CLOSE_SECONDS = 1.0  # the event loop closes what was aborted at its next turn


@dataclass(frozen=True, slots=True)
class TcpLimits:
    """What connections may cost us."""

    unproven: int = 512  # connections over which no valid check has come yet; the oldest gives way
    unproven_per_address: int = 32  # a village behind one address connects within a few round trips
    unproven_seconds: float = 10.0
    burst_bytes: int = 256 << 10  # waiting to be sent to one peer: a large keyframe
    burst_seconds: float = 1.0  # a peer who has been behind for so long …
    steady_bytes: int = 32 << 10  # … gets no more than this: half a second at 0.5 Mbit/s
    sweep_seconds: float = 1.0  # between looks at what nobody uses


class TcpConnection(asyncio.Protocol):
    """One accepted connection: a `Way` to its peer, and the datagrams that he sends."""

    fd = -1

    def __init__(self, port: TcpPort, family: int) -> None:
        self.family = family
        self.address: Address = ()
        self.client = ""
        self.is_proven = False
        self.opened_at = time.monotonic()
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._frames = Frames(DATAGRAM_BYTES)
        self._behind_since = 0.0  # when something was first left to be sent; 0: everything is sent

    # -- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accepted."""
        self._transport = cast("asyncio.Transport", transport)
        self._port.opened(self, transport.get_extra_info("peername"))

    def data_received(self, data: bytes) -> None:
        """Cut what came and hand it on."""
        try:
            for datagram in self._frames.cut(data):
                self._port.received(self, datagram)
                if self.is_closing:
                    return
        except ValueError:
            self._port.counters.dropped_junk += 1
            self.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Closed by either side. The session stays: its peer may come back over another connection."""
        self._transport = None
        self._frames = Frames(0)
        self._port.closed(self)

    # -- a way to the peer

    def sendto(self, datagram: Any, address: Any, /) -> int:
        """Put a datagram into the stream; one for which there is no room is dropped, counted, and answered by 0.

        Raises:
            OSError: the connection is closed.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise OSError(errno.ENOTCONN, "the TCP connection is closed")
        waiting = transport.get_write_buffer_size()
        if waiting == 0:
            self._behind_since = 0.0
        elif self._is_full(waiting, len(datagram)):
            self._port.counters.dropped_tcp_full += 1
            return 0
        transport.write(frame(datagram))
        return len(datagram)

    def _is_full(self, waiting: int, size: int) -> bool:
        limits = self._port.limits
        now = time.monotonic()
        if not self._behind_since:
            self._behind_since = now
        is_new = now - self._behind_since < limits.burst_seconds
        room = limits.burst_bytes if is_new else limits.steady_bytes
        return waiting > (room if size > SMALL_BYTES else 2 * room)

    # -- its end

    @property
    def is_closing(self) -> bool:
        """Whether nothing is read or sent any more."""
        return self._transport is None or self._transport.is_closing()

    def close(self) -> None:
        """Send what is waiting, then close."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()


class TcpPort:
    """Accepts connections as long as it is open. A connection lives while a session has its address."""

    def __init__(self, sockets: list[socket.socket], demux: Demux, counters: Counters, limits: TcpLimits) -> None:
        self.counters = counters
        self.limits = limits
        self._sockets = sockets
        self._demux = demux
        self._servers: list[asyncio.Server] = []
        self._unproven: dict[TcpConnection, None] = {}  # the oldest first
        self._proven: set[TcpConnection] = set()
        self._waiting_of: dict[str, int] = {}  # unproven connections of a client address
        self._serials = count(1)
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_open = False
        self._emptied = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._unproven) + len(self._proven)

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._is_open = True
        for sock in self._sockets:
            make = partial(TcpConnection, self, int(sock.family))
            self._servers.append(await loop.create_server(make, sock=sock))
        self._sweeper = loop.call_later(self.limits.sweep_seconds, self._sweep)

    async def aclose(self) -> None:
        """Close every connection and give the port back; twice is fine."""
        self._is_open = False
        if self._sweeper is not None:
            self._sweeper.cancel()
        for server in self._servers:
            server.close()
        for sock in self._sockets:
            sock.close()
        for connection in (*self._unproven, *self._proven):
            connection.abort()
        if self.connections:
            self._emptied.clear()
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._emptied.wait()
            except TimeoutError:
                log.warning("tcp connections are left", count=self.connections)

    # -- called by the connections

    def opened(self, connection: TcpConnection, peer_name: tuple[Any, ...] | None) -> None:
        """A stranger has connected."""
        if peer_name is None or not self._is_open:  # he is gone already
            connection.abort()
            return
        connection.address = (*peer_name[:2], "tcp", next(self._serials))
        connection.client = client_of(str(peer_name[0]))
        waiting = self._waiting_of.get(connection.client, 0)
        if waiting >= self.limits.unproven_per_address:
            self.counters.tcp_refused += 1
            connection.abort()
            return
        if len(self._unproven) >= self.limits.unproven:
            # Whoever means it has shown a check within a round trip or two; whoever waits longest does not.
            self.counters.tcp_refused += 1
            oldest = next(iter(self._unproven))
            oldest.abort()
            self._no_longer_waits(oldest)
        self.counters.tcp_accepted += 1
        self._unproven[connection] = None
        self._waiting_of[connection.client] = self._waiting_of.get(connection.client, 0) + 1

    def received(self, connection: TcpConnection, datagram: memoryview) -> None:
        """A datagram has come over the connection."""
        size = len(datagram)
        if not connection.is_proven and datagram[0] >= FIRST_STUN_BYTE:
            self.counters.dropped_junk += 1
            connection.abort()
            return
        self._demux.memory.view[:size] = datagram
        self._demux.dispatch(self._demux.memory, size, connection.address, connection)
        if not connection.is_proven and self._demux.is_known(connection.address):
            connection.is_proven = True
            self._no_longer_waits(connection)
            self._proven.add(connection)

    def closed(self, connection: TcpConnection) -> None:
        """The connection is gone."""
        self._no_longer_waits(connection)
        self._proven.discard(connection)
        self._demux.lost(connection.address)
        if not self.connections:
            self._emptied.set()

    def _no_longer_waits(self, connection: TcpConnection) -> None:
        if connection not in self._unproven:
            return
        del self._unproven[connection]
        left = self._waiting_of[connection.client] - 1
        if left:
            self._waiting_of[connection.client] = left
        else:
            del self._waiting_of[connection.client]

    # -- now and then

    def _sweep(self) -> None:
        """Close what nobody uses: strangers who say nothing, and connections whose session has ended or left them."""
        too_old = time.monotonic() - self.limits.unproven_seconds
        for connection in [c for c in self._unproven if c.opened_at < too_old]:
            connection.abort()
        for connection in tuple(self._proven):
            if connection.is_closing:  # since the last time, and it still has not taken what was waiting for it
                connection.abort()
            elif not self._demux.is_known(connection.address):
                connection.close()
        self._sweeper = asyncio.get_running_loop().call_later(self.limits.sweep_seconds, self._sweep)
