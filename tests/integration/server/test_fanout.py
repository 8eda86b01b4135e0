"""How what a room is told travels: several servers, pages that come back, poll, don't read, or misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import socketio
from yarl import URL

from dongting.child import Child
from dongting.ports import free_ports, ports_named_in
from server.accounts.model import Role, User
from server.http import SESSION_COOKIE
from server.ids import new_id
from server.infra.announce import room_channel
from server.infra.packets import NAMESPACE
from server.rooms.model import Room
from server.wiring import Services, open_services
from tests.harness.app import Json, Page
from tests.harness.data_servers import DataServers, Environment
from tests.harness.platform import settings_of
from tests.harness.processes import running
from tests.harness.raw_page import RawPage

PASSWORD = "a long password"
WAIT_SECONDS = 20.0
VIEWER = frozenset({Role.VIEWER})
HOST = VIEWER | {Role.HOST}


@dataclass(frozen=True, slots=True)
class Platform:
    """Two server processes with one room, and the services in the test's hands."""

    urls: tuple[str, str]
    services: Services
    room: Room
    people: dict[str, User]
    servers: tuple[Child, Child]


@dataclass(frozen=True, slots=True)
class Servers:
    """Two server processes."""

    urls: tuple[str, str]
    children: tuple[Child, Child]
    environment: Environment


@contextmanager
def two_servers(environment: Environment, folder: Path) -> Iterator[list[tuple[str, Child]]]:
    """Two processes on one Redis and one MongoDB."""
    ports = free_ports(2, ports_named_in(environment))
    folders = [folder / "one", folder / "two"]
    for each in folders:
        each.mkdir()
    environments = [{**environment, "SERVER_PORT": str(port)} for port in ports]
    with running(environments[0], folders[0], "server") as one, running(environments[1], folders[1], "server") as two:
        yield [(f"http://127.0.0.1:{ports[0]}", one["server"]), (f"http://127.0.0.1:{ports[1]}", two["server"])]


