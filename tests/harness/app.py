"""The server in this process, on a free port, for tests that speak HTTP and Socket.IO to it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp
import socketio
from aiohttp import web

from config.settings import ServerSettings
from server.app import open_app
from server.infra.packets import NAMESPACE
from server.told import check_told
from server.wiring import Services, open_services

Json = dict[str, Any]
WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server with its address, and the same services in the test's hands."""

    url: str
    services: Services


@asynccontextmanager
async def running_server(settings: ServerSettings) -> AsyncIterator[RunningServer]:
    """Run the whole server here, and open the services a second time for the test."""
    async with open_app(settings) as app:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", settings.server_port).start()
        try:
            async with open_services(settings, with_sockets=False) as services:
                yield RunningServer(f"http://127.0.0.1:{runner.addresses[0][1]}", services)
        finally:
            await runner.cleanup()


@dataclass(slots=True)
class Page:
    """One browser: cookies, HTTP, and a Socket.IO connection that remembers what it heard."""

    url: str
    http: aiohttp.ClientSession
    socket: socketio.AsyncClient
    heard: defaultdict[str, asyncio.Queue[Json]] = field(default_factory=lambda: defaultdict(asyncio.Queue))
    odd: list[str] = field(default_factory=list)  # what was not as PROTOCOL.md says; fails the test at its end
    numbers: list[int] = field(default_factory=list)  # of what the room was told, as it came

    @classmethod
    def open(cls, url: str) -> Self:
        """A fresh browser, signed in as nobody."""
        http = aiohttp.ClientSession(
            base_url=url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Sec-Fetch-Site": "same-origin"}
        )
        return cls(url, http, socketio.AsyncClient(reconnection=False, http_session=http))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.socket.shutdown()
        await self.http.close()
        assert not self.odd, self.odd

    async def ask(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, Json]:
        """One HTTP call: status and JSON body."""
        async with self.http.request(method, path, json=body, **options) as response:
            return response.status, await response.json(content_type=None) if response.status != 204 else {}

    async def sign_in(self, name: str, password: str) -> None:
        """Sign in; the cookie stays in this browser."""
        status, body = await self.ask("POST", "/api/session", {"login": name, "password": password})
        assert status == 200, body

    async def connect(self) -> None:
        """Open the Socket.IO connection."""

        async def remember(event: str, data: Json, number: int | None = None) -> None:
            try:
                check_told(event, data)
            except ValueError as error:
                self.odd.append(f"{event}: {error}")
            self.heard[event].put_nowait(data)
            if number is not None:
                self.numbers.append(number)

        self.socket.on("*", remember, namespace=NAMESPACE)
        await self.socket.connect(self.url, namespaces=[NAMESPACE], wait_timeout=WAIT_SECONDS)

    async def say(self, event: str, **fields: object) -> Json:
        """Send an event and answer its ack."""
        ack: Json = await self.socket.call(event, fields, namespace=NAMESPACE, timeout=WAIT_SECONDS)
        return ack

    async def hear(self, event: str) -> Json:
        """The next event of this name."""
        return await asyncio.wait_for(self.heard[event].get(), WAIT_SECONDS)
