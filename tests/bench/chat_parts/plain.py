"""What we are compared with: python-socketio's own room emit, as a process of its own.

    python -m tests.bench.chat_parts.plain PORT REDIS_URL GATHER_SECONDS

It does nothing else: no database, no limits, no history. GATHER_SECONDS 0: each message is one emit.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from datetime import UTC, datetime
from typing import Any

import socketio
import uvloop
from aiohttp import web

NAMESPACE = "/room"
ROOM = "room"


def make_message(text: str, number: int) -> dict[str, Any]:
    """As large as a real one."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"id": f"{number:024}", "author_name": "张红的邻居", "author_role": "viewer", "text": text, "at": at}


class Plain:
    """One room."""

    def __init__(self, redis_url: str, gather_seconds: float) -> None:
        self.server = socketio.AsyncServer(
            async_mode="aiohttp", client_manager=socketio.AsyncRedisManager(redis_url, channel="plain")
        )
        self._gather_seconds = gather_seconds
        self._waiting: list[dict[str, Any]] = []
        self._count = 0
        self.server.on("join", self._join, namespace=NAMESPACE)
        self.server.on("chat", self._chat, namespace=NAMESPACE)

    async def _join(self, sid: str, _fields: object) -> dict[str, Any]:
        await self.server.enter_room(sid, ROOM, namespace=NAMESPACE)
        return {"ok": True, "data": {}}

    async def _chat(self, _sid: str, fields: dict[str, str]) -> dict[str, Any]:
        self._count += 1
        message = make_message(fields["text"], self._count)
        if not self._gather_seconds:
            await self._tell([message])
        else:
            self._waiting.append(message)
            if len(self._waiting) == 1:
                asyncio.get_running_loop().call_later(self._gather_seconds, self._gathered)
        return {"ok": True, "data": {"message": message}}

    def _gathered(self) -> None:
        messages, self._waiting = self._waiting, []
        self.server.start_background_task(self._tell, messages)

    async def _tell(self, messages: list[dict[str, Any]]) -> None:
        await self.server.emit("chat", {"messages": messages}, room=ROOM, namespace=NAMESPACE)


async def serve(port: int, redis_url: str, gather_seconds: float) -> None:
    """Until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    app = web.Application()

    async def ready(_request: web.Request) -> web.Response:
        return web.Response()

    app.router.add_get("/readyz", ready)
    Plain(redis_url, gather_seconds).server.attach(app)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await stop.wait()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
