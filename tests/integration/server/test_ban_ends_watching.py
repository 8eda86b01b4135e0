"""Who is banned watches no more: a server, two media nodes, and players that do not leave by themselves."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from config.objects import S3Objects
from media.passes import CLOCKS_APART_SECONDS
from server.accounts.model import Role, User
from server.rooms.model import stream_key
from tests.harness.app import Json, Page, RunningServer
from tests.harness.data_servers import Environment
from tests.harness.processes import MediaProcess, running_media
from tests.integration.media.clients import Client, publisher, until, viewer
from tests.integration.server.conftest import PASSWORD, Stall

NewPage = Callable[[], Page]


@dataclass(slots=True)
class Media:
    """Two nodes, and clients of theirs that are closed with the test."""

    nodes: list[MediaProcess]
    http: aiohttp.ClientSession
    clients: list[Client] = field(default_factory=list)

    def host(self, key: str) -> Client:
        """The host, at the first node."""
        self.clients.append(publisher(self.http, f"{self.nodes[0].url}/whip/zhang", key))
        return self.clients[-1]

    def viewer(self, node: int, shown: str | None) -> Client:
        """A player at a node, who shows a pass if he has one."""
        query = "" if shown is None else f"?pass={shown}"
        self.clients.append(viewer(self.http, f"{self.nodes[node].url}/whep/zhang{query}"))
        return self.clients[-1]

    async def watch(self, node: int, shown: str | None) -> Client:
        """A player who sees."""
        client = self.viewer(node, shown)
        assert await client.connect() == 201
        await client.sees(video=3)
        return client

    async def refusal(self, node: int, shown: str) -> Json:
        """What a node says to who wants to play with this pass."""
        client = self.viewer(node, shown)
        headers = {"Content-Type": "application/sdp"}
        async with self.http.post(client.url, data=await client.offer(), headers=headers) as response:
            found: Json = await response.json(content_type=None)
            return found


@pytest.fixture
def nodes(environment: Environment, server: RunningServer, tmp_path: Path) -> Iterator[list[MediaProcess]]:
    """Two media nodes whose hook is the server's."""
    environment["AUTHORIZE_URL"] = f"{server.url}/internal/publish"
    with running_media(environment, tmp_path, 2) as processes:
        yield processes


@pytest_asyncio.fixture
async def media(nodes: list[MediaProcess], objects: S3Objects) -> AsyncIterator[Media]:
    """The nodes with clients."""
    async with aiohttp.ClientSession() as http:
        made = Media(nodes, http)
        yield made
        for client in made.clients:
            await client.vanish()


@pytest_asyncio.fixture
async def liming(server: RunningServer, stall: Stall) -> User:
    """李明, who will be banned."""
    return await server.services.accounts.register("liming", PASSWORD, "李明", None)


async def come(page: Page, name: str) -> str:
    """Sign in and join; answers the pass."""
    await page.sign_in(name, PASSWORD)
    await page.connect()
    return await rejoin(page)


async def rejoin(page: Page) -> str:
    """Join, perhaps again; answers the pass."""
    ack = await page.say("join", slug="zhang")
    assert ack["ok"], ack
    shown: str = ack["data"]["me"]["pass"]
    return shown


def is_over(client: Client) -> bool:
    """Whether the node has closed this player's connection."""
    return client.pc.connectionState in ("closed", "failed")


async def go_live(server: RunningServer, stall: Stall, media: Media) -> None:
    secret = server.services.settings.internal_secret.get_secret_value()
    host = media.host(stream_key(secret, stall.room))
    assert await host.connect() == 201
    room = "/api/rooms/zhang"
    async with Page.open(server.url) as page:
        states: list[str] = []
        while "live" not in states:
            states.append((await page.ask("GET", room))[1]["state"])


@pytest.mark.parametrize("everywhere", [False, True], ids=["from the room", "from all rooms"])
async def test_a_ban_ends_what_its_person_watches_on_every_node_and_nothing_else(
    server: RunningServer, stall: Stall, liming: User, media: Media, new_page: NewPage, everywhere: bool
) -> None:
    # given: he watches at both nodes; so do a stranger and somebody else
    services = server.services
    operators = frozenset({Role.OPERATOR})
    await services.accounts.register("guanli", PASSWORD, "供销社", None, roles=operators)
    await services.accounts.register("wangfang", PASSWORD, "王芳", None)
    staff, his_page = new_page(), new_page()
    await come(staff, "guanli" if everywhere else "zhanghong")
    his, hers = await come(his_page, "liming"), await come(new_page(), "wangfang")
    await go_live(server, stall, media)
    his_players = [await media.watch(0, his), await media.watch(1, his)]
    others = [await media.watch(1, hers), await media.watch(1, None)]

    # when
    assert (await staff.say("ban", user_id=liming.id, minutes=60, everywhere=everywhere))["ok"]

    # then
    await until(lambda: all(map(is_over, his_players)), "the end of what he watches", seconds=5)
    for node in (0, 1):
        assert (await media.refusal(node, his))["code"] == "banned"
    async with media.http.get(f"{media.nodes[1].url}/hls/zhang/index.m3u8?pass={his}") as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (403, "banned")
    for other in others:
        await other.sees(video=10)


async def test_who_is_let_in_again_watches_with_the_pass_of_his_next_join(
    server: RunningServer, stall: Stall, liming: User, media: Media, new_page: NewPage
) -> None:
    # given a ban that covers the passes of so far, of which the nodes were told by the sweep alone
    host, page = new_page(), new_page()
    await come(host, "zhanghong")
    await go_live(server, stall, media)
    player = await media.watch(1, await come(page, "liming"))
    before = await rejoin(page)
    covered_until = int(before.split(".")[2]) / 1000 + 0.1
    at = datetime.fromtimestamp(covered_until - CLOCKS_APART_SECONDS, UTC)
    where = {"room_id": stall.room.id, "user_id": liming.id, "kind": "ban", "at": at}
    fields = {"user_name": "李明", "until": None, "reason": "", "by_id": "x", "by_name": "张红"}
    key = f"{stall.room.id}:{liming.id}:ban"
    await server.services.database["sanctions"].insert_one({"_id": key, **where, **fields})
    await until(lambda: is_over(player), "the sweep's word")
    await until(lambda: time.time() > covered_until, "a pass that is later")

    # when
    assert (await host.say("lift", user_id=liming.id, kind="ban"))["ok"]
    after = await rejoin(page)

    # then
    assert (await media.refusal(1, before))["code"] == "banned"
    await media.watch(1, after)


async def test_strangers_have_no_pass(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    page = new_page()
    await page.connect()
    assert (await page.say("join", slug="zhang"))["data"]["me"]["pass"] is None
