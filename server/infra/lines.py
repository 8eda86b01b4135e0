"""The way to and from one page: its WebSocket, or the library's queue. Only this file touches the library inside.

python-engineio gives each connection a queue and a task that takes packets out and writes them. For an event that
thousands hear, that is a packet, a queue and a task switch each. A line writes the bytes of a finished frame straight
to the transport, which is allowed because
* python-engineio's aiohttp driver is a class that it looks up by name; ours makes the same WebSocket and notes its
  transport;
* aiohttp writes each frame of a WebSocket that does not compress in one go, so that ours never falls into another;
* who has packets waiting in the queue, polls, or is changing over to a WebSocket gets the packet through the queue.

What a page sends goes to an ear of ours first, straight from the WebSocket: the library would start three tasks for
each packet. Only what the ear leaves (connecting to the namespace, pings, changing over) goes on to the library.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial
from io import BytesIO
from typing import Any, cast

from aiohttp import WSMsgType, web
from engineio.async_drivers import aiohttp as library_driver
from engineio.async_socket import AsyncSocket
from engineio.packet import MESSAGE, Packet

from server.infra.allowance import Allowance
from server.infra.visitors import Visitors

assert set(library_driver._async) >= {"websocket", "translate_request"}, "engineio changed; revisit lines.py"  # noqa: S101, SLF001
assert hasattr(AsyncSocket, "_websocket_handler"), "engineio changed; revisit lines.py"  # noqa: S101

LINE = "line"  # where a connection's session keeps it
TEXT_FRAME = 0x81
UNSENT_BYTES = 16_384  # that the kernel takes before it lets us wait: what waits there cannot be thrown away any more
QUEUE_PACKETS = 200  # that may wait for a page that polls
QUEUE_LOW = 20
FROM_PAGES = frozenset("1234567")  # how packets of a page may begin; 4: a message, 3: a ping's answer
GOODBYE_SECONDS = 1.0  # for a page to answer a goodbye
BODY_SECONDS = 10.0  # in which a page that polls must have sent what it wants to say

# Hears a packet of a page, as text with its type or as bytes; False: the library must deal with it.
Ear = Callable[["Line", "str | bytes"], bool]


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

    __slots__ = ("_eio", "allowance", "behind_since", "transport")

    def __init__(self, eio: AsyncSocket) -> None:
        self._eio = eio
        self.allowance = Allowance(time.monotonic())
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

    @property
    def has_changed_over(self) -> bool:
        """Whether it speaks over a WebSocket, and no longer by polling."""
        return bool(self._eio.upgraded)

    async def close(self) -> None:
        """End the connection, also of a page that polls, without asking it."""
        await self._eio.close(wait=False, abort=True)
        self.cut()

    def let_go(self) -> None:
        """Hang up in good order: whoever wants to go on connects again, here or elsewhere."""
        if self.transport is not None:
            self.transport.close()
        elif not self._eio.upgraded:
            self._eio.queue.put_nowait(None)  # ends a poll

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

    def __init__(self, handler: Callable[[DirectWebSocket], Awaitable[None]], server: Any, ear: Ear) -> None:
        self._handler = handler
        self._ear = ear
        self._line = line_of(cast("Any", handler).__self__)
        self._socket = web.WebSocketResponse(
            max_msg_size=server.max_http_buffer_size, compress=False, timeout=GOODBYE_SECONDS
        )

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

    async def wait(self) -> str:
        """The next packet that the ear leaves to the library. Raises OSError when there is none any more."""
        while True:
            message = await self._socket.receive()
            packet = message.data
            if message.type is WSMsgType.TEXT and packet[:1] in FROM_PAGES:
                if not self._line.has_changed_over or not self._ear(self._line, packet):
                    return cast("str", packet)
            elif message.type is not WSMsgType.BINARY:
                raise OSError("the WebSocket is closed, or says what is no packet")
            else:
                self._ear(self._line, packet)


async def read_request(request: web.Request, visitors: Visitors) -> dict[str, Any]:
    """A request as the library wants it, its body read: it would wait for ever for one that never comes.

    Raises:
        TooManyRequests, web.HTTPRequestTimeout, web.HTTPRequestEntityTooLarge
    """
    if "sid" not in request.query:
        visitors.check(request)
    environ = cast("dict[str, Any]", library_driver.translate_request(request))
    if request.method == "POST":
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout from None
        environ |= {"CONTENT_LENGTH": str(len(body)), "wsgi.input": _Body(body)}
    return environ


class _Body:
    """A body that has been read."""

    def __init__(self, body: bytes) -> None:
        self._rest = BytesIO(body)

    async def read(self, size: int) -> bytes:
        return self._rest.read(size)


def use_lines(eio: Any, ear: Ear, visitors: Visitors) -> None:
    """Let an Engine.IO server make its WebSockets with our driver, and tell `ear` first what pages say."""
    driver = {
        "websocket": partial(DirectWebSocket, ear=ear),
        "translate_request": partial(read_request, visitors=visitors),
    }
    eio._async = {**eio._async, **driver}  # noqa: SLF001 -- there is no public way to name a driver
    to_library, connected, disconnected = (eio.handlers[name] for name in ("message", "connect", "disconnect"))

    async def come(eio_sid: str, environ: dict[str, Any]) -> object:
        visitors.came(eio_sid, environ["aiohttp.request"])
        return await connected(eio_sid, environ)

    async def go(eio_sid: str, reason: str) -> None:
        visitors.went(eio_sid)
        await disconnected(eio_sid, reason)
        if reason == eio.reason.CLIENT_DISCONNECT and (line := find_line(eio, eio_sid)):
            line.let_go()  # its last poll, which would wait for half a minute

    async def hear(eio_sid: str, data: str | bytes) -> None:
        line = find_line(eio, eio_sid)
        packet = f"{MESSAGE}{data}" if isinstance(data, str) else data
        # What comes over a WebSocket was heard by the ear before.
        if line is None or line.has_changed_over or not ear(line, packet):
            await to_library(eio_sid, data)

    eio.on("message", hear)
    eio.on("connect", come)
    eio.on("disconnect", go)


def all_lines(eio: Any) -> list[Line]:
    """The lines of all connections that are open."""
    return [line_of(one) for one in eio.sockets.values()]


def find_line(eio: Any, eio_sid: str) -> Line | None:
    """The line of a connection that is open."""
    found = eio.sockets.get(eio_sid)
    return None if found is None else line_of(found)
