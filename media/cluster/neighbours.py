"""HTTP to other nodes: a client's request passed on as it is, and our own request for a copy of a stream."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import hdrs, web
from multidict import CIMultiDict
from yarl import URL

from config.logs import logger
from config.settings import MediaSettings
from config.tasks import end
from media.cluster.registry import NodeSeen
from media.cluster.signature import HEADER, Sender, Signer
from media.problems import Problem, not_live, unavailable

log = logger(__name__)

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0  # a WHIP answer waits for the hook and for the recording to begin
WRITE_SECONDS = 30.0  # a listener who takes nothing for so long is cut off
MOST_ANSWER_BYTES = 256_000
SMALL_BYTES = 64 * 1024  # longer answers are passed on as they come
CONNECTIONS = 4096  # event streams hold one each
EVENT_STREAM = "text/event-stream"
_PATIENT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)  # an event stream may be silent for long
_KEPT_OF_REQUEST = (
    *(hdrs.CONTENT_TYPE, hdrs.AUTHORIZATION, hdrs.IF_MATCH, hdrs.ACCEPT, hdrs.ORIGIN, "X-Forwarded-Prefix"),
    *(hdrs.IF_NONE_MATCH, "Last-Event-ID"),
)
_DROPPED_OF_ANSWER = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"))


class Refused(Exception):
    """Nobody listens at the node's address."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What another node answered to our offer."""

    answer: str
    location: str


class Neighbours:
    """Speaks to other nodes over one client that somebody else closes."""

    def __init__(self, settings: MediaSettings, client: aiohttp.ClientSession) -> None:
        self.signer = Signer(settings.internal_secret.get_secret_value())
        self.is_leaving = asyncio.Event()  # this node is about to stop
        self._node_id = settings.node_id
        self._client = client

    async def pass_on(self, node: NodeSeen, request: web.Request, client: str) -> web.StreamResponse:
        """Have another node answer a request; its answer is ours.

        Raises:
            Refused: it is not there.
            Problem: 503, it does not answer.
        """
        path = request.rel_url.raw_path
        kept = ((name, value) for name in _KEPT_OF_REQUEST for value in request.headers.getall(name, ()))
        headers = CIMultiDict(kept)  # a list may stand in several lines
        headers[HEADER] = self._sign(Sender(self._node_id, client), request.method, path)
        headers[hdrs.ACCEPT_ENCODING] = request.headers.get(hdrs.ACCEPT_ENCODING, "identity")
        url = URL(f"{node.internal_url}{request.rel_url.raw_path_qs}", encoded=True)
        body = await request.read()  # also when a handler has read it before
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._client.request(
                    request.method, url, data=body or None, headers=headers, timeout=_PATIENT, allow_redirects=False
                )
            async with answer:
                if answer.content_type == EVENT_STREAM:
                    return await self._stream(request, answer)
                if answer.content_length is not None and answer.content_length > SMALL_BYTES:
                    return await self._file(request, answer)
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self._whole(answer)
        except aiohttp.ClientConnectorError as error:
            raise Refused(node.node_id) from error
        except (TimeoutError, aiohttp.ClientError) as error:
            log.warning("another node does not answer", asked=node.node_id, error=type(error).__name__)
            raise unavailable("the node that has this does not answer") from error

    async def _whole(self, answer: aiohttp.ClientResponse) -> web.Response:
        body = await _body(answer)
        response = web.Response(status=answer.status, body=body)
        _take_headers(response, answer)
        return response

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """Events as they come, until either side ends it or this node stops; then the listener asks another one."""
        response = web.StreamResponse(status=answer.status)
        _take_headers(response, answer)
        over: asyncio.Future[Any] = asyncio.ensure_future(self.is_leaving.wait())
        try:
            await response.prepare(request)
            while (chunk := await _chunk_before(over, answer)) is not None:
                async with asyncio.timeout(WRITE_SECONDS):
                    await response.write(chunk)
        except (ConnectionError, TimeoutError, aiohttp.ClientError):
            log.debug("an event stream that was passed on has ended")
        finally:
            await end((over,))
        return response

    async def _file(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """A segment as it comes; one that breaks off is broken off for the player, too, and no cache keeps it."""
        response = web.StreamResponse(status=answer.status)
        _take_headers(response, answer)
        response.content_length = answer.content_length
        try:
            await response.prepare(request)
            async for chunk in answer.content.iter_chunked(SMALL_BYTES):
                async with asyncio.timeout(WRITE_SECONDS):
                    await response.write(chunk)
        except (ConnectionError, TimeoutError, aiohttp.ClientError):
            if request.transport is not None:
                request.transport.abort()
        return response

    async def ask_for_copy(self, node: NodeSeen, slug: str, offer: str) -> Copy:
        """Offer to play another node's stream, as a WHEP client.

        Raises:
            Refused: it is not there.
            Problem: what it said.
        """
        path = f"/whep/{slug}"
        headers = {
            hdrs.CONTENT_TYPE: "application/sdp",
            HEADER: self._sign(Sender(self._node_id, is_copy=True), hdrs.METH_POST, path),
        }
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, sock_connect=CONNECT_SECONDS)
        try:
            async with self._client.post(
                f"{node.internal_url}{path}", data=offer, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                text = (await _body(answer)).decode(errors="replace")
                if answer.status == 409:
                    raise not_live()
                if answer.status != 201:
                    raise Problem(answer.status, "not_copied", "the node with the publisher does not give a copy")
                return Copy(text, str(answer.url.join(URL(answer.headers.get(hdrs.LOCATION, path)))))
        except aiohttp.ClientConnectorError as error:
            raise Refused(node.node_id) from error
        except (TimeoutError, aiohttp.ClientError) as error:
            raise unavailable("the node with the publisher does not answer") from error

    def _sign(self, sender: Sender, method: str, path: str) -> str:
        return self.signer.sign(sender, method, path, time.time())


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    """All of a short answer: one read gives what has come so far."""
    body = b""
    while chunk := await answer.content.read(MOST_ANSWER_BYTES - len(body)):
        body += chunk
    return body


async def _chunk_before(over: asyncio.Future[Any], answer: aiohttp.ClientResponse) -> bytes | None:
    """What comes next; None at the end, or when it is over."""
    reading = asyncio.ensure_future(answer.content.readany())
    try:
        await asyncio.wait((reading, over), return_when=asyncio.FIRST_COMPLETED)
        return reading.result() or None if reading.done() else None
    finally:
        await end((reading,))


def _take_headers(response: web.StreamResponse, answer: aiohttp.ClientResponse) -> None:
    for name, value in answer.headers.items():
        if name.lower() not in _DROPPED_OF_ANSWER:
            if name.lower() == "content-type":
                response.headers[name] = value
            else:
                response.headers.add(name, value)
