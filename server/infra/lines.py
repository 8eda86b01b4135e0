"""The way to one page: its WebSocket's transport, or the library's queue. Only this file touches the library inside.

python-engineio gives each connection a queue and a task that takes packets out and writes them. For an event that
thousands hear, that is a packet, a queue and a task switch each. A line writes the bytes of a finished frame straight
to the transport, which is allowed because
* python-engineio's aiohttp driver is a class that it looks up by name; ours makes the same WebSocket and notes its
  transport;
* aiohttp writes each frame of a WebSocket that does not compress in one go, so that ours never falls into another;
* who has packets waiting in the queue, polls, or is changing over to a WebSocket gets the packet through the queue.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import WSMsgType, web
from engineio.async_drivers import aiohttp as library_driver
from engineio.async_socket import AsyncSocket
from engineio.packet import MESSAGE, Packet

assert set(library_driver._async) >= {"websocket", "create_route"}, "engineio changed; revisit lines.py"  # noqa: S101, SLF001
assert hasattr(AsyncSocket, "_websocket_handler"), "engineio changed; revisit lines.py"  # noqa: S101

LINE = "line"  # where a connection's session keeps it
TEXT_FRAME = 0x81
UNSENT_BYTES = 16_384  # that the kernel takes before it lets us wait: what waits there cannot be thrown away any more
QUEUE_PACKETS = 200  # that may wait for a page that polls
QUEUE_LOW = 20


def text_frame(text: bytes) -> bytes:
    """A server's WebSocket frame (RFC 6455, 5.2)."""
    size = len(text)
    if size < 126:
        return bytes((TEXT_FRAME, size)) + text
    if size < 65_536:
        return bytes((TEXT_FRAME, 126)) + size.to_bytes(2, "big") + text
    return bytes((TEXT_FRAME, 127)) + size.to_bytes(8, "big") + text


class Spoken:
    """One event, encoded once for every page: as a frame and, if somebody needs it, as the library's packet."""

    __slots__ = ("_packet", "_text", "frame")

    def __init__(self, text: bytes) -> None:
        self._text = text
        self.frame = text_frame(b"%d%s" % (MESSAGE, text))
        self._packet: Packet | None = None

    @property
    def packet(self) -> Packet:
        """For queues."""
        if self._packet is None:
            self._packet = Packet(MESSAGE, self._text.decode())
        return self._packet


class Line:
    """The way to one page."""

    __slots__ = ("_eio", "behind_since", "transport")

    def __init__(self, eio: AsyncSocket) -> None:
        self._eio = eio
        self.transport: asyncio.Transport | None = None
        self.behind_since: float | None = None  # it does not read fast enough and is left out

    def send(self, spoken: Spoken, limit_bytes: int) -> bool:
        """Send an event; False: too much waits for this page, it was not sent."""
        eio, transport = self._eio, self.transport
        if eio.closing or eio.closed or (transport is not None and transport.is_closing()):
            return True
        if transport is None or eio.upgrading or not eio.upgraded:
            return self._queue(spoken)
        if transport.get_write_buffer_size() > limit_bytes:
            return False
        if eio.queue.empty():
            transport.write(spoken.frame)
            return True
        return self._queue(spoken)

    def _queue(self, spoken: Spoken) -> bool:
        queue = self._eio.queue
        if queue.qsize() >= QUEUE_PACKETS:
            return False
        queue.put_nowait(spoken.packet)
        return True

    def has_caught_up(self, low_bytes: int) -> bool:
        """Whether it has read nearly all."""
        transport = self.transport
        waiting = transport.get_write_buffer_size() if transport and not transport.is_closing() else 0
        return waiting <= low_bytes and self._eio.queue.qsize() <= QUEUE_LOW

    @property
    def is_over(self) -> bool:
        """Whether the page is gone."""
        closing = self.transport is not None and self.transport.is_closing()
        return bool(self._eio.closing or self._eio.closed or closing)

    async def close(self) -> None:
        """End the connection, also of a page that polls, without asking it."""
        await self._eio.close(wait=False, abort=True)
        self.cut()

    def cut(self) -> None:
        """End the connection without waiting for anything."""
        if self.transport is not None:
            self.transport.abort()


def line_of(eio: AsyncSocket) -> Line:
    """The one line of a connection; it is gone with the connection."""
    line = eio.session.get(LINE)
    if line is None:
        line = eio.session[LINE] = Line(eio)
    return cast("Line", line)


class DirectWebSocket:
    """The driver's part of a WebSocket as python-engineio wants it; its line may write to the transport itself.

    No permessage-deflate: it would need some 300 kB for each page, and each frame once for each page.
    """

    def __init__(self, handler: Callable[[DirectWebSocket], Awaitable[None]], server: Any) -> None:
        self._handler = handler
        self._line = line_of(cast("Any", handler).__self__)
        self._socket = web.WebSocketResponse(max_msg_size=server.max_http_buffer_size, compress=False)

    async def __call__(self, environ: dict[str, Any]) -> web.StreamResponse:
        """Speak until one side hangs up."""
        request: web.Request = environ["aiohttp.request"]
        await self._socket.prepare(request)
        transport = request.transport
        if transport is not None:
            kernel_socket = transport.get_extra_info("socket")
            kernel_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        self._line.transport = transport
        try:
            await self._handler(self)
        finally:
            self._line.transport = None
        return self._socket

    async def close(self) -> None:
        """Say goodbye; nothing may follow."""
        self._line.transport = None
        await self._socket.close()

    async def send(self, message: str | bytes) -> None:
        """One frame."""
        if isinstance(message, bytes):
            await self._socket.send_bytes(message)
        else:
            await self._socket.send_str(message)

    async def wait(self) -> str | bytes:
        """The next message. Raises OSError when there is none any more."""
        message = await self._socket.receive()
        if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
            raise OSError("the WebSocket is closed")
        return cast("str | bytes", message.data)


def use_lines(eio: Any) -> None:
    """Let an Engine.IO server make its WebSockets with our driver."""
    eio._async = {**eio._async, "websocket": DirectWebSocket}  # noqa: SLF001 -- there is no public way to name a driver


def find_line(eio: Any, eio_sid: str) -> Line | None:
    """The line of a connection that is open."""
    found = eio.sockets.get(eio_sid)
    return None if found is None else line_of(found)
