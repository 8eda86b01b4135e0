"""A page of the load: a raw WebSocket that speaks Engine.IO and Socket.IO by hand, and counts what it hears."""

from __future__ import annotations

import asyncio
import itertools
import json
import struct
import time
import zlib
from dataclasses import dataclass, field
from typing import cast

NAMESPACE = b"/room"
TEXT_FRAME = 0x81
DEFLATED = 0x40
DEFLATE_TAIL = b"\0\0\xff\xff"
MASKED = 0x80
NO_MASK = b"\0\0\0\0"  # a mask of zeros leaves the payload as it is: the load's core has better things to do
MESSAGE_MARK = b'"text":'  # once in each chat message
STAMP = b"@"  # around the time of sending, within a text
JOIN_ACK, CHAT_ACKS = 0, 1


class ViewerFailed(Exception):
    """A page of the load was turned away."""


@dataclass(slots=True)
class Heard:
    """What all pages together have heard. `delays_ms` are those of a few pages only."""

    messages: int = 0
    frames: int = 0
    bytes: int = 0
    closed: int = 0
    refused: int = 0
    delays_ms: list[float] = field(default_factory=list)


def text_frame(text: bytes) -> bytes:
    """A client's text frame."""
    size = len(text)
    if size < 126:
        return bytes((TEXT_FRAME, MASKED | size)) + NO_MASK + text
    return struct.pack("!BBH", TEXT_FRAME, MASKED | 126, size) + NO_MASK + text


def split_frames(buffer: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """The whole frames of a server, as first byte and payload, and the rest."""
    frames, at, end = [], 0, len(buffer)
    while end - at >= 2:
        size, head = buffer[at + 1] & 0x7F, 2
        if size == 126:
            head = 4
            if end - at < head:
                break
            size = int.from_bytes(buffer[at + 2 : at + 4], "big")
        elif size == 127:
            head = 10
            if end - at < head:
                break
            size = int.from_bytes(buffer[at + 2 : at + 10], "big")
        if end - at < head + size:
            break
        frames.append((buffer[at], buffer[at + head : at + head + size]))
        at += head + size
    return frames, buffer[at:]


class Viewer(asyncio.Protocol):
    """Connects, joins the room, and counts; `joined` is done when the room has answered."""

    def __init__(
        self,
        slug: str,
        heard: Heard,
        *,
        cookie: str = "",
        address: str = "",
        samples: bool = False,
        offers_deflate: bool = False,
    ) -> None:
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._slug = slug
        self._heard = heard
        self._cookie = cookie
        self._address = address
        self._samples = samples
        self._offers_deflate = offers_deflate
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS).decompress
        self._buffer = b""
        self._open = False
        self._acks = itertools.count(CHAT_ACKS)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        made = self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        lines = [
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
            "Host: 127.0.0.1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
        ]
        if self._offers_deflate:
            lines.append("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
        if self._address:
            lines.append(f"X-Forwarded-For: {self._address}")
        if self._cookie:
            lines.append(f"Cookie: dongting_session={self._cookie}")
        made.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        """Count, answer pings, join once connected."""
        buffer = self._buffer + data if self._buffer else data
        if not self._open:
            head, end, rest = buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = buffer
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self._fail(head[:100].decode(errors="replace"))
                return
            self._open, buffer = True, rest
        frames, self._buffer = split_frames(buffer)
        for first, payload in frames:
            if first == TEXT_FRAME:
                self._hear(payload)
            elif first == TEXT_FRAME | DEFLATED:
                self._hear(self._inflate(payload + DEFLATE_TAIL))

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it."""
        self._heard.closed += 1
        self._fail(str(exc or "the server hung up"))

    def say(self, text: str) -> None:
        """Send a chat message that carries its time of sending."""
        stamped = f"{text} {STAMP.decode()}{time.monotonic_ns()}{STAMP.decode()}"
        body = json.dumps(["chat", {"text": stamped}], ensure_ascii=False).encode()
        self._send(b"42%s,%d%s" % (NAMESPACE, next(self._acks), body))

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def _hear(self, packet: bytes) -> None:
        if packet.startswith(b"42"):
            self._count(packet)
        elif packet == b"2":
            self._send(b"3")
        elif packet.startswith(b"0"):
            self._send(b"40" + NAMESPACE + b",")
        elif packet.startswith(b"40"):
            self._send(b"42%s,%d%s" % (NAMESPACE, JOIN_ACK, json.dumps(["join", self._fields()]).encode()))
        elif packet.startswith(b"43"):
            self._acknowledged(packet)
        elif packet.startswith(b"44"):
            self._fail(packet.decode())

    def _fields(self) -> dict[str, object]:
        return {"slug": self._slug}

    def _count(self, packet: bytes) -> None:
        heard = self._heard
        heard.frames += 1
        heard.bytes += len(packet)
        count = packet.count(MESSAGE_MARK)
        heard.messages += count
        if self._samples and count:
            now = time.monotonic_ns()
            heard.delays_ms += [(now - int(stamp)) / 1e6 for stamp in packet.split(STAMP)[1::2]]

    def _acknowledged(self, packet: bytes) -> None:
        if b'"ok":false' in packet.replace(b" ", b"")[:60]:
            self._heard.refused += 1
            self._fail(packet[:200].decode(errors="replace"))
        elif not self.joined.done():
            self.joined.set_result(None)

    def _send(self, text: bytes) -> None:
        if self._transport is not None:
            self._transport.write(text_frame(text))

    def _fail(self, why: str) -> None:
        if not self.joined.done():
            self.joined.set_exception(ViewerFailed(why))
