"""A buyer's page as bytes: one WebSocket that speaks just enough Engine.IO and Socket.IO to join, press and listen.

A full client costs several times what the server costs, and both share two cores; the server sees no difference.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import struct
import time
from typing import Any

NAMESPACE = "/room"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
NO_MASK = b"\0\0\0\0"  # a mask must be there (RFC 6455); this one changes nothing
ACK, EVENT = f"43{NAMESPACE},", f"42{NAMESPACE},"
CONNECTED, REFUSED = f"40{NAMESPACE},", f"44{NAMESPACE},"


class Refused(Exception):
    """The server did not take the connection or an event."""


def frame(kind: int, payload: bytes) -> bytes:
    """One WebSocket frame as clients send it."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | kind, 0x80 | size)
    else:
        head = struct.pack("!BBH", 0x80 | kind, 0x80 | 126, size)
    return head + NO_MASK + payload


class SocketBuyer(asyncio.Protocol):
    """One connection. `heard` counts the events that came without being asked for."""

    def __init__(self) -> None:
        self.heard = 0
        self._buffer = b""
        self._is_open = False
        self._transport: asyncio.Transport | None = None
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def connect(self, address: str, token: str, seconds: float) -> None:
        """Connect as somebody who is signed in. Raises Refused, OSError, TimeoutError."""
        host, port = address.split(":")
        async with asyncio.timeout(seconds):
            transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, host, int(port))
            self._transport = transport
            key = base64.b64encode(os.urandom(16)).decode()
            transport.write(
                f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n"
                f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                f'Cookie: dongting_session="{token}"\r\n\r\n'.encode()
            )
            await self._ready

    def press(self, event: str, fields: dict[str, Any]) -> asyncio.Future[tuple[Any, float]]:
        """Send an event; the future gets its ack and when it came."""
        self._number += 1
        answer: asyncio.Future[tuple[Any, float]] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = answer
        self._say(f"{EVENT}{self._number}{json.dumps([event, fields])}")
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Bytes of the server: the answer to the handshake first, then frames."""
        self._buffer += data
        if not self._is_open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self._fail(Refused(head.decode(errors="replace")[:200]))
                return
            self._is_open, self._buffer = True, rest
        while (size := self._take_frame()) is not None:
            self._buffer = self._buffer[size:]

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody answers any more."""
        self._fail(error or Refused("the server hung up"))

    def _take_frame(self) -> int | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        begin, size = 2, buffer[1] & 0x7F
        if size == 126:
            begin, size = 4, int.from_bytes(buffer[2:4])
        elif size == 127:
            begin, size = 10, int.from_bytes(buffer[2:10])
        if len(buffer) < begin + size:
            return None
        kind, payload = buffer[0] & 0x0F, buffer[begin : begin + size]
        if kind == TEXT:
            self._hear(payload.decode())
        elif kind == PING:
            self._write(frame(PONG, payload))
        elif kind == CLOSE:
            self._fail(Refused("the server hung up"))
        return begin + size

    def _hear(self, text: str) -> None:
        if text.startswith(ACK):
            begin = text.index("[")
            answer = self._waiting.pop(int(text[len(ACK) : begin]), None)
            if answer is not None and not answer.done():
                answer.set_result((json.loads(text[begin:])[0], time.perf_counter()))
        elif text.startswith(EVENT):
            self.heard += 1
        elif text == "2":
            self._say("3")
        elif text.startswith("0"):
            self._say(f"40{NAMESPACE},")
        elif text.startswith(CONNECTED) and not self._ready.done():
            self._ready.set_result(None)
        elif text.startswith(REFUSED):
            self._fail(Refused(text))

    def _say(self, text: str) -> None:
        self._write(frame(TEXT, text.encode()))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _fail(self, error: Exception) -> None:
        for waiting in (self._ready, *self._waiting.values()):
            if not waiting.done():
                waiting.set_exception(error)
                waiting.exception()  # who waits no more need not be told
        self._waiting.clear()
