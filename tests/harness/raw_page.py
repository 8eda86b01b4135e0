"""A page written by hand, for what no well-behaved client does: not reading, sending rubbish, hanging up at once."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from tests.bench.chat_parts.viewer import split_frames, text_frame

Json = dict[str, Any]
WAIT_SECONDS = 20.0


class Refused(Exception):
    """The server did not take a connection."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status


@dataclass(slots=True)
class RawPage:
    """A page that reads only when it is told to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    rest: bytes = b""
    packets: list[bytes] = field(default_factory=list)
    bytes_read: int = 0
    asked: int = 0

    @classmethod
    async def join(cls, url: str, slug: str, *, receive_bytes: int = 8_192) -> Self:
        """Connect and join a room, with a small receive buffer."""
        page = await cls.connect(url, receive_bytes=receive_bytes)
        page.send(b"40/room,")
        await page.until(b"40/room,{")
        assert (await page.ask("join", slug=slug))["ok"]
        return page

    @classmethod
    async def connect(cls, url: str, *, headers: str = "", receive_bytes: int = 8_192) -> Self:
        """Open a WebSocket, and no more. Raises Refused. `headers`: further lines, each with its end."""
        host, port = url.removeprefix("http://").split(":")
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (host, int(port)))
        reader, writer = await asyncio.open_connection(sock=made, limit=4_096)
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        head = f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\n"
        writer.write(f"{head}Upgrade: websocket\r\nConnection: Upgrade\r\n{key}{headers}\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n", 1)[0]:
            await _closed(writer)
            raise Refused(int(answer.split(b" ")[1]))
        page = cls(reader, writer)
        await page.until(b"0{")
        return page

    async def ask(self, event: str, **fields: object) -> Json:
        """Send an event and answer its ack."""
        return await self.ask_raw(json.dumps([event, fields]).encode())

    async def ask_raw(self, body: bytes) -> Json:
        """The same of an event written by hand."""
        self.asked += 1
        self.send(b"42/room,%d%s" % (self.asked, body))
        start = b"43/room,%d[" % self.asked
        ack: Json = json.loads(b"[" + (await self.until(start)).removeprefix(start))[0]
        return ack

    def send(self, packet: bytes) -> None:
        """One packet."""
        self.writer.write(text_frame(packet))

    async def until(self, start: bytes) -> bytes:
        """Read until a packet begins so. Raises EOFError at the end."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                while self.packets:
                    if (packet := self.packets.pop(0)).startswith(start):
                        return packet
                if not (data := await self.reader.read(65_536)):
                    raise EOFError
                self.bytes_read += len(data)
                frames, self.rest = split_frames(self.rest + data)
                self.packets += [payload for _, payload in frames]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up without a word."""
        self.writer.transport.abort()
        await _closed(self.writer)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
