"""What an operator sees of real media nodes: hosts, viewers, a node that dies; and who may not look."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from server.accounts.model import Role
from tests.harness.app import Json, Page, RunningServer
from tests.harness.data_servers import Environment
from tests.harness.processes import MediaProcess, running_media
from tests.integration.media.clients import WAIT_SECONDS, Client, publisher, viewer
from tests.integration.server.conftest import PASSWORD, Stall
from tests.integration.server.test_room import NewPage

PATH = "/api/operators/nodes"


@dataclass(slots=True)
class Desk:
    """An operator's browser, real media nodes, and people who use them."""

    page: Page
    nodes: list[MediaProcess]
    http: aiohttp.ClientSession
    key: str
    clients: list[Client] = field(default_factory=list)

    async def connect(self, client: Client) -> Client:
        """Somebody who is gone with the test."""
        self.clients.append(client)
        assert await client.connect() == 201
        return client

    async def sees(self, condition: Callable[[Json], bool]) -> Json:
        """Look again until the page is so."""
        end = asyncio.get_running_loop().time() + WAIT_SECONDS
        while True:
            status, board = await self.page.ask("GET", PATH)
            assert status == 200
            if condition(board):
                return board
            assert asyncio.get_running_loop().time() < end, board
            await asyncio.sleep(0.2)


@pytest.fixture
def nodes(server: RunningServer, environment: Environment, tmp_path: Path) -> Iterator[list[MediaProcess]]:
    """Two media nodes that ask this server's hook."""
    environment["AUTHORIZE_URL"] = f"{server.url}/internal/publish"
    environment["SHUTDOWN_SECONDS"] = "5"
    with running_media(environment, tmp_path, 2) as processes:
        yield processes


@pytest_asyncio.fixture
async def operator(server: RunningServer, new_page: NewPage) -> Page:
    """Somebody of the county's co-op."""
    roles = frozenset({Role.VIEWER, Role.OPERATOR})
    await server.services.accounts.register("yunying", PASSWORD, "供销社", None, roles=roles)
    page = new_page()
    await page.sign_in("yunying", PASSWORD)
    return page


@pytest_asyncio.fixture
async def desk(server: RunningServer, stall: Stall, operator: Page) -> AsyncIterator[Desk]:
    """Without nodes yet: a test asks for them, too."""
    async with aiohttp.ClientSession() as http:
        made = Desk(operator, [], http, server.services.rooms.key_of(stall.room))
        yield made
        for client in made.clients:
            await client.vanish()


def states(board: Json) -> dict[str, str]:
    """How each node is."""
    return {node["node_id"]: node["state"] for node in board["items"]}


def of_kind(board: Json, kind: str) -> list[dict[str, Any]]:
    """Sessions."""
    return [session for session in board["sessions"] if session["kind"] == kind]


async def test_an_operator_sees_a_host_and_a_viewer_on_two_nodes_and_that_one_dies(
    desk: Desk, nodes: list[MediaProcess]
) -> None:
    # given a host at one node, and a viewer at the other
    await desk.sees(lambda board: states(board) == {"media-1": "ok", "media-2": "ok"})
    await desk.connect(publisher(desk.http, f"{nodes[0].url}/whip/zhang", desk.key))
    await desk.sees(lambda board: [stream["state"] for stream in board["streams"]] == ["live"])
    watching = await desk.connect(viewer(desk.http, f"{nodes[1].url}/whep/zhang"))
    await watching.sees(video=5, audio=5)

    # when
    board = await desk.sees(
        lambda board: (
            bool(board["streams"])
            and board["streams"][0]["audience"]["viewers"] == 1
            and any(session["bitrate"] > 0 for session in of_kind(board, "viewer"))
        )
    )

    # then
    (stream,) = board["streams"]
    assert (stream["slug"], stream["title"], stream["host_name"]) == ("zhang", "冰糖橙开园", "张红")
    assert stream["node_id"] == "media-1"
    (host,), (guest,), (copy,) = (of_kind(board, kind) for kind in ("publisher", "viewer", "copy"))
    assert (host["node_id"], host["slug"], host["state"]) == ("media-1", "zhang", "connected")
    assert (guest["node_id"], guest["transport"], guest["family"]) == ("media-2", "udp", 4)
    assert copy["node_id"] == "media-1"
    assert board["sessions"][0] == host
    assert board["more_sessions"] == 0
    one, other = board["items"]
    assert (one["publishers"], other["viewers"], one["most_sessions"], one["draining"]) == (1, 1, 2000, False)
    assert "internal_url" not in one

    # when a node dies
    nodes[1].child.kill()

    # then it is first seen not to answer, while its lease lasts, and the other is as before
    board = await desk.sees(lambda board: states(board) == {"media-1": "ok", "media-2": "no_answer"})
    assert [session["kind"] for session in of_kind(board, "publisher")] == ["publisher"]
    assert of_kind(board, "viewer") == []
    await desk.sees(lambda board: states(board) == {"media-1": "ok"})


async def test_without_nodes_the_page_is_empty(operator: Page) -> None:
    assert await operator.ask("GET", PATH) == (200, {"items": [], "streams": [], "sessions": [], "more_sessions": 0})


async def test_hosts_viewers_and_strangers_may_not_look(stall: Stall, new_page: NewPage) -> None:
    # given
    host, stranger = new_page(), new_page()
    await host.sign_in("zhanghong", PASSWORD)

    # when
    refused, unknown = await host.ask("GET", PATH), await stranger.ask("GET", PATH)

    # then
    assert (refused[0], refused[1]["code"]) == (403, "not_allowed")
    assert (unknown[0], unknown[1]["code"]) == (401, "sign_in_required")
