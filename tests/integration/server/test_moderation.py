"""Keeping order in a room over HTTP and Socket.IO: rules, words, mutes, bans, helpers, review, and the log of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest_asyncio

from config.settings import ServerSettings
from server.accounts.model import Role, User
from server.errors import DomainError
from tests.harness.app import Json, Page, RunningServer, running_server
from tests.integration.server.conftest import PASSWORD, Stall

NewPage = Callable[[], Page]
Settings = Callable[[type[ServerSettings]], ServerSettings]


@pytest_asyncio.fixture
async def people(server: RunningServer, stall: Stall) -> dict[str, User]:
    """Two viewers, and an operator."""
    register = server.services.accounts.register
    return {
        "liming": await register("liming", PASSWORD, "李明", None),
        "wangfang": await register("wangfang", PASSWORD, "王芳", None),
        "guanli": await register("guanli", PASSWORD, "供销社", None, roles=frozenset({Role.OPERATOR})),
    }


async def joined(new_page: NewPage, name: str | None = None) -> Page:
    page = new_page()
    if name:
        await page.sign_in(name, PASSWORD)
    await page.connect()
    ack = await page.say("join", slug="zhang")
    assert ack["ok"], ack
    return page


async def desk(page: Page) -> Json:
    status, body = await page.ask("GET", "/api/rooms/zhang/moderation")
    assert status == 200, body
    return body


async def set_rules(page: Page, **rules: object) -> None:
    status, body = await page.ask("PATCH", "/api/rooms/zhang/moderation/rules", rules)
    assert status == 200, body


async def test_a_muted_viewer_hears_and_says_nothing_until_it_is_lifted(
    people: dict[str, User], new_page: NewPage
) -> None:
    # given
    host, viewer = await joined(new_page, "zhanghong"), await joined(new_page, "liming")
    muted = people["liming"].id

    # when
    ack = await host.say("mute", user_id=muted, minutes=10, reason="广告")

    # then
    assert ack["data"]["sanction"]["reason"] == "广告"
    told = await viewer.hear("sanction")
    assert (told["sanction"]["kind"], told["lifted"]) == ("mute", False)
    assert (await viewer.say("chat", text="你好"))["error"] == "muted"
    assert (await viewer.say("join", slug="zhang"))["data"]["me"]["mute"]["kind"] == "mute"
    assert [item["user_name"] for item in (await desk(host))["sanctions"]] == ["李明"]
    assert (await host.say("lift", user_id=muted, kind="mute"))["ok"]
    assert (await viewer.hear("sanction"))["lifted"]
    assert (await viewer.say("chat", text="你好"))["ok"]


async def test_a_banned_viewer_is_kept_out_and_his_words_are_gone(people: dict[str, User], new_page: NewPage) -> None:
    # given
    host, viewer = await joined(new_page, "zhanghong"), await joined(new_page, "liming")
    await viewer.say("chat", text="加我")
    await host.hear("chat")

    # when
    banned = people["liming"].id
    assert (await host.say("ban", user_id=banned, minutes=None, clear=True))["ok"]

    # then
    assert (await host.hear("chat_cleared"))["author_id"] == banned
    await viewer.hear("missed")
    assert (await viewer.say("chat", text="你好"))["error"] == "not_joined"
    assert (await viewer.say("join", slug="zhang"))["error"] == "banned"
    assert (await host.say("join", slug="zhang"))["data"]["chat"] == []


async def test_two_who_change_different_rules_at_once_both_have_their_way(
    people: dict[str, User], new_page: NewPage
) -> None:
    # given
    first, second = await joined(new_page, "zhanghong"), await joined(new_page, "zhanghong")

    for number in range(10):
        # when
        await asyncio.gather(
            set_rules(first, slow_mode_seconds=number), set_rules(second, followers_only=number % 2 == 0)
        )

        # then
        rules = (await desk(first))["rules"]
        assert (rules["slow_mode_seconds"], rules["followers_only"]) == (number, number % 2 == 0)


async def test_what_a_banned_viewer_said_a_moment_ago_is_not_told_after_it_was_cleared(
    server: RunningServer, people: dict[str, User], new_page: NewPage, load_settings: Settings
) -> None:
    # given: he speaks at another server than the host
    host = await joined(new_page, "zhanghong")
    async with (
        running_server(load_settings(ServerSettings).model_copy(update={"server_port": 0})) as second,
        Page.open(second.url) as viewer,
    ):
        await viewer.sign_in("liming", PASSWORD)
        await viewer.connect()
        await viewer.say("join", slug="zhang")

        # when his words are gone before they were told
        assert (await viewer.say("chat", text="加我微信"))["ok"]
        await host.say("ban", user_id=people["liming"].id, minutes=None, clear=True)
        await host.hear("chat_cleared")
        while not host.heard["chat"].empty():  # on a slow machine they were told before that
            host.heard["chat"].get_nowait()
        await (await joined(new_page, "wangfang")).say("chat", text="橙子甜不甜")

        # then
        while (told := (await host.hear("chat"))["messages"])[-1]["author_name"] != "王芳":
            assert "李明" not in [line["author_name"] for line in told]


async def test_a_ban_for_a_time_ends_by_itself(
    server: RunningServer, people: dict[str, User], new_page: NewPage
) -> None:
    # given
    host = await joined(new_page, "zhanghong")
    viewer = await joined(new_page, "liming")
    await host.say("ban", user_id=people["liming"].id, minutes=1)
    await viewer.hear("missed")

    # when the minute is over
    sanctions = server.services.database["sanctions"]
    now = server.services.clock.now()
    await sanctions.update_many({}, {"$set": {"until": now}})

    # then
    assert (await viewer.say("join", slug="zhang"))["ok"]
    assert (await viewer.say("chat", text="我回来了"))["ok"]
    assert (await desk(host))["sanctions"] == []


async def test_staff_can_neither_be_muted_nor_does_a_viewer_mute(people: dict[str, User], new_page: NewPage) -> None:
    host, viewer = await joined(new_page, "zhanghong"), await joined(new_page, "liming")
    target = people["wangfang"].id
    assert (await viewer.say("mute", user_id=target, minutes=1))["error"] == "not_allowed"
    assert (await host.say("mute", user_id=people["guanli"].id, minutes=1))["error"] == "target_is_staff"
    assert (await host.say("mute", user_id="nobody", minutes=1))["error"] == "not_found"
    assert (await host.say("mute", user_id=target, minutes=0))["error"] == "bad_request"
    assert (await host.say("mute", user_id=target, minutes=1, everywhere=True))["error"] == "not_allowed"
    assert (await host.say("lift", user_id=target, kind="mute"))["error"] == "not_found"
    assert (await viewer.ask("GET", "/api/rooms/zhang/moderation"))[1]["code"] == "not_allowed"
    assert (await viewer.ask("GET", "/api/operators/words"))[1]["code"] == "not_allowed"


async def test_an_operator_bans_in_all_rooms(
    server: RunningServer, stall: Stall, people: dict[str, User], new_page: NewPage
) -> None:
    other = await server.services.accounts.register("lisi", PASSWORD, "李四", None, roles=frozenset({Role.HOST}))
    await server.services.rooms.open(other, "other", "别的房间", stall.room.merchant_id)
    operator, viewer = await joined(new_page, "guanli"), await joined(new_page, "liming")
    assert (await operator.say("ban", user_id=people["liming"].id, minutes=None, everywhere=True))["ok"]
    assert (await viewer.say("join", slug="other"))["error"] == "banned"


async def test_slow_mode_holds_over_two_servers(
    load_settings: Callable[[type[ServerSettings]], ServerSettings],
    server: RunningServer,
    people: dict[str, User],
    new_page: NewPage,
) -> None:
    # given a second server on the same data
    host, viewer = await joined(new_page, "zhanghong"), await joined(new_page, "liming")
    await set_rules(host, slow_mode_seconds=30)
    assert (await viewer.hear("rules"))["rules"]["slow_mode_seconds"] == 30
    settings = load_settings(ServerSettings).model_copy(update={"server_port": 0})
    async with running_server(settings) as second, Page.open(second.url) as elsewhere:
        await elsewhere.sign_in("liming", PASSWORD)
        await elsewhere.connect()
        await elsewhere.say("join", slug="zhang")

        # when, then
        assert (await viewer.say("chat", text="一"))["ok"]
        assert (await elsewhere.say("chat", text="二"))["error"] == "slow_mode"
    assert (await host.say("chat", text="主播"))["ok"]
    assert (await host.say("chat", text="不等"))["ok"]


async def test_only_followers_write_where_the_host_wants_it(people: dict[str, User], new_page: NewPage) -> None:
    host, viewer = await joined(new_page, "zhanghong"), await joined(new_page, "liming")
    await set_rules(host, followers_only=True)
    assert (await viewer.say("chat", text="你好"))["error"] == "followers_only"
    assert await viewer.ask("PUT", "/api/rooms/zhang/follow") == (200, {"following": True, "followers": 1})
    assert (await viewer.say("chat", text="你好"))["ok"]
    snapshot = (await viewer.say("join", slug="zhang"))["data"]
    assert (snapshot["me"]["following"], snapshot["followers"]) == (True, 1)
    assert await viewer.ask("DELETE", "/api/rooms/zhang/follow") == (200, {"following": False, "followers": 0})


async def test_links_are_for_staff_unless_the_host_allows_them(people: dict[str, User], new_page: NewPage) -> None:
    host, viewer = await joined(new_page, "zhanghong"), await joined(new_page, "liming")
    assert (await viewer.say("chat", text="看 ｗｗｗ．ａ．ｃｏｍ"))["error"] == "links_not_allowed"
    assert (await host.say("chat", text="看 www.yueyang.cn"))["ok"]
    await set_rules(host, links_from_staff_only=False)
    assert (await viewer.say("chat", text="看 www.a.com"))["ok"]


async def test_forbidden_words_of_the_room_and_of_the_platform(people: dict[str, User], new_page: NewPage) -> None:
    # given
    host, viewer = await joined(new_page, "zhanghong"), await joined(new_page, "liming")
    operator = new_page()
    await operator.sign_in("guanli", PASSWORD)

    # when
    own = {"words": [{"word": "骗子", "action": "refuse"}, {"word": "微信", "action": "hold"}]}
    assert (await host.ask("PUT", "/api/rooms/zhang/moderation/words", own))[0] == 200
    platform = {"words": [{"word": "假药"}]}
    assert (await operator.ask("PUT", "/api/operators/words", platform))[1]["words"][0]["action"] == "refuse"

    # then
    assert (await viewer.say("chat", text="騙 子"))["error"] == "words_not_allowed"
    assert (await viewer.say("chat", text="假.药"))["error"] == "words_not_allowed"
    assert (await viewer.say("chat", text="加微信"))["data"]["held"]
    assert [entry["word"] for entry in (await desk(host))["words"]] == ["骗子", "微信"]


async def test_what_waits_is_seen_by_staff_alone_until_it_is_let_through(
    people: dict[str, User], new_page: NewPage
) -> None:
    # given
    host, viewer = await joined(new_page, "zhanghong"), await joined(new_page, "liming")
    watcher = await joined(new_page)
    await set_rules(host, review_first=True)

    # when
    first = (await viewer.say("chat", text="第一"))["data"]
    second = (await viewer.say("chat", text="第二"))["data"]

    # then
    assert first["held"]
    assert second["held"]
    assert (await host.hear("held"))["message"]["text"] == "第一"
    assert [message["text"] for message in (await desk(host))["held"]] == ["第一", "第二"]
    assert (await watcher.say("join", slug="zhang"))["data"]["chat"] == []
    assert (await viewer.say("review", id=first["message"]["id"], show=True))["error"] == "not_allowed"
    assert (await host.say("review", id=first["message"]["id"], show=True))["ok"]
    assert (await host.say("review", id=second["message"]["id"], show=False))["ok"]
    assert (await host.say("review", id=second["message"]["id"], show=True))["error"] == "not_found"
    assert [message["text"] for message in (await watcher.hear("chat"))["messages"]] == ["第一"]
    assert await viewer.hear("reviewed") == {"id": first["message"]["id"], "shown": True}
    assert (await desk(host))["held"] == []
    assert watcher.heard["held"].empty()


async def test_a_helper_keeps_order_for_the_host_and_stops_when_told(
    people: dict[str, User], new_page: NewPage
) -> None:
    # given
    host, helper = await joined(new_page, "zhanghong"), await joined(new_page, "wangfang")
    viewer = await joined(new_page, "liming")

    # when
    path = "/api/rooms/zhang/moderation/helpers"
    status, named = await host.ask("POST", path, {"name": "wangfang"})

    # then
    assert (status, named["name"]) == (201, "王芳")
    assert (await helper.hear("room_role"))["role"] == "helper"
    assert (await helper.say("join", slug="zhang"))["data"]["me"]["role"] == "helper"
    assert (await helper.say("chat", text="我来帮忙"))["data"]["message"]["author_role"] == "helper"
    assert (await helper.say("mute", user_id=people["liming"].id, minutes=5))["ok"]
    assert (await host.say("mute", user_id=named["user_id"], minutes=5))["error"] == "target_is_staff"
    assert (await helper.ask("POST", path, {"user_id": people["liming"].id}))[1]["code"] == "not_allowed"
    assert (await helper.ask("GET", "/api/rooms/zhang/moderation/log"))[1]["code"] == "not_allowed"
    assert (await host.ask("POST", path, {"name": "wangfang"}))[1]["code"] == "already_staff"
    assert (await host.ask("POST", path, {"name": "nobody"}))[1]["code"] == "not_found"
    assert (await host.ask("DELETE", f"{path}/{named['user_id']}"))[0] == 204
    assert (await helper.hear("room_role"))["role"] == "viewer"
    await set_rules(host, review_first=True)
    assert (await helper.say("lift", user_id=people["liming"].id, kind="mute"))["error"] == "not_allowed"
    assert (await helper.say("join", slug="zhang"))["data"]["me"]["role"] == "viewer"
    assert (await host.say("lift", user_id=people["liming"].id, kind="mute"))["ok"]
    assert (await viewer.say("chat", text="等一等"))["data"]["held"]
    assert helper.heard["held"].empty()


async def test_every_act_is_in_the_log_with_who_whom_when_and_why(people: dict[str, User], new_page: NewPage) -> None:
    # given
    host, viewer = await joined(new_page, "zhanghong"), await joined(new_page, "liming")
    message = (await viewer.say("chat", text="便宜卖"))["data"]["message"]

    # when
    await host.say("delete_chat", id=message["id"], reason="广告")
    await host.say("mute", user_id=message["author_id"], minutes=60, reason="再三广告")
    await set_rules(host, slow_mode_seconds=5)
    await host.ask("PUT", "/api/rooms/zhang/announcement", {"text": "今晚八点抽奖"})

    # then
    assert (await viewer.hear("announcement"))["announcement"]["text"] == "今晚八点抽奖"
    status, log = await host.ask("GET", "/api/rooms/zhang/moderation/log")
    assert status == 200
    acts = [(item["act"], item["target_name"], item["subject"], item["reason"]) for item in log["items"]]
    assert acts == [
        ("announce", None, "今晚八点抽奖", ""),
        ("rules", None, "slow_mode_seconds=5", ""),
        ("mute", "李明", "", "再三广告"),
        ("delete", "李明", "便宜卖", "广告"),
    ]
    assert {(item["actor_name"], item["actor_role"]) for item in log["items"]} == {("张红", "host")}
    older = f"/api/rooms/zhang/moderation/log?before={log['items'][0]['id']}"
    assert [item["act"] for item in (await host.ask("GET", older))[1]["items"]] == ["rules", "mute", "delete"]
    operator = new_page()
    await operator.sign_in("guanli", PASSWORD)
    assert len((await operator.ask("GET", "/api/operators/moderation-log"))[1]["items"]) == 4


async def test_many_accounts_behind_one_address_are_slowed_together(
    load_settings: Callable[[type[ServerSettings]], ServerSettings], server: RunningServer, people: dict[str, User]
) -> None:
    # given a server behind a proxy, with little patience
    changes = {"server_port": 0, "trusted_proxy_hops": 1, "acts_per_address": "3/minute"}
    settings = load_settings(ServerSettings).model_copy(update=changes)
    async with running_server(settings) as behind_proxy:

        async def said(name: str, address: str) -> list[str]:
            async with Page.open(behind_proxy.url) as page:
                page.http.headers["X-Forwarded-For"] = address
                await page.sign_in(name, PASSWORD)
                await page.connect()
                await page.say("join", slug="zhang")
                return [(await page.say("chat", text="你好")).get("error", "ok") for _ in range(2)]

        # when, then
        assert await said("liming", "203.0.113.9") == ["ok", "ok"]
        assert await said("wangfang", "203.0.113.9") == ["ok", "too_many_requests"]
        assert await said("wangfang", "203.0.113.10") == ["ok", "ok"]


async def test_one_person_is_slowed_over_two_services(
    server: RunningServer, people: dict[str, User], stall: Stall
) -> None:
    async def say() -> str:
        try:
            await server.services.chat.say(people["liming"], stall.room.id, "你好", "127.0.0.1")
        except DomainError as error:
            return error.code
        return "ok"

    answers = [await say() for _ in range(25)]
    assert answers == ["ok"] * 20 + ["too_many_requests"] * 5


async def test_operators_see_who_is_out_of_all_rooms_and_let_him_in_again(
    people: dict[str, User], new_page: NewPage
) -> None:
    # given
    operator, viewer, host = [await joined(new_page, name) for name in ("guanli", "liming", "zhanghong")]
    banned = people["liming"].id
    assert (await operator.say("ban", user_id=banned, minutes=None, reason="骗人", everywhere=True))["ok"]
    assert (await host.say("mute", user_id=people["wangfang"].id, minutes=5))["ok"]
    await viewer.hear("missed")

    # when, then: only what holds everywhere, and only for operators
    status, listed = await operator.ask("GET", "/api/operators/sanctions")
    found = [(item["user_name"], item["kind"], item["everywhere"], item["reason"]) for item in listed["items"]]
    assert (status, found) == (200, [("李明", "ban", True, "骗人")])
    assert (await host.ask("GET", "/api/operators/sanctions"))[0] == 403
    path = f"/api/operators/sanctions/ban/{banned}"
    assert (await host.ask("DELETE", path))[0] == 403
    assert (await operator.ask("DELETE", path))[0] == 204
    assert (await operator.ask("DELETE", path))[0] == 404
    assert (await viewer.say("join", slug="zhang"))["ok"]

    # and the log of all rooms says where each was done
    _, log = await operator.ask("GET", "/api/operators/moderation-log")
    lines = [(item["act"], item["room"] and item["room"]["slug"], item["target_name"]) for item in log["items"]]
    assert lines[-3:] == [("lift_ban", None, "李明"), ("mute", "zhang", "王芳"), ("ban", "zhang", "李明")]
