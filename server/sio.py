"""What all Socket.IO events share: acks in one envelope, who is speaking, limits on what one socket may send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import socketio
from pydantic import BaseModel

from config.logs import logger
from config.tasks import Tasks
from server.accounts.model import User
from server.errors import Conflict, DomainError, NotAllowed, SignInRequired
from server.http import AWAY, SESSION_COOKIE, FindUser, parse
from server.infra.announce import NAMESPACE, encode_body, user_channel
from server.infra.lines import Line, find_line, use_lines
from server.infra.listeners import OWN_BYTES, Listeners, encode
from server.infra.metrics import ServerMetrics
from server.infra.room_log import Told

log = logger(__name__)

MESSAGE_LIMIT_BYTES = 32_000
EVENTS_PER_SECOND = 20.0  # refilled allowance of one socket…
EVENTS_BURST = 60.0  # …and how much of it can be saved up
FLOOD_DEBT = 200  # refused events in a row after which the socket is cut off
CUT_OFF_SECONDS = 1.0  # in which it can still hear why


@dataclass(slots=True, eq=False)
class Peer:
    """One connected page: who it is, which room it has joined, how much it may still send."""

    sid: str
    user: User | None
    scheme: str
    host: str
    room_id: str | None = None
    room_host_id: str | None = None
    allowance: float = EVENTS_BURST
    refused: int = 0
    counted_at: float = 0.0
    is_gone: bool = False
    bans_heard: int = 0
    channels: set[str] = field(default_factory=set)

    def require_user(self) -> User:
        """Who is signed in. Raises SignInRequired."""
        if self.user is None:
            raise SignInRequired
        return self.user

    def require_room(self) -> str:
        """The joined room. Raises Conflict (`not_joined`)."""
        if self.room_id is None:
            raise Conflict("join a room first", code="not_joined")
        return self.room_id

    def require_host(self) -> User:
        """The signed-in user, if the joined room is his own. Raises NotAllowed."""
        user = self.require_user()
        self.require_room()
        if user.id != self.room_host_id:
            raise NotAllowed("only the room's host may do this")
        return user

    def may_send(self, now: float) -> bool:
        """Take one event from the allowance."""
        self.allowance = min(EVENTS_BURST, self.allowance + (now - self.counted_at) * EVENTS_PER_SECOND)
        self.counted_at = now
        if self.allowance < 1:
            self.refused += 1
            return False
        self.allowance -= 1
        self.refused = 0
        return True


B = TypeVar("B", bound=BaseModel)
Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event(Generic[B]):
    """An event that clients may send: its name, the model of its fields, what it does."""

    name: str
    fields: type[B]
    handle: Callable[[Peer, B], Awaitable[Reply]]


def refusal(code: str, detail: str) -> Reply:
    """The ack of an event that could not be done."""
    return {"ok": False, "error": code, "detail": detail}


class SocketServer:
    """The Socket.IO server of one process, namespace `/room`."""

    def __init__(
        self,
        listeners: Listeners,
        find_user: FindUser,
        events: Sequence[Event[Any]],
        on_leave: Callable[[Peer], Awaitable[None]],
        allowed_origins: list[str] | None,
        metrics: ServerMetrics,
    ) -> None:
        self.server = socketio.AsyncServer(
            async_mode="aiohttp",
            client_manager=socketio.AsyncManager(),  # others are told through our own fan-out
            cors_allowed_origins=allowed_origins,
            max_http_buffer_size=MESSAGE_LIMIT_BYTES,
            logger=False,
            engineio_logger=False,
        )
        use_lines(self.server.eio)
        self._listeners = listeners
        # The library starts tasks that nobody awaits (pings); these we own.
        self._tasks = Tasks("socket.io")
        self.server.eio.start_background_task = self._start_background_task
        self._find_user = find_user
        self._events = {event.name: event for event in events}
        self._on_leave = on_leave
        self._metrics = metrics
        metrics.watch_slow_pages(lambda: listeners.left_out, lambda: listeners.cut_off)
        self._peers: dict[str, Peer] = {}
        self.server.on("connect", self._connect, namespace=NAMESPACE)
        self.server.on("disconnect", self._disconnect, namespace=NAMESPACE)
        self.server.on("*", self._receive, namespace=NAMESPACE)

    async def aclose(self) -> None:
        """Disconnect every page and stop what the library has running."""
        await self.server.shutdown()
        await self._tasks.aclose()

    def _start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[None]:
        return self._tasks.start(getattr(target, "__name__", "task"), target(*args, **kwargs))

    async def enter(self, peer: Peer, channel: str) -> None:
        """Let a page hear a channel."""
        eio_sid = self.server.manager.eio_sid_from_sid(peer.sid, NAMESPACE)
        line = find_line(self.server.eio, eio_sid)
        if line is not None and not peer.is_gone:
            peer.channels.add(channel)
            self._listeners.enter(channel, peer.sid, line)

    async def exit(self, peer: Peer, channel: str) -> None:
        """Let a page hear a channel no more."""
        peer.channels.discard(channel)
        self._listeners.exit(channel, peer.sid)

    def pages_of(self, user_id: str) -> list[Peer]:
        """The open pages of somebody in this process."""
        heard = self._listeners.sids(user_channel(user_id))
        return [peer for sid in heard if (peer := self._peers.get(sid)) is not None]

    def tell_page(self, sid: str, event: str, data: dict[str, Any]) -> None:
        """Tell one page of this process something; one that is gone, or reads far too slowly, does not hear it."""
        if sid not in self._peers:
            return
        line = find_line(self.server.eio, self.server.manager.eio_sid_from_sid(sid, NAMESPACE))
        if line is not None:
            line.send(encode(Told("", event, encode_body(data))), OWN_BYTES)

    async def _connect(self, sid: str, environ: dict[str, Any], _auth: object = None) -> None:
        token = _cookie(environ.get("HTTP_COOKIE", ""))
        try:
            user = await self._find_user(token) if token else None
        except AWAY as error:
            log.warning("a server behind us is away", error=type(error).__name__)
            raise socketio.exceptions.ConnectionRefusedError("unavailable") from None
        peer = Peer(sid, user, environ.get("wsgi.url_scheme", "http"), environ.get("HTTP_HOST", ""))
        peer.counted_at = time.monotonic()
        self._peers[sid] = peer
        self._metrics.socket_connected()
        if user is not None:
            await self.enter(peer, user_channel(user.id))

    async def _disconnect(self, sid: str, _reason: object = None) -> None:
        peer = self._peers.pop(sid, None)
        if peer is not None:
            peer.is_gone = True
            for channel in list(peer.channels):
                await self.exit(peer, channel)
            self._metrics.socket_disconnected()
            await self._on_leave(peer)

    async def _receive(self, name: str, sid: str, *args: object) -> Reply | None:
        peer = self._peers.get(sid)
        if peer is None:
            return refusal("not_joined", "this connection is closing")
        if not peer.may_send(time.monotonic()):
            if peer.refused == FLOOD_DEBT:
                log.warning("socket cut off for flooding", signed_in=peer.user is not None)
                await self._cut_off(sid)
            return refusal("too_many_requests", "too fast; please wait a little")
        event = self._events.get(name)
        if event is None:
            return refusal("bad_request", "there is no such event")
        reply = await self._answer(event, peer, args[0] if args else {})
        self._metrics.event_answered(event.name, reply.get("error", "ok"))
        return reply

    async def _cut_off(self, sid: str) -> None:
        """End a whole connection: whoever only loses the namespace connects to it anew, with a fresh allowance."""
        line = find_line(self.server.eio, self.server.manager.eio_sid_from_sid(sid, NAMESPACE))
        await self.server.disconnect(sid, namespace=NAMESPACE)
        if line is not None:
            self._tasks.start("cut off", self._hang_up(line))

    async def _hang_up(self, line: Line) -> None:
        await asyncio.sleep(CUT_OFF_SECONDS)
        await line.close()

    async def _answer(self, event: Event[Any], peer: Peer, data: object) -> Reply:
        try:
            return {"ok": True, "data": await event.handle(peer, parse(event.fields, data))}
        except DomainError as error:
            return refusal(error.code, error.detail)
        except AWAY as error:
            log.warning("a server behind us is away", error=type(error).__name__, sio_event=event.name)
            return refusal("unavailable", "a server behind this one does not answer; please try again")
        except Exception:  # the boundary: a bug is logged once and told without its details
            log.exception("event failed", sio_event=event.name)
            return refusal("internal", "something went wrong on our side")


def _cookie(header: str) -> str | None:
    """The session cookie; another application's odd cookies on this host don't matter."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == SESSION_COOKIE:
            return value.strip('"')
    return None
