"""What all Socket.IO events share: acks in one envelope, who is speaking, limits on what one socket may send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import socketio
from pydantic import BaseModel
from pydantic_core import to_json

from config.logs import logger
from config.tasks import Tasks
from server.accounts.model import User
from server.errors import Conflict, DomainError, NotAllowed, SignInRequired
from server.http import SESSION_COOKIE, FindUser, check
from server.infra.announce import user_channel
from server.infra.away import AWAY
from server.infra.lines import Line, Spoken, all_lines, find_line, use_lines
from server.infra.listeners import OWN_BYTES, Listeners, encode
from server.infra.metrics import ServerMetrics
from server.infra.packets import (
    NAMESPACE,
    Asked,
    BadPacket,
    answer_of_binary,
    answer_text,
    is_binary,
    is_event,
    read_event,
)
from server.infra.room_log import Told
from server.infra.visitors import Visitors

log = logger(__name__)

MESSAGE_LIMIT_BYTES = 32_000
CUT_OFF_SECONDS = 1.0  # in which it can still hear why
LET_GO_AT_ONCE = 200  # pages, before others get their turn


@dataclass(slots=True, eq=False)
class Peer:
    """One connected page: who it is, which room it has joined."""

    sid: str
    line: Line
    user: User | None
    scheme: str
    host: str
    room_id: str | None = None
    room_host_id: str | None = None
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


B = TypeVar("B", bound=BaseModel)
Reply = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Written:
    """What an ack says, as JSON already."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Event(Generic[B]):
    """An event that clients may send: its name, the model of its fields, what it does."""

    name: str
    fields: type[B]
    handle: Callable[[Peer, B], Awaitable[Reply | Written]]


def done(data: Reply | Written) -> bytes:
    """The ack of an event that was done."""
    return b'{"ok":true,"data":%s}' % (data.body if isinstance(data, Written) else to_json(data))


def refusal(code: str, detail: str) -> bytes:
    """The ack of an event that could not be done."""
    return to_json({"ok": False, "error": code, "detail": detail})


