"""Answers here what is here, and passes on what another node has: one hop, and never for a stranger's word."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from redis.exceptions import RedisError

from config.logs import logger
from media.cluster.leases import HeldElsewhere
from media.cluster.neighbours import Neighbours, Refused
from media.cluster.registry import NodeSeen, Registry
from media.cluster.signature import HEADER, SENDER, Signer, sender_of
from media.http import client_address, problem_response
from media.node import Node
from media.problems import Problem, unknown_session
from media.resource import node_of

log = logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def read_sender(signer: Signer) -> Middleware:
    """A middleware that notes which requests other nodes sent."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        header = request.headers.get(HEADER)
        sender = signer.read(header, request.method, request.rel_url.raw_path, time.time())
        if sender is not None:
            request[SENDER] = sender
        return await handler(request)

    return middleware


class Passing:
    """A middleware of one node."""

    def __init__(
        self, node: Node, registry: Registry, neighbours: Neighbours, answers: Callable[[str, str], bool]
    ) -> None:
        """`answers`: whether this node has a stream's file; its playlist, if no name is given."""
        self._node = node
        self._answers = answers
        self._registry = registry
        self._neighbours = neighbours

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Serve a request, or have another node serve it."""
        slug = request.match_info.get("slug")
        if slug is None or request.method == hdrs.METH_OPTIONS or sender_of(request) is not None:
            return await handler(request)
        if request.path.startswith("/hls/"):
            return await self._segments(request, handler, slug)
        if "session" in request.match_info:
            return await self._session(request, handler, node_of(request.match_info["session"]))
        if request.method != hdrs.METH_POST:
            return await handler(request)
        return await self._new_session(request, handler, slug)

    async def _session(self, request: web.Request, handler: Handler, node_id: str) -> web.StreamResponse:
        """A request about a session of this or of another node."""
        if node_id in ("", self._registry.node_id):
            return await handler(request)
        try:
            node = await self._registry.node(node_id)
        except (RedisError, OSError):
            node = self._registry.others.get(node_id)  # as it was seen last
        if node is None:
            raise unknown_session()
        try:
            return await self._pass_on(node, request)
        except Refused:
            raise unknown_session() from None

    async def _segments(self, request: web.Request, handler: Handler, slug: str) -> web.StreamResponse:
        """Playlists and segments are where the publisher is, or was to the end."""
        stream_id = request.match_info.get("stream", "")
        name = request.match_info.get("name", "")
        try:
            if self._answers(stream_id, name):
                answer = await handler(request)
            else:
                answer = await self._there(await self._recorder(stream_id, slug), request, handler)
        except Problem as problem:
            if problem.status != HTTPStatus.NOT_FOUND or not name:
                raise
            answer = problem_response(problem)
        if answer.status != HTTPStatus.NOT_FOUND or not name:
            return answer

        async def not_there(_: web.Request) -> web.StreamResponse:
            return answer

        return await self._there(await self._recorder_before(stream_id), request, not_there)

    async def _there(self, node: NodeSeen | None, request: web.Request, otherwise: Handler) -> web.StreamResponse:
        """A node's answer, if it is there."""
        if node is None:
            return await otherwise(request)
        if node.public_url:
            return _see_there(node, request)
        try:
            return await self._pass_on(node, request)
        except Refused:
            return await otherwise(request)

    async def _new_session(self, request: web.Request, handler: Handler, slug: str) -> web.StreamResponse:
        """A POST that opens a session: a publisher goes where his stream is; nobody goes where there is no room."""
        is_publisher = request.path.startswith("/whip/")
        if is_publisher and (holder := await self._holder(slug)) is not None:
            try:
                return await self._pass_on(holder, request)
            except Refused:
                pass  # it has just died: the stream goes on here
        is_busy = not is_publisher and self._node.presence.cpu.is_busy
        if is_busy or self._node.must_turn_away(slug, is_publisher=is_publisher):
            answer = await self._send_elsewhere(request)
            if answer is not None:
                return answer
        try:
            return await handler(request)
        except HeldElsewhere as held:  # another node was quicker, at this very moment
            try:
                return await self._pass_on(held.node, request)
            except Refused:
                return await handler(request)

    async def _recorder(self, stream_id: str, slug: str) -> NodeSeen | None:
        """The other living node that recorded this stream last; the room may have no stream now, or another one."""
        try:
            recorder = await self._registry.recorder_of(stream_id) if stream_id else None
        except (RedisError, OSError):
            recorder = None  # nor can it be said who has the room, which is logged
        return recorder or await self._holder(slug)

    async def _recorder_before(self, stream_id: str) -> NodeSeen | None:
        try:
            return await self._registry.recorder_before(stream_id)
        except (RedisError, OSError) as error:
            log.warning("nobody can say who had a stream", error=type(error).__name__)
            return None

    async def _holder(self, slug: str) -> NodeSeen | None:
        """The other living node that has this room's stream."""
        if slug in self._node.streams:
            return None
        try:
            seen = await self._registry.holder(slug)
            return None if seen is None else await self._registry.node(seen.node_id)
        except (RedisError, OSError) as error:
            log.warning("nobody can say who has a stream", error=type(error).__name__)
            return None

    async def _send_elsewhere(self, request: web.Request) -> web.StreamResponse | None:
        """This node is full, busy or about to stop: another one with room answers, if there is one."""
        node = self._registry.with_room()
        if node is None:
            return None
        if node.public_url:
            return _see_there(node, request)
        try:
            return await self._pass_on(node, request)
        except Refused:
            return None

    async def _pass_on(self, node: NodeSeen, request: web.Request) -> web.StreamResponse:
        client = client_address(request, self._node.settings.trusted_proxy_hops)
        try:
            return await self._neighbours.pass_on(node, request, client)
        except Refused:
            self._registry.refused(node)
            raise


def _see_there(node: NodeSeen, request: web.Request) -> web.Response:
    """307: the client asks there again, with the same method and body."""
    location = f"{node.public_url}{request.rel_url.raw_path_qs}"
    return web.Response(status=307, headers={hdrs.LOCATION: location, hdrs.CACHE_CONTROL: "no-store"})
