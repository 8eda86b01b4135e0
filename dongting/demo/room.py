"""The demo host's own room as his browser would use it: HTTP with a session cookie, and Socket.IO."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import socketio
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar
from socketio.exceptions import SocketIOError

from config.logs import logger

log = logger(__name__)

CALL_SECONDS = 8.0
NAMESPACE = "/room"
SESSION_COOKIE = "dongting_session"


class NotReachable(Exception):
    """The server did not answer, or not as it should; try again later."""


class HostRoom:
    """What the host does: look at his room, pin, speak, open a sale."""

    def __init__(self, base: str, http: ClientSession, cookie: str, sockets: socketio.AsyncClient) -> None:
        self._base = base
        self._http = http
        self._headers = {"Cookie": f"{SESSION_COOKIE}={cookie}"}
        self._sockets = sockets
        self.slug = ""

    async def look(self) -> dict[str, Any]:
        """The room with its stream key. Raises NotReachable."""
        found: dict[str, Any] = await _json(self._http, "GET", f"{self._base}/api/my/room", headers=self._headers)
        self.slug = str(found["slug"])
        return found

    async def end(self) -> None:
        """End whatever is on. Raises NotReachable."""
        await _json(self._http, "POST", f"{self._base}/api/my/room/end", headers=self._headers)

    async def open_sale(self, terms: dict[str, Any]) -> None:
        """A flash sale. Raises NotReachable."""
        await _json(self._http, "POST", f"{self._base}/api/my/room/sales", headers=self._headers, json=terms)

    async def enter(self) -> None:
        """Connect and join; joining again after every reconnect. Raises NotReachable."""

        async def join() -> None:
            await self.send("join", {"slug": self.slug})

        self._sockets.on("connect", join, namespace=NAMESPACE)
        try:
            await self._sockets.connect(
                self._base,
                headers=lambda: dict(self._headers),  # the library takes the cookie out of what it is given
                namespaces=[NAMESPACE],
                transports=["websocket"],
                wait_timeout=int(CALL_SECONDS),
            )
        except SocketIOError as error:
            raise NotReachable(f"socket: {error}") from None

    async def send(self, event: str, fields: dict[str, Any]) -> bool:
        """Send an event; whether the server agreed. A card that can't be pinned now is no reason to stop."""
        try:
            ack = await self._sockets.call(event, fields, namespace=NAMESPACE, timeout=int(CALL_SECONDS))
        except SocketIOError as error:
            log.info("not sent", socket_event=event, error=type(error).__name__)
            return False
        if not (isinstance(ack, dict) and ack.get("ok")):
            log.info("refused", socket_event=event, code=str(ack.get("error")) if isinstance(ack, dict) else "no ack")
            return False
        return True


@asynccontextmanager
async def signed_in(base: str, name: str, password: str) -> AsyncIterator[HostRoom]:
    """The room of a host who signs in at `base`. Raises NotReachable."""
    sockets = socketio.AsyncClient(reconnection=True, reconnection_delay_max=5, handle_sigint=False)
    async with ClientSession(timeout=ClientTimeout(total=CALL_SECONDS), cookie_jar=DummyCookieJar()) as http:
        try:
            try:
                async with http.post(f"{base}/api/session", json={"login": name, "password": password}) as response:
                    cookie = response.cookies.get(SESSION_COOKIE)
            except (ClientError, TimeoutError, OSError) as error:
                raise NotReachable(f"sign in: {type(error).__name__}") from None
            if cookie is None:
                raise NotReachable(f"sign in: HTTP {response.status}")
            yield HostRoom(base, http, cookie.value, sockets)
        finally:
            await asyncio.shield(_shut(sockets))


async def _shut(sockets: socketio.AsyncClient) -> None:
    await sockets.shutdown()
    if sockets.connected:  # it was connecting again, and the library let it
        await sockets.shutdown()


async def _json(http: ClientSession, method: str, url: str, **options: Any) -> Any:
    try:
        async with http.request(method, url, **options) as response:
            body = await response.json(content_type=None)
    except (ClientError, TimeoutError, OSError, ValueError) as error:
        raise NotReachable(f"{method} {url}: {type(error).__name__}") from None
    if response.status >= 400:
        raise NotReachable(f"{method} {url}: {response.status} {body.get('code') if isinstance(body, dict) else ''}")
    return body
