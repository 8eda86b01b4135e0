"""What clients must not do: each gets a clear answer or is cut off, and others in the room notice nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from server.accounts.model import Role
from server.ids import new_id
from server.infra.allowance import FLOOD_DEBT
from server.infra.announce import room_channel
from server.infra.packets import NAMESPACE
from server.rooms.model import Room
from server.wiring import Services, open_services
from tests.harness.data_servers import DataServers, Environment
from tests.harness.platform import settings_of
from tests.harness.processes import running
from tests.harness.raw_page import WAIT_SECONDS, RawPage, Refused

CONNECTIONS_PER_ADDRESS = 40
TOO_BIG = (1009).to_bytes(2, "big")  # the payload of a WebSocket's close frame begins with its code
ROOM = NAMESPACE.encode()
SOCKET_IO = "/socket.io/?EIO=4&transport=polling"


@dataclass(frozen=True, slots=True)
class Server:
    """One server process."""

    url: str
    environment: Environment


@pytest.fixture(scope="module")
def server(data_servers: DataServers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server behind one proxy, for all tests of this file; each test has a room of its own."""
    folder: Path = tmp_path_factory.mktemp("abused")
    environment = {
        **data_servers.new_environment(folder),
        "CONNECTIONS_PER_ADDRESS": str(CONNECTIONS_PER_ADDRESS),
        "TRUSTED_PROXY_HOPS": "1",
    }
    with running(environment, folder, "server"):
        yield Server(f"http://127.0.0.1:{environment['SERVER_PORT']}", environment)
    data_servers.forget(environment)


@dataclass(frozen=True, slots=True)
class Scene:
    """A room with somebody in it who behaves well."""

    url: str
    services: Services
    room: Room
    neighbour: RawPage

    async def page(self) -> RawPage:
        """Somebody else in the room."""
        return await RawPage.join(self.url, self.room.slug)

    async def is_unharmed(self) -> None:
        """What the room is told still comes, and questions are still answered."""
        mark = new_id()
        await self.services.announcer.tell(room_channel(self.room.id), "chat_deleted", {"id": mark})
        while mark.encode() not in await self.neighbour.until(b'42/room,["chat_deleted"'):
            pass
        assert (await self.neighbour.ask("join", slug=self.room.slug))["ok"]


@pytest_asyncio.fixture
async def scene(server: Server) -> AsyncIterator[Scene]:
    """A fresh room."""
    settings = settings_of(server.environment)
    async with open_services(settings, with_sockets=False) as services, AsyncExitStack() as end:
        own, roles = new_id(), frozenset({Role.VIEWER, Role.HOST})
        host = await services.accounts.register(f"host{own}", "a long password", "张红", None, roles=roles)
        merchant = await services.catalog.add_merchant(f"合作社 {own}", "")
        room = await services.rooms.open(host, f"room-{own}", "冰糖橙开园", merchant.id)
        neighbour = await RawPage.join(server.url, room.slug)
        end.push_async_callback(neighbour.close)
        yield Scene(server.url, services, room, neighbour)


async def is_cut_off(page: RawPage) -> None:
    """The server hangs up."""
    with pytest.raises((EOFError, ConnectionError)):
        await page.until(b"never")
    await page.close()


async def test_a_message_of_a_megabyte_ends_its_sender_only(scene: Scene) -> None:
    offender = await scene.page()
    payload = b'42/room,5["chat",{"text":"%s"}]' % (b"x" * 1_000_000)
    offender.writer.write(b"\x81\xff" + len(payload).to_bytes(8, "big") + b"\0\0\0\0" + payload)
    assert await offender.until(TOO_BIG)
    await is_cut_off(offender)
    await scene.is_unharmed()


async def test_a_thousand_events_a_second_are_refused_and_then_cut_off(scene: Scene) -> None:
    offender = await scene.page()
    for number in range(1000):
        offender.send(b'42/room,%d["like",{"count":1}]' % (number + 100))
    refused = await offender.until(b'43/room,161[{"ok":false,')
    assert b'"error":"too_many_requests"' in refused
    await is_cut_off(offender)
    await scene.is_unharmed()


async def test_whoever_floods_with_what_is_no_event_is_cut_off_too(scene: Scene) -> None:
    for packet in (b"40/room,", b"40/other,", b"3", b"41/other,", b'45100000000-/room,["x"]', b"6"):
        offender = await RawPage.connect(scene.url)
        for _ in range(5 * FLOOD_DEBT):
            offender.send(packet)
        await is_cut_off(offender)
    await scene.is_unharmed()


async def test_bytes_are_refused_and_not_kept(scene: Scene) -> None:
    # given: an event that announces attachments without end
    offender = await scene.page()
    offender.send(b'459999999999-/room,7["chat",{"text":{"_placeholder":true,"num":0}}]')
    assert b'"error":"bad_request"' in await offender.until(b"43/room,7[")

    # when: they come
    for _ in range(20):
        offender.writer.write(b"\x82\xfe" + (30_000).to_bytes(2, "big") + b"\0\0\0\0" + b"x" * 30_000)

    # then: they are not taken for the attachments, and he may go on
    assert (await offender.ask("like", count=1))["ok"]
    await offender.close()
    await scene.is_unharmed()


