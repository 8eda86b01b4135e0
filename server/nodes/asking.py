"""The HTTP client that asks a media node for its sessions: bounded in time and size, and never led elsewhere."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from pydantic import ValidationError
from yarl import URL

from media.cluster.signature import HEADER, Sender, Signer
from server.nodes.model import NodeLease, SessionsTold

ANSWER_SECONDS = 2.0  # a node looks at itself in milliseconds; an operator does not wait longer for a dead one
MOST_ANSWER_BYTES = 4_000_000  # some 13,000 sessions; a node has room for 2,000 unless told otherwise
CONNECTIONS = 16  # at once; with more nodes than this the last ones wait within their time
CHUNK_BYTES = 65_536
ASKING = Sender("server")


class NoAnswer(Exception):
    """Nobody is there, or nothing came in time."""


class BadAnswer(Exception):
    """Something came that this node would not say."""


class NodeClient:
    """Speaks to media nodes over one client that somebody else closes."""

    def __init__(self, client: aiohttp.ClientSession, secret: str) -> None:
        self._client = client
        self._signer = Signer(secret)

    async def sessions(self, node: NodeLease) -> SessionsTold:
        """What a node says of its sessions.

        Raises:
            NoAnswer, BadAnswer
        """
        try:
            body = await self._read(_address(node))
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            raise NoAnswer(type(error).__name__) from error
        except aiohttp.ClientError as error:
            raise BadAnswer(type(error).__name__) from error
        try:
            told = SessionsTold.model_validate_json(body)
        except ValidationError as error:
            raise BadAnswer(f"{error.error_count()} fields are wrong") from error
        if told.node_id != node.node_id:
            raise BadAnswer("another node answers at this address")
        return told

    async def _read(self, address: URL) -> bytes:
        signed = self._signer.sign(ASKING, "GET", str(address), time.time())
        headers = {HEADER: signed, "Accept-Encoding": "identity"}
        async with self._client.get(address, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise BadAnswer(f"status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                body += chunk
                if len(body) > MOST_ANSWER_BYTES:
                    raise BadAnswer("the answer is too large")
            return bytes(body)


def _address(node: NodeLease) -> URL:
    """Where to ask. What is in Redis may be old or wrong: our signature is good for this one address."""
    try:
        url = URL(f"{node.internal_url.rstrip('/')}/internal/sessions")
    except ValueError:
        raise BadAnswer("its address is none") from None
    if url.scheme != "http" or not url.host or url.user is not None or url.query_string or url.fragment:
        raise BadAnswer("its address is not a plain http one")
    return url


@asynccontextmanager
async def open_node_client(secret: str, answer_seconds: float = ANSWER_SECONDS) -> AsyncIterator[NodeClient]:
    """A client of its own, without cookies and without unpacking: a small answer cannot become a large one."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        timeout=aiohttp.ClientTimeout(total=answer_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as client:
        yield NodeClient(client, secret)
