"""Questions, polls and cards in a room over Socket.IO."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tests.harness.app import Page, RunningServer
from tests.integration.server.conftest import PASSWORD, Stall
from tests.integration.server.test_room import go_live, joined, registered_viewer

NewPage = Callable[[], Page]


async def test_a_question_is_asked_answered_and_pinned(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    await registered_viewer(server)
    host, _ = await joined(new_page, "zhanghong")
    viewer, _ = await joined(new_page, "liming")
    watcher, _ = await joined(new_page)

    # when
    first = (await viewer.say("ask", text="几天能到？"))["data"]["question"]
    second = (await viewer.say("ask", text="甜不甜？"))["data"]["question"]

    # then
    assert (await watcher.hear("question"))["question"]["text"] == "几天能到？"
    assert (await watcher.hear("question"))["question"]["state"] == "open"
    assert (await viewer.say("pin_question", id=first["id"]))["error"] == "not_allowed"
    assert (await host.say("pin_question", id=first["id"]))["data"]["question"]["pinned"]
    assert (await host.say("pin_question", id=second["id"]))["ok"]
    told = [(await watcher.hear("question"))["question"] for _ in range(3)]
    assert [(item["id"], item["pinned"]) for item in told] == [
        (first["id"], True),
        (first["id"], False),
        (second["id"], True),
    ]
    answered = (await host.say("answer", id=second["id"], text="甜，十四度"))["data"]["question"]
    assert (answered["state"], answered["answer"], answered["answered_by"]) == ("answered", "甜，十四度", "张红")
    assert (await host.say("delete_question", id=first["id"]))["ok"]
    assert await watcher.hear("question_deleted") == {"id": first["id"]}
    assert (await host.say("answer", id=first["id"]))["error"] == "not_found"
    _, snapshot = await joined(new_page)
    assert [(item["text"], item["pinned"], item["answer"]) for item in snapshot["questions"]] == [
        ("甜不甜？", True, "甜，十四度")
    ]


async def test_questions_follow_the_rules_of_the_chat(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    await registered_viewer(server)
    host, _ = await joined(new_page, "zhanghong")
    viewer, _ = await joined(new_page, "liming")
    watcher, _ = await joined(new_page)
    await host.ask("PATCH", "/api/rooms/zhang/moderation/rules", {"review_first": True})
    assert (await watcher.say("ask", text="甜吗"))["error"] == "sign_in_required"
    assert (await viewer.say("ask", text="看 www.a.com"))["error"] == "links_not_allowed"
    held = (await viewer.say("ask", text="甜吗"))["data"]
    assert held["held"]
    assert (await host.hear("question"))["question"]["state"] == "held"
    assert (await joined(new_page))[1]["questions"] == []
    assert (await host.say("show_question", id=held["question"]["id"]))["ok"]
    assert (await watcher.hear("question"))["question"]["state"] == "open"


async def test_everybody_votes_once_and_sees_the_counts(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    names = ("liming", "wangfang", "zhaolei")
    for name in names:
        await server.services.accounts.register(name, PASSWORD, name, None)
    host, _ = await joined(new_page, "zhanghong")
    voters = [(await joined(new_page, name))[0] for name in names]
    watcher, _ = await joined(new_page)

    # when
    poll = (await host.say("open_poll", question="下次播什么？", options=["茶园", "鱼塘"]))["data"]["poll"]
    choices = (0, 1, 1)
    acks = await asyncio.gather(
        *(
            page.say("vote", poll_id=poll["id"], option=option)
            for page, option in zip(voters, choices, strict=True)
            for _ in range(3)
        )
    )

    # then
    assert sum(ack["ok"] for ack in acks) == 3
    assert {ack["error"] for ack in acks if not ack["ok"]} == {"voted_already"}
    while (told := (await watcher.hear("poll"))["poll"])["votes"] < 3:
        pass
    assert [option["votes"] for option in told["options"]] == [1, 2]
    assert "my_option" not in told
    assert (await voters[0].say("join", slug="zhang"))["data"]["poll"]["my_option"] == 0
    assert (await watcher.say("vote", poll_id=poll["id"], option=0))["error"] == "sign_in_required"
    assert (await voters[0].say("close_poll", poll_id=poll["id"]))["error"] == "not_allowed"
    assert (await host.say("open_poll", question="再来", options=["好", "不"]))["error"] == "poll_running"
    assert (await host.say("close_poll", poll_id=poll["id"]))["data"]["poll"]["votes"] == 3
    assert (await host.say("close_poll", poll_id=poll["id"]))["error"] == "not_found"
    assert (await host.say("vote", poll_id=poll["id"], option=0))["error"] == "poll_closed"
    assert (await host.say("open_poll", question="再来", options=["好", "不"]))["ok"]


async def test_a_room_that_votes_at_one_moment_has_its_votes_counted_once_for_all(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    await registered_viewer(server)
    host, _ = await joined(new_page, "zhanghong")
    poll = (await host.say("open_poll", question="下次播什么？", options=["茶园", "鱼塘"]))["data"]["poll"]
    services = server.services
    one = await services.accounts.get_by_name("liming")
    people = [replace(one, id=f"{one.id}-{number}") for number in range(60)]

    async def counted() -> int:
        told = await services.database.command("serverStatus")
        return int(told["metrics"]["commands"]["aggregate"]["total"])

    # when
    before = await counted()
    acks = await asyncio.gather(
        *(services.talk.polls.vote(person, stall.room.id, poll["id"], 1, "") for person in people)
    )

    # then
    assert await counted() - before < len(people) // 2
    assert all(ack["votes"] >= 1 for ack in acks)
    assert (await host.say("close_poll", poll_id=poll["id"]))["data"]["poll"]["votes"] == len(people)


async def test_a_poll_has_a_question_and_different_options(stall: Stall, new_page: NewPage) -> None:
    host, _ = await joined(new_page, "zhanghong")
    for options in (["一个"], ["同", "同 "], ["好", ""], ["好", "长" * 21], list("一二三四五六七")):
        assert (await host.say("open_poll", question="？", options=options))["error"] == "bad_request"
    poll = (await host.say("open_poll", question="甜吗", options=["甜", "不甜"]))["data"]["poll"]
    assert (await host.say("vote", poll_id=poll["id"], option=2))["error"] == "bad_request"
    assert (await host.say("vote", poll_id="none", option=0))["error"] == "not_found"


async def test_a_card_tells_price_sold_out_and_whether_the_host_talks_about_it(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    host, _ = await joined(new_page, "zhanghong")
    viewer, _ = await joined(new_page)
    assert (await host.say("explain", explaining=True))["error"] == "not_live"
    await go_live(server, stall)
    await viewer.hear("stream")
    assert (await host.say("explain", explaining=True))["error"] == "not_found"

    # when, then
    await host.say("pin", product_id=stall.product.id)
    card = (await viewer.hear("card"))["card"]
    assert (card["explaining"], card["sold_out"], card["lesson"]) == (True, False, None)
    assert (await viewer.say("explain", explaining=False))["error"] == "sign_in_required"
    assert (await host.say("explain", explaining=False))["ok"]
    assert (await viewer.hear("card"))["card"]["explaining"] is False
    path = f"/api/my/products/{stall.product.id}"
    await host.ask("PATCH", path, {"price_fen": 2990})
    assert (await viewer.hear("card"))["card"]["product"]["price_fen"] == 2990
    await host.ask("PATCH", path, {"stock": 0, "stock_was": 100})
    card = (await viewer.hear("card"))["card"]
    assert (card["sold_out"], card["explaining"]) == (True, False)
