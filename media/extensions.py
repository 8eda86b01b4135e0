"""The two extensions of the WHEP draft: choosing a layer, and server-sent events."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from config.logs import logger
from media.event_stream import EVENTS, EventStream, Situation
from media.http import CORS, SLUG, allowed, find_resource, location_of, read_text
from media.node import Node
from media.problems import bad_request, unknown_session
from media.resource import Resource
from media.rtp.choice import Choice, Mode
from media.stream import Stream, StreamState
from media.viewer import Viewer

log = logger(__name__)

LAYER_REL = "urn:ietf:params:whep:ext:core:layer"
EVENTS_REL = "urn:ietf:params:whep:ext:core:server-sent-events"
JSON_TYPE = "application/json"
EVENT_STREAMS = 2  # of one session; the oldest gives way: a page whose answer was lost must be able to ask again
LOOK_SECONDS = 1.0  # between looks at what is new
HEARTBEAT_SECONDS = 15.0  # proxies cut what is silent for long
WRITE_SECONDS = 30.0  # a listener who takes nothing for so long is cut off
RETRY_MILLISECONDS = 3000  # how long a page waits before it listens again
Pixels = Annotated[int, Field(ge=1, le=65535)]


class LayerWish(BaseModel):
    """`POST {layer}`; the draft's layers of scalable video are not served, and ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")

    mediaId: str | int | None = None
    rid: str | None = Field(None, max_length=64)
    maxWidth: Pixels | None = None
    maxHeight: Pixels | None = None
    mode: str | None = Field(None, max_length=16)


def extension_links(location: str) -> tuple[str, ...]:
    """The `Link`s of a session's 201; players ignore a rel that they don't know."""
    events = ",".join(EVENTS)
    return (
        f'<{location}/layer>; rel="{LAYER_REL}"',
        f'<{location}/sse>; rel="{EVENTS_REL}"; events="{events}"',
    )


