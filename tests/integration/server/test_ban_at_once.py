"""A ban takes effect at once: on every server, for pages that do not leave by themselves, also when no event came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest_asyncio

from config.settings import ServerSettings
from server.accounts.model import Role, User
from server.infra.announce import room_channel
from tests.harness.app import Page, RunningServer, running_server
from tests.integration.server.conftest import PASSWORD, Stall

NewPage = Callable[[], Page]


@pytest_asyncio.fixture
async def viewer(server: RunningServer, stall: Stall) -> User:
    """李明, who will be banned."""
    return await server.services.accounts.register("liming", PASSWORD, "李明", None)


@pytest_asyncio.fixture
async def elsewhere(
    server: RunningServer, load_settings: Callable[[type[ServerSettings]], ServerSettings]
) -> AsyncIterator[RunningServer]:
    """A second server of the same platform."""
    settings = load_settings(ServerSettings).model_copy(update={"server_port": 0})
    async with running_server(settings) as second:
        yield second


async def come(page: Page, name: str, slug: str = "zhang") -> Page:
    await page.sign_in(name, PASSWORD)
    await page.connect()
    ack = await page.say("join", slug=slug)
    assert ack["ok"], ack
    return page


async def test_pages_of_a_banned_person_leave_the_room_on_every_server(
    server: RunningServer, elsewhere: RunningServer, stall: Stall, viewer: User, new_page: NewPage
) -> None:
    # given: his pages on both servers, of which none does what `sanction` asks for
    host = await come(new_page(), "zhanghong")
    async with Page.open(elsewhere.url) as far:
        pages = [await come(new_page(), "liming"), await come(far, "liming")]
        while (await host.hear("viewers"))["count"] != 2:
            pass

        # when
        assert (await host.say("ban", user_id=viewer.id, minutes=None))["ok"]

        # then: he is counted no more, hears nothing of the room and says nothing in it
        while (await host.hear("viewers"))["count"] != 0:
            pass
        for page in pages:
            await page.hear("missed")
        await server.services.announcer.tell(room_channel(stall.room.id), "likes", {"total": 7})
        while (await host.hear("likes"))["total"] != 7:
            pass
        for page in pages:
            assert (await page.say("chat", text="我还在"))["error"] == "not_joined"
            assert (await page.say("join", slug="zhang"))["error"] == "banned"
            assert page.heard["likes"].empty()


async def test_a_ban_everywhere_reaches_pages_in_other_rooms_but_not_a_host_in_his_own(
    server: RunningServer, stall: Stall, viewer: User, new_page: NewPage
) -> None:
    # given: 王芳 has a room of her own, in which 李明 is; she watches 张红
    services = server.services
    await services.accounts.register("guanli", PASSWORD, "供销社", None, roles=frozenset({Role.OPERATOR}))
    roles = frozenset({Role.VIEWER, Role.HOST})
    other_host = await services.accounts.register("wangfang", PASSWORD, "王芳", None, roles=roles)
    merchant = await services.catalog.add_merchant("君山茶社", "")
    await services.rooms.open(other_host, "wang", "君山银针", merchant.id)
    operator = await come(new_page(), "guanli")
    away, watching, at_home = (
        await come(new_page(), "liming", "wang"),
        await come(new_page(), "wangfang"),
        await come(new_page(), "wangfang", "wang"),
    )

    # when
    for user in (viewer, other_host):
        assert (await operator.say("ban", user_id=user.id, minutes=60, everywhere=True))["ok"]

    # then
    await away.hear("missed")
    await watching.hear("missed")
    assert (await away.say("chat", text="你好"))["error"] == "not_joined"
    assert (await watching.say("chat", text="你好"))["error"] == "not_joined"
    assert (await at_home.say("chat", text="自己家"))["ok"]


async def test_a_ban_of_which_no_event_came_is_found_by_the_sweep(
    server: RunningServer, stall: Stall, viewer: User, new_page: NewPage
) -> None:
    # given a ban that another process wrote before it died
    page = await come(new_page(), "liming")
    now = server.services.clock.now()
    fields = {"user_name": "李明", "until": None, "reason": "", "by_id": "x", "by_name": "张红", "at": now}
    where = {"room_id": stall.room.id, "user_id": viewer.id, "kind": "ban"}
    key = f"{stall.room.id}:{viewer.id}:ban"
    await server.services.database["sanctions"].insert_one({"_id": key, **where, **fields})

    # when, then
    await page.hear("missed")
    assert (await page.say("chat", text="我还在"))["error"] == "not_joined"


async def test_nobody_slips_in_who_joins_while_he_is_banned(
    server: RunningServer, stall: Stall, viewer: User, new_page: NewPage
) -> None:
    # given
    host, pages = await come(new_page(), "zhanghong"), [new_page() for _ in range(8)]
    for page in pages:
        await page.sign_in("liming", PASSWORD)
        await page.connect()

    # when all come at the very moment
    acks = await asyncio.gather(
        host.say("ban", user_id=viewer.id, minutes=None), *(page.say("join", slug="zhang") for page in pages)
    )

    # then whoever was let in is out again
    for page, ack in zip(pages, acks[1:], strict=True):
        if ack["ok"]:
            await page.hear("missed")
        assert (await page.say("chat", text="我进来了"))["error"] == "not_joined"
