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
ACK, EVENT = f"43{NAMESPACE},".encode(), f"42{NAMESPACE},"
EVENT_BYTES = EVENT.encode()
CONNECTED, REFUSED = f"40{NAMESPACE},".encode(), f"44{NAMESPACE},".encode()


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
        buffer = self._buffer + data if self._buffer else data
        if not self._is_open:
            head, end, rest = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = buffer
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self._fail(Refused(head.decode(errors="replace")[:200]))
                return
            self._is_open, buffer = True, rest
        at = 0
        while (end_at := self._take_frame(buffer, at)) > at:
            at = end_at
        self._buffer = buffer[at:]

    def connection_lost(self, error: Exception | None) -> None:
        """Nobody answers any more."""
        self._fail(error or Refused("the server hung up"))

    def _take_frame(self, buffer: bytes, at: int) -> int:
        """Where the next frame begins; `at` itself when this one is not whole yet."""
        if len(buffer) < at + 2:
            return at
        begin, size = at + 2, buffer[at + 1] & 0x7F
        if size == 126:
            begin, size = at + 4, int.from_bytes(buffer[at + 2 : at + 4])
        elif size == 127:
            begin, size = at + 10, int.from_bytes(buffer[at + 2 : at + 10])
        if len(buffer) < begin + size:
            return at
        kind = buffer[at] & 0x0F
        if kind == TEXT:
            if buffer.startswith(EVENT_BYTES, begin):
                self.heard += 1
            else:
                self._hear(buffer[begin : begin + size])
        elif kind == PING:
            self._write(frame(PONG, buffer[begin : begin + size]))
        elif kind == CLOSE:
            self._fail(Refused("the server hung up"))
        return begin + size

    def _hear(self, payload: bytes) -> None:
        if payload.startswith(ACK):
            begin = payload.index(b"[")
            answer = self._waiting.pop(int(payload[len(ACK) : begin]), None)
            if answer is not None and not answer.done():
                answer.set_result((json.loads(payload[begin:])[0], time.perf_counter()))
        elif payload == b"2":
            self._say("3")
        elif payload.startswith(b"0"):
            self._say(f"40{NAMESPACE},")
        elif payload.startswith(CONNECTED) and not self._ready.done():
            self._ready.set_result(None)
        elif payload.startswith(REFUSED):
            self._fail(Refused(payload.decode(errors="replace")))

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