class Extensions:
    """Their routes, below a session of `/whep`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._streams: dict[str, dict[str, EventStream]] = {}  # by session, also of some that are over

    def add_to(self, app: web.Application) -> None:
        """Register everything."""
        session = f"/whep/{SLUG}/{{session}}"
        app.router.add_post(f"{session}/layer", self.choose_layer)
        app.router.add_post(f"{session}/sse", self.open_events)
        app.router.add_get(f"{session}/sse/{{events}}", self.listen, allow_head=False)
        app.router.add_delete(f"{session}/sse/{{events}}", self.close_events)
        for path in ("layer", "sse", "sse/{events}"):
            app.router.add_route("OPTIONS", f"{session}/{path}", self.options)

    async def options(self, request: web.Request) -> web.Response:
        """CORS preflight."""
        return allowed({} if "events" in request.match_info else {"Accept-Post": JSON_TYPE})

    # -- layers

    async def choose_layer(self, request: web.Request) -> web.Response:
        """The viewer asks for a layer or a mode, or with `{}` leaves it to the node."""
        resource, viewer, stream = self._find(request)
        try:
            wish = LayerWish.model_validate_json(await read_text(request, JSON_TYPE, bad_request))
        except ValidationError as error:
            raise bad_request(f"these fields are wrong: {_fields_of(error)}") from None
        viewer.choose(choice_of(wish, video_line(resource.answer), {layer.rid for layer in stream.layers()}))
        return web.Response(status=200)

    # -- events

    async def open_events(self, request: web.Request) -> web.Response:
        """A new event stream; the events that it shall tell are in the body, or all when there is none."""
        resource, _, _ = self._find(request)
        wanted = frozenset(EVENTS)
        if request.can_read_body:
            wanted = _wanted(await read_text(request, JSON_TYPE, bad_request))
        self._streams = {session: own for session, own in self._streams.items() if session in self._node.resources}
        streams = self._streams.setdefault(resource.session.id, {})
        while len(streams) >= EVENT_STREAMS:
            streams.pop(next(iter(streams))).close()
        name = secrets.token_urlsafe(9)
        streams[name] = EventStream(wanted)
        return web.Response(status=201, headers={"Location": f"{location_of(request, resource)}/sse/{name}"})

    async def close_events(self, request: web.Request) -> web.Response:
        """The viewer wants to hear no more."""
        resource, events = self._find_events(request)
        del self._streams[resource.session.id][request.match_info["events"]]
        events.close()
        return web.Response(status=200)

    async def listen(self, request: web.Request) -> web.StreamResponse:
        """The event stream itself, until it is closed, the session ends or the node goes away."""
        resource, events = self._find_events(request)
        over = events.begin()
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        response = web.StreamResponse(status=200, headers={**headers, **CORS})
        await response.prepare(request)
        try:
            await self._tell(resource, events, over, response)
        except TimeoutError:
            log.info("event listener is too slow", session=resource.session.id)
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:
            log.debug("event listener has gone", session=resource.session.id)
        return response

    async def _tell(
        self, resource: Resource, events: EventStream, over: asyncio.Event, response: web.StreamResponse
    ) -> None:
        text = f"retry: {RETRY_MILLISECONDS}\n\n"
        told_at = time.monotonic()
        line = video_line(resource.answer)
        while not over.is_set():
            now = self._situation(resource, line)
            news = events.farewell(is_banned=resource.session.is_banned) if now is None else events.news(now)
            text += "".join(f"event: {name}\ndata: {data}\n\n" for name, data in news)
            if not text and time.monotonic() - told_at >= HEARTBEAT_SECONDS:
                text = ":\n\n"
            if text:
                async with asyncio.timeout(WRITE_SECONDS):
                    await response.write(text.encode())
                text, told_at = "", time.monotonic()
            if now is None or now.moving is not None:
                return
            await _wait(over, LOOK_SECONDS)

    def _situation(self, resource: Resource, line: int | None) -> Situation | None:
        """What there is to tell; None when the session is over."""
        stream = self._node.stream(resource.slug)
        viewer = resource.viewer
        if self._node.resources.get(resource.session.id) is not resource or stream is None or viewer is None:
            return None
        selected = viewer.selected
        return Situation(
            is_active=stream.state is StreamState.LIVE,
            viewers=self._node.viewers_of(stream),
            layers=tuple((layer, layer.rid == selected) for layer in stream.layers()),
            video_line=line,
            moving=self._moving(resource.slug),
        )

    def _moving(self, slug: str) -> Mapping[str, str] | None:
        if not self._node.is_draining:
            return None
        base = self._node.elsewhere(slug)  # else the address that he has leads to another node
        return {} if base is None else {"url": f"{base}/whep/{slug}"}

    def _find(self, request: web.Request) -> tuple[Resource, Viewer, Stream]:
        resource = find_resource(self._node, request, needs_key=False)
        stream = self._node.stream(resource.slug)
        if resource.viewer is None or stream is None:
            raise unknown_session()
        return resource, resource.viewer, stream

    def _find_events(self, request: web.Request) -> tuple[Resource, EventStream]:
        resource, _, _ = self._find(request)
        events = self._streams.get(resource.session.id, {}).get(request.match_info["events"])
        if events is None:
            raise unknown_session()
        return resource, events


def choice_of(wish: LayerWish, video_line: int | None, rids: set[str]) -> Choice:
    """What a wish means for a stream that has these layers.

    Raises:
        Problem: 400 when it names something that isn't there.
    """
    if wish.mediaId is not None and (video_line is None or str(wish.mediaId) != str(video_line)):
        raise bad_request("mediaId is not the m-line of the pictures")
    if wish.rid is None:
        modes = {mode.value: mode for mode in (Mode.AUTO, Mode.SLIDES, Mode.AUDIO)}
        mode = modes.get(wish.mode or Mode.AUTO)
        if mode is None:
            raise bad_request("mode is one of auto, slides and audio")
        return Choice(mode, max_width=wish.maxWidth, max_height=wish.maxHeight)
    if wish.mode is not None:
        raise bad_request("send a rid or a mode, not both")
    if wish.rid not in rids:
        raise bad_request("there is no layer with this rid now")
    return Choice(Mode.LAYER, wish.rid, wish.maxWidth, wish.maxHeight)


def video_line(answer: str) -> int | None:
    """Which m-line of a session the pictures are, counted from 0."""
    heads = (line for line in answer.splitlines() if line.startswith("m="))
    return next((n for n, head in enumerate(heads) if re.match(r"m=video [1-9]", head)), None)


def _wanted(text: str) -> frozenset[str]:
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        raise bad_request("the body is not JSON") from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise bad_request("send a JSON array of event names")
    unknown = set(names) - set(EVENTS)
    if unknown or not names:
        raise bad_request(f"events are {', '.join(EVENTS)}")
    return frozenset(names)


def _fields_of(error: ValidationError) -> str:
    return ", ".join(sorted({str(e["loc"][0]) if e["loc"] else "the body" for e in error.errors()}))


async def _wait(over: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await over.wait()