ODD_EVENTS = (
    (b'["no_such_event",{}]', "bad_request"),
    (b'["chat",{"text":"x"}]', "sign_in_required"),
    (b'["chat"]', "bad_request"),
    (b'["chat",{"text":"\\ud83c"}]', "bad_request"),
    (b'["chat",%s]' % (b"[" * 10_000 + b"]" * 10_000), "bad_request"),
    (b'["chat",' + b'{"a":' * 5_000, "bad_request"),
    (b"[]", "bad_request"),
    (b"[1,{}]", "bad_request"),
    (b"{}", "bad_request"),
    (b"", "bad_request"),
    (b'["like",{"count":-1}]', "bad_request"),
    (b'["like",{"count":1.5}]', "bad_request"),
    (b'["like",{"count":NaN}]', "bad_request"),
    (b'["like",{"count":1e999}]', "bad_request"),
    (b'["like",{"count":%s}]' % (b"9" * 5_000), "bad_request"),
    (b'["join",{"slug":"zhang","after":"1"}]', "bad_request"),
    (b'["join",{"slug":"zhang","after":0}]', "bad_request"),
    (b'["join",{"slug":"nowhere"}]', "not_found"),
    (b'["order",{"lines":[{"sale_id":"x","quantity":1}],"request_id":"r"}]', "sign_in_required"),
)


async def test_an_odd_event_gets_a_coded_answer(scene: Scene) -> None:
    page = await scene.page()
    for event, code in ODD_EVENTS:
        answer = await page.ask_raw(event)
        assert (event[:60], answer["ok"], answer["error"]) == (event[:60], False, code)
    await page.close()


async def test_events_before_connecting_to_the_namespace_and_before_joining_get_a_coded_answer(scene: Scene) -> None:
    page = await RawPage.connect(scene.url)
    assert (await page.ask("like", count=1))["error"] == "not_joined"
    page.send(b"40/room,")
    await page.until(b"40/room,{")
    assert (await page.ask("like", count=1))["error"] == "not_joined"
    page.send(b"40/room,")  # a second time
    assert await page.until(b"44/room,")
    assert (await page.ask("join", slug=scene.room.slug))["ok"]
    await page.close()


async def test_what_is_no_packet_ends_its_sender_only(scene: Scene) -> None:
    for packet in (b"", b"x", b"9", b"b!!", "四".encode(), b"\xff\xfe"):
        offender = await scene.page()
        offender.send(packet)
        await is_cut_off(offender)
    await scene.is_unharmed()


async def test_one_address_has_so_many_connections_and_others_still_come(scene: Scene) -> None:
    # given: one address takes all that it may
    greedy = [
        await RawPage.connect(scene.url, headers="X-Forwarded-For: 203.0.113.9\r\n")
        for _ in range(CONNECTIONS_PER_ADDRESS)
    ]

    # then: it gets no more, by polling neither
    with pytest.raises(Refused) as refused:
        await RawPage.connect(scene.url, headers="X-Forwarded-For: 203.0.113.9\r\n")
    assert refused.value.status == 429
    headers = {"X-Forwarded-For": "203.0.113.9"}
    async with aiohttp.ClientSession() as http, http.get(scene.url + SOCKET_IO, headers=headers) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (429, "too_many_requests")

    # and others come, also from this machine
    other = await RawPage.connect(scene.url, headers="X-Forwarded-For: 203.0.113.10\r\n")
    await other.close()
    await scene.is_unharmed()

    # when: one of them goes, another one may come
    await greedy.pop().close()
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                greedy.append(await RawPage.connect(scene.url, headers="X-Forwarded-For: 203.0.113.9\r\n"))
                break
            except Refused:
                await asyncio.sleep(0.05)
    for page in greedy:
        await page.close()


async def test_a_body_that_comes_one_letter_at_a_time_is_given_up(scene: Scene) -> None:
    # given: a page that polls
    async with aiohttp.ClientSession() as http, http.get(scene.url + SOCKET_IO) as opened:
        sid = json.loads((await opened.text())[1:])["sid"]
    host, port = scene.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST {SOCKET_IO}&sid={sid} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5000\r\n\r\n"
    writer.write(head.encode())

    # when
    async def trickle() -> None:
        while True:
            writer.write(b"4")
            await asyncio.sleep(0.2)

    trickling = asyncio.create_task(trickle())

    # then
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), WAIT_SECONDS)
    assert answer.startswith(b"HTTP/1.1 408")
    trickling.cancel()
    await asyncio.gather(trickling, return_exceptions=True)
    writer.close()
    await writer.wait_closed()
    await scene.is_unharmed()