class SocketServer:
    """The Socket.IO server of one process, namespace `/room`."""

    def __init__(
        self,
        listeners: Listeners,
        find_user: FindUser,
        events: Sequence[Event[Any]],
        on_leave: Callable[[Peer], Awaitable[None]],
        visitors: Visitors,
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
        use_lines(self.server.eio, self._hear, visitors)
        self._listeners = listeners
        # The library starts tasks that nobody awaits (pings); these we own.
        self._tasks = Tasks("socket.io")
        self.server.eio.start_background_task = self._start_background_task
        self._find_user = find_user
        self._events = {event.name: event for event in events}
        self._on_leave = on_leave
        self._metrics = metrics
        metrics.watch_slow_pages(lambda: listeners.left_out, lambda: listeners.cut_off)
        metrics.watch_visitors(lambda: visitors.turned_away)
        self._peers: dict[str, Peer] = {}
        self._pages: dict[Line, Peer] = {}
        self.server.on("connect", self._connect, namespace=NAMESPACE)
        self.server.on("disconnect", self._disconnect, namespace=NAMESPACE)

    async def let_go(self) -> None:
        """Hang up on every page: while this server stops they go to another one, or come again when it is back."""
        for number, line in enumerate(all_lines(self.server.eio), start=1):
            line.let_go()
            if number % LET_GO_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Disconnect every page and stop what the library has running."""
        await self.server.shutdown()
        await self._tasks.aclose()

    def _start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[None]:
        return self._tasks.start(getattr(target, "__name__", "task"), target(*args, **kwargs))

    async def enter(self, peer: Peer, channel: str) -> None:
        """Let a page hear a channel."""
        if not peer.is_gone:
            peer.channels.add(channel)
            self._listeners.enter(channel, peer.sid, peer.line)

    async def exit(self, peer: Peer, channel: str) -> None:
        """Let a page hear a channel no more."""
        peer.channels.discard(channel)
        self._listeners.exit(channel, peer.sid)

    def pages_of(self, user_id: str) -> list[Peer]:
        """The open pages of somebody in this process."""
        heard = self._listeners.sids(user_channel(user_id))
        return [peer for sid in heard if (peer := self._peers.get(sid)) is not None]

    def connect_anew(self, user_id: str) -> None:
        """Hang up on somebody's pages in good order: each connects again, as what he is now."""
        for peer in self.pages_of(user_id):
            peer.line.let_go()

    def tell_page(self, sid: str, event: str, data: dict[str, Any]) -> None:
        """Tell one page of this process something; one that is gone, or reads far too slowly, does not hear it."""
        peer = self._peers.get(sid)
        if peer is not None:
            peer.line.send(encode(Told("", event, to_json(data))), OWN_BYTES)

    async def _connect(self, sid: str, environ: dict[str, Any], _auth: object = None) -> None:
        token = _cookie(environ.get("HTTP_COOKIE", ""))
        try:
            user = await self._find_user(token) if token else None
        except AWAY as error:
            log.warning("a server behind us is away", error=type(error).__name__)
            raise socketio.exceptions.ConnectionRefusedError("unavailable") from None
        line = self._line(sid)
        if line is None:
            raise socketio.exceptions.ConnectionRefusedError("gone")  # hung up while we looked
        peer = Peer(sid, line, user, environ.get("wsgi.url_scheme", "http"), environ.get("HTTP_HOST", ""))
        self._peers[sid] = self._pages[line] = peer
        self._metrics.socket_connected()
        if user is not None:
            await self.enter(peer, user_channel(user.id))

    async def _disconnect(self, sid: str, _reason: object = None) -> None:
        peer = self._peers.pop(sid, None)
        if peer is not None:
            peer.is_gone = True
            self._pages.pop(peer.line, None)
            for channel in list(peer.channels):
                await self.exit(peer, channel)
            self._metrics.socket_disconnected()
            await self._on_leave(peer)

    def _hear(self, line: Line, packet: str | bytes) -> bool:
        """Take what a page says; False: connecting to the namespace and the like, the library's own business.

        Pages of ours send no bytes; the library would keep them until all that were announced are there.
        """
        was_flooded = line.allowance.is_flooded
        may = line.allowance.take(time.monotonic())
        if line.allowance.is_flooded and not was_flooded:
            self._cut_off(line)
        if not isinstance(packet, str):
            return True
        if is_event(packet):
            self._take(line, packet, may=may)
        elif is_binary(packet):
            self._say(line, answer_of_binary(packet), refusal("bad_request", "events carry no bytes here"))
        else:
            return not may
        return True

    def _take(self, line: Line, packet: str, *, may: bool) -> None:
        peer = self._pages.get(line)
        try:
            asked = read_event(packet)
        except BadPacket as error:
            self._say(line, error.answer, refusal("bad_request", str(error)))
            return
        event = self._events.get(asked.name)
        if peer is None:
            self._say(line, asked.answer, refusal("not_joined", "connect to the namespace first"))
        elif not may:
            self._say(line, asked.answer, refusal("too_many_requests", "too fast; please wait a little"))
        elif event is None:
            self._say(line, asked.answer, refusal("bad_request", "there is no such event"))
        else:
            self._tasks.start(asked.name, self._do(event, peer, line, asked))

    async def _do(self, event: Event[Any], peer: Peer, line: Line, asked: Asked) -> None:
        outcome = "ok"
        try:
            ack = done(await event.handle(peer, check(event.fields, asked.fields)))
        except DomainError as error:
            outcome, ack = error.code, refusal(error.code, error.detail)
        except AWAY as error:
            log.warning("a server behind us is away", error=type(error).__name__, sio_event=event.name)
            outcome = "unavailable"
            ack = refusal(outcome, "a server behind this one does not answer; please try again")
        except Exception:  # the boundary: a bug is logged once and told without its details
            log.exception("event failed", sio_event=event.name)
            outcome = "internal"
            ack = refusal(outcome, "something went wrong on our side")
        self._say(line, asked.answer, ack)
        self._metrics.event_answered(event.name, outcome)

    def _say(self, line: Line, answer: int | None, ack: bytes) -> None:
        """Answer at once; who does not read his answers is left out like who does not read what his room is told."""
        if answer is not None and not line.send(Spoken(answer_text(answer, ack)), OWN_BYTES):
            self._listeners.leave_out(line)

    def _cut_off(self, line: Line) -> None:
        """End a whole connection: whoever only loses the namespace connects to it anew."""
        peer = self._pages.get(line)
        log.warning("socket cut off for flooding", signed_in=peer is not None and peer.user is not None)
        self._tasks.start("cut off", self._hang_up(line, peer))

    async def _hang_up(self, line: Line, peer: Peer | None) -> None:
        if peer is not None:
            await self.server.disconnect(peer.sid, namespace=NAMESPACE)
        await asyncio.sleep(CUT_OFF_SECONDS)
        await line.close()

    def _line(self, sid: str) -> Line | None:
        return find_line(self.server.eio, self.server.manager.eio_sid_from_sid(sid, NAMESPACE) or "")


def _cookie(header: str) -> str | None:
    """The session cookie; another application's odd cookies on this host don't matter."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == SESSION_COOKIE:
            return value.strip('"')
    return None