@pytest.fixture(scope="module")
def servers(data_servers: DataServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Two servers for all tests of this file; each test has a room of its own."""
    folder = tmp_path_factory.mktemp("servers")
    environment = data_servers.new_environment(folder)
    with two_servers(environment, folder) as ((first, one), (second, two)):
        yield Servers((first, second), (one, two), environment)
    data_servers.forget(environment)


@pytest_asyncio.fixture
async def platform(servers: Servers) -> AsyncIterator[Platform]:
    """The servers with a room, and people who can sign in."""
    async with open_services(settings_of(servers.environment), with_sockets=False) as services:
        own, people = new_id(), {}
        for name, roles in (("zhanghong", HOST), ("liming", VIEWER), ("wangfang", VIEWER)):
            people[name] = await services.accounts.register(f"{name[:5]}{own}", PASSWORD, name, None, roles=roles)
        merchant = await services.catalog.add_merchant(f"合作社 {own}", "")
        room = await services.rooms.open(people["zhanghong"], f"room-{own}", "冰糖橙开园", merchant.id)
        yield Platform(servers.urls, services, room, people, servers.children)


@pytest_asyncio.fixture
async def come(platform: Platform) -> AsyncIterator[Callable[..., Any]]:
    """Opens a page on a server and joins; answers the page and the ack's data."""
    async with AsyncExitStack() as stack:

        async def one(url: str, name: str | None = None, **fields: object) -> tuple[Page, Json]:
            page = await stack.enter_async_context(Page.open(url))
            if name:
                token = await platform.services.accounts.open_session(platform.people[name])
                page.http.cookie_jar.update_cookies({SESSION_COOKIE: token}, URL(url))
            await page.connect()
            ack = await page.say("join", slug=platform.room.slug, **fields)
            assert ack["ok"], ack
            return page, ack["data"]

        yield one


async def texts(page: Page, count: int) -> list[str]:
    """The next chat texts that a page hears."""
    found: list[str] = []
    while len(found) < count:
        found += [message["text"] for message in (await page.hear("chat"))["messages"]]
    return found


async def test_all_servers_tell_a_room_in_the_same_order_without_a_hole(
    platform: Platform, come: Callable[..., Any]
) -> None:
    # given: a speaker and a listener on each of two servers
    speakers = [(await come(platform.urls[0], "liming"))[0], (await come(platform.urls[1], "wangfang"))[0]]
    listeners = [(await come(url))[0] for url in platform.urls]

    # when: both speak at once, and a worker tells the room something as well
    async def speak(page: Page, who: str) -> None:
        for number in range(15):
            assert (await page.say("chat", text=f"{who}{number}"))["ok"]

    async def tell() -> None:
        for number in range(20):
            await platform.services.announcer.tell(room_channel(platform.room.id), "likes", {"total": number})

    await asyncio.gather(speak(speakers[0], "甲"), speak(speakers[1], "乙"), tell())

    # then
    heard = [await texts(page, 30) for page in listeners]
    assert heard[0] == heard[1]
    assert sorted(heard[0]) == sorted(f"{who}{number}" for who in "甲乙" for number in range(15))
    common = [page.numbers for page in listeners]
    assert all(numbers == list(range(numbers[0], numbers[-1] + 1)) for numbers in common)


async def test_who_comes_back_hears_what_he_missed_also_from_another_server(
    platform: Platform, come: Callable[..., Any]
) -> None:
    # given
    speaker, _ = await come(platform.urls[0], "liming")
    await come(platform.urls[0])
    watcher, snapshot = await come(platform.urls[0])
    await speaker.say("chat", text="听得到吗")
    await watcher.hear("chat")
    last = watcher.numbers[-1]
    assert last > snapshot["n"]

    # when: his connection breaks, the talk goes on, and another server takes him
    await watcher.socket.disconnect()
    channel = room_channel(platform.room.id)
    for total in (1, 2, 3):
        await platform.services.announcer.tell(channel, "likes", {"total": total})
    await platform.services.announcer.tell(channel, "chat_deleted", {"id": "x"})
    again, resumed = await come(platform.urls[1], after=last)

    # then: all that was said, of the totals the newest, each with its number
    told = [entry for entry in resumed["missed"] if entry[0] != "viewers"]
    assert [(event, data) for event, data, _ in told] == [("likes", {"total": 3}), ("chat_deleted", {"id": "x"})]
    assert resumed["n"] == resumed["missed"][-1][2] > last
    assert "chat" not in resumed

    # and what follows has no hole
    await speaker.say("chat", text="欢迎回来")
    await again.hear("chat")
    assert again.numbers[0] == resumed["n"] + 1


@pytest.mark.parametrize("after", [1, 9_000_000_000_000])
async def test_who_was_away_too_long_or_names_a_number_nobody_knows_gets_the_snapshot(
    platform: Platform, come: Callable[..., Any], after: int
) -> None:
    await platform.services.announcer.tell(room_channel(platform.room.id), "likes", {"total": 1})
    _, answer = await come(platform.urls[0], after=after)
    assert "missed" not in answer
    assert answer["room"]["slug"] == platform.room.slug
    assert answer["n"] > 1


async def test_a_page_that_polls_hears_the_same(platform: Platform, come: Callable[..., Any]) -> None:
    # given
    speaker, _ = await come(platform.urls[1], "liming")
    heard: asyncio.Queue[tuple[Json, int]] = asyncio.Queue()
    async with aiohttp.ClientSession() as http:
        poller = socketio.AsyncClient(reconnection=False, http_session=http)

        async def hear(data: Json, number: int) -> None:
            heard.put_nowait((data, number))

        poller.on("chat", hear, namespace=NAMESPACE)
        await poller.connect(platform.urls[0], namespaces=[NAMESPACE], transports=["polling"])
        ack = await poller.call("join", {"slug": platform.room.slug}, namespace=NAMESPACE)

        # when
        await speaker.say("chat", text="你们好")

        # then
        data, number = await asyncio.wait_for(heard.get(), WAIT_SECONDS)
        assert [message["text"] for message in data["messages"]] == ["你们好"]
        assert number > ack["data"]["n"]
        await poller.shutdown()


async def test_rooms_go_on_through_a_restart_of_redis(
    platform: Platform, come: Callable[..., Any], data_servers: DataServers
) -> None:
    # given
    speaker, _ = await come(platform.urls[0], "liming")
    near, _ = await come(platform.urls[0])
    far, _ = await come(platform.urls[1])
    await speaker.say("chat", text="一")
    assert await texts(near, 1) == await texts(far, 1) == ["一"]
    before = far.numbers[-1]

    # when: Redis is gone, whoever is on the speaker's server still hears him
    redis = data_servers.child("redis")
    redis.kill()
    try:
        assert (await speaker.say("chat", text="二"))["ok"]
        assert await texts(near, 1) == ["二"]
    finally:
        redis.start()
        redis.wait_ready()

    # then: when it is back, all hear each other again, and numbers go on
    async def heard_again() -> None:
        for number in range(100):
            await platform.services.announcer.tell(
                room_channel(platform.room.id), "chat_deleted", {"id": f"again {number}"}
            )
            if not any(page.heard["chat_deleted"].empty() for page in (near, far)):
                return
            await asyncio.sleep(0.1)
        raise AssertionError("a server hears nothing of the others")

    await heard_again()
    await speaker.say("chat", text="三")
    assert [(await texts(page, 1))[-1] for page in (near, far)] == ["三", "三"]
    assert far.numbers[-1] > before
    assert far.numbers == sorted(set(far.numbers))


async def test_a_page_that_does_not_read_is_left_out_and_then_fills_the_gap(
    platform: Platform, come: Callable[..., Any]
) -> None:
    # given: a page that stops reading
    reading, _ = await come(platform.urls[0])
    async with await RawPage.join(platform.urls[0], platform.room.slug) as slow:
        slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
        read_before = slow.bytes_read
        channel = room_channel(platform.room.id)

        # when: 4 MB are told
        size, count = 20_000, 200
        for number in range(count):
            await platform.services.announcer.tell(channel, "chat_deleted", {"id": f"{number:06}" + "x" * size})

        # then: the others hear all of it…
        ids = [(await reading.hear("chat_deleted"))["id"][:6] for _ in range(count)]
        assert ids == [f"{number:06}" for number in range(count)]

        # …for it only a bounded part waited, and it is told that it missed the rest
        slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert await slow.until(b'42/room,["missed",') == b'42/room,["missed",{}]'
        assert slow.bytes_read - read_before < 1_000_000

        # …from here on it hears everything again, and can ask
        await platform.services.announcer.tell(channel, "likes", {"total": 7})
        last = await slow.until(b'42/room,["likes",{"total":7}')
        number = int(last.rstrip(b"]").rsplit(b",", 1)[1])
        answer = (await slow.ask("join", slug=platform.room.slug, after=number - 3))["data"]
        assert {entry[0] for entry in answer["missed"]} <= {"chat_deleted", "likes", "viewers"}
        assert answer["n"] >= number


async def test_pages_that_come_and_go_all_the_time_disturb_nobody(
    platform: Platform, come: Callable[..., Any]
) -> None:
    # given
    staying, _ = await come(platform.urls[0])
    channel = room_channel(platform.room.id)
    done = asyncio.Event()

    async def come_and_go() -> None:
        while not done.is_set():
            page = await RawPage.join(platform.urls[0], platform.room.slug)
            await page.close()

    # when: the room is told things while twelve at a time join and drop their connections without a word
    going = [asyncio.create_task(come_and_go()) for _ in range(12)]
    for number in range(300):
        await platform.services.announcer.tell(channel, "chat_deleted", {"id": str(number)})
        await asyncio.sleep(0.005)
    done.set()
    await asyncio.gather(*going)

    # then
    assert [(await staying.hear("chat_deleted"))["id"] for _ in range(300)] == [str(number) for number in range(300)]
    assert "event could not be told" not in platform.servers[0].last_words()
