"""What WHIP and WHEP do when the client is gone before it has its answer, or never sends all of its question."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import cast
from unittest import mock

import pytest
from aiohttp import ClientConnectionResetError, StreamReader
from aiohttp.abc import AbstractStreamWriter
from aiohttp.test_utils import make_mocked_request

from media.dtls import Certificate
from media.glue import PacketMemory, SrtpKeys
from media.http import SDP_TYPE, SessionRoutes, read_text
from media.node import Node
from media.problems import Problem
from media.resource import Resource
from media.rtp.counters import Counters
from media.sdp import parse_offer
from media.session import Ending, Session
from media.transport.ice import IceLite
from tests.unit.media.conditions import WAIT_SECONDS
from tests.unit.media.offers import CHROMIUM


@dataclass
class Rooms:
    """A node, as far as DELETE is concerned."""

    resources: dict[str, Resource] = field(default_factory=dict)


@dataclass
class Viewer:
    """The owner of a session, who hears why it ended."""

    heard: list[Ending] = field(default_factory=list)

    def connected(self, keys: SrtpKeys) -> None:
        """Never here."""

    def receive_rtp(self, packet: bytes) -> None:
        """Never here."""

    def receive_rtcp(self, packet: bytes) -> None:
        """Never here."""

    def farewell(self) -> bytes:
        return b""

    def ended(self, reason: Ending) -> None:
        self.heard.append(reason)


class Gone(AbstractStreamWriter):
    """A connection that the client has closed."""

    async def write(self, chunk: object) -> None:
        raise ClientConnectionResetError

    async def write_eof(self, chunk: bytes = b"") -> None:
        raise ClientConnectionResetError

    async def drain(self) -> None:
        raise ClientConnectionResetError

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        """Nothing is sent."""

    def enable_chunking(self) -> None:
        """Nothing is sent."""

    async def write_headers(self, status_line: str, headers: object) -> None:
        raise ClientConnectionResetError


async def test_a_delete_ends_the_session_although_nobody_hears_the_answer() -> None:
    # given
    counters = Counters()
    session = Session("s1", parse_offer(CHROMIUM), Certificate(), IceLite(counters), PacketMemory(), counters)
    session.owner = viewer = Viewer()
    node = Rooms({"s1": Resource(session, "oranges", "", (), None)})
    request = make_mocked_request(
        "DELETE", "/whep/oranges/s1", match_info={"slug": "oranges", "session": "s1"}, writer=Gone()
    )

    # when
    with pytest.raises(ClientConnectionResetError):
        await SessionRoutes(cast("Node", node), needs_key=False).delete(request)

    # then
    async with asyncio.timeout(WAIT_SECONDS):
        await session.run(60)
    assert viewer.heard == [Ending.DELETED]


async def test_a_body_that_never_comes_is_not_waited_for() -> None:
    # given
    body = StreamReader(mock.Mock(), 2**16, loop=asyncio.get_running_loop())
    body.feed_data(b"v=0\r\n")
    request = make_mocked_request("POST", "/whep/oranges", {"Content-Type": SDP_TYPE}, payload=body)

    # when, then
    with pytest.raises(Problem) as refused:
        await read_text(request, SDP_TYPE, patience_seconds=0.01)
    assert (refused.value.status, refused.value.code) == (408, "too_slow")
