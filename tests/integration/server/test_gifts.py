"""Coupons and lucky draws in a room: quotas hold, nobody gets two, and a draw can be checked afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

from tests.harness.app import Json, Page, RunningServer
from tests.integration.server.conftest import PASSWORD, Stall
from tests.integration.server.test_room import joined

NewPage = Callable[[], Page]
TERMS = {"value_fen": 500, "min_total_fen": 3000, "quota": 3, "minutes": 10}


async def people(server: RunningServer, new_page: NewPage, count: int) -> list[Page]:
    pages = []
    for number in range(count):
        await server.services.accounts.register(f"viewer{number}", PASSWORD, f"乡亲{number}", None)
        pages.append((await joined(new_page, f"viewer{number}"))[0])
    return pages


async def test_of_six_who_press_three_get_a_coupon_and_nobody_two(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    host, _ = await joined(new_page, "zhanghong")
    viewers = await people(server, new_page, 6)
    drop = (await host.say("drop_coupons", **TERMS))["data"]["drop"]
    assert (await viewers[0].hear("coupon_drop"))["drop"]["left"] == 3

    # when all press twice
    acks = await asyncio.gather(
        *(viewer.say("take_coupon", drop_id=drop["id"]) for viewer in viewers for _ in range(2))
    )

    # then
    got = [ack["data"]["coupon"] for ack in acks if ack["ok"]]
    assert len(got) == 3
    assert {ack["error"] for ack in acks if not ack["ok"]} <= {"coupon_taken", "coupons_gone"}
    kept = [coupon async for coupon in server.services.database["coupons"].find()]
    assert len({coupon["user_id"] for coupon in kept}) == len(kept) == 3
    while (await viewers[0].hear("coupon_drop"))["drop"]["left"] > 0:
        pass
    mine = [(await viewer.ask("GET", "/api/coupons"))[1]["items"] for viewer in viewers]
    assert sorted(len(items) for items in mine) == [0, 0, 0, 1, 1, 1]


async def test_coupons_are_dropped_by_the_host_one_drop_at_a_time(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    host, _ = await joined(new_page, "zhanghong")
    (viewer,) = await people(server, new_page, 1)
    assert (await viewer.say("drop_coupons", **TERMS))["error"] == "not_allowed"
    assert (await host.say("drop_coupons", **{**TERMS, "min_total_fen": 500}))["error"] == "bad_request"
    assert (await host.say("drop_coupons", **{**TERMS, "quota": 1.5}))["error"] == "bad_request"
    drop = (await host.say("drop_coupons", **TERMS))["data"]["drop"]
    assert (await host.say("drop_coupons", **TERMS))["error"] == "drop_running"
    assert (await viewer.say("join", slug="zhang"))["data"]["coupon_drop"]["mine"] == 0
    assert (await host.say("close_coupons", drop_id=drop["id"]))["ok"]
    assert (await viewer.say("take_coupon", drop_id=drop["id"]))["error"] == "coupons_gone"
    assert (await viewer.say("take_coupon", drop_id="none"))["error"] == "not_found"
    assert (await viewer.say("join", slug="zhang"))["data"]["coupon_drop"] is None
    assert (await host.say("drop_coupons", **TERMS))["ok"]


async def test_of_drops_that_a_host_begins_at_one_moment_on_several_devices_one_counts(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given a room that has had one before
    devices = [(await joined(new_page, "zhanghong"))[0] for _ in range(4)]
    first = (await devices[0].say("drop_coupons", **TERMS))["data"]["drop"]
    await devices[0].say("close_coupons", drop_id=first["id"])

    # when
    acks = await asyncio.gather(*(device.say("drop_coupons", **TERMS) for device in devices))

    # then
    assert sorted(ack.get("error", "") for ack in acks) == ["", *["drop_running"] * 3]
    assert await server.services.database["coupon_drops"].count_documents({"room_id": stall.room.id}) == 2


async def test_a_drop_of_a_server_whose_clock_is_ahead_does_not_bar_the_next_ones(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given a drop whose id is greater than any that comes
    host, _ = await joined(new_page, "zhanghong")
    drop = (await host.say("drop_coupons", **TERMS))["data"]["drop"]
    assert (await host.say("close_coupons", drop_id=drop["id"]))["ok"]
    drops = server.services.database["coupon_drops"]
    kept = await drops.find_one_and_delete({"_id": drop["id"]})
    assert kept is not None
    await drops.insert_one({**kept, "_id": "f" * 24})
    # when others follow, each closed before the next
    for _ in range(2):
        ack = await host.say("drop_coupons", **TERMS)
        # then
        assert ack["ok"]
        assert (await host.say("join", slug="zhang"))["data"]["coupon_drop"]["id"] == ack["data"]["drop"]["id"]
        assert (await host.say("close_coupons", drop_id=ack["data"]["drop"]["id"]))["ok"]


async def test_a_draw_is_promised_drawn_and_checked(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    # given
    host, _ = await joined(new_page, "zhanghong")
    viewers = await people(server, new_page, 4)
    opened = (await host.say("open_draw", title="五斤冰糖橙", places=2, minutes=5))["data"]["draw"]
    assert (opened["seed"], opened["state"]) == (None, "open")
    assert (await host.say("open_draw", title="再来", places=1))["error"] == "draw_running"

    # when all enter, twice
    acks = await asyncio.gather(
        *(viewer.say("enter_draw", draw_id=opened["id"]) for viewer in viewers for _ in range(2))
    )
    assert all(ack["ok"] for ack in acks)
    assert len({ack["data"]["draw"]["my_ticket"] for ack in acks}) == 4
    assert (await host.say("enter_draw", draw_id=opened["id"]))["error"] == "staff_cannot_win"
    assert (await viewers[0].say("draw_now", draw_id=opened["id"]))["error"] == "not_allowed"
    assert (await viewers[0].ask("GET", f"/api/draws/{opened['id']}"))[1]["tickets"] == []
    assert (await host.say("draw_now", draw_id=opened["id"]))["ok"]

    # then anybody can check it
    assert (await viewers[0].say("enter_draw", draw_id=opened["id"]))["error"] == "draw_closed"
    assert (await host.say("draw_now", draw_id=opened["id"]))["error"] == "draw_closed"
    status, drawn = await new_page().ask("GET", f"/api/draws/{opened['id']}")
    assert (status, drawn["state"], len(drawn["winners"]), drawn["entered"]) == (200, "drawn", 2, 4)
    assert sha256(drawn["seed"].encode()).hexdigest() == opened["commitment"] == drawn["commitment"]
    assert [winner["ticket"] for winner in drawn["winners"]] == computed(drawn)
    assert {ack["data"]["draw"]["my_ticket"] for ack in acks} == set(drawn["tickets"])
    while (told := (await viewers[0].hear("draw"))["draw"])["state"] != "drawn":
        pass
    assert told["winners"] == drawn["winners"]


def computed(drawn: Json) -> list[str]:
    """Who wins by the words of PROTOCOL.md."""
    tickets = sorted(drawn["tickets"])
    entries = sha256("\n".join(tickets).encode()).hexdigest()
    assert entries == drawn["entries"]
    scores = {ticket: sha256(f"{drawn['seed']}:{entries}:{ticket}".encode()).hexdigest() for ticket in tickets}
    return sorted(tickets, key=scores.__getitem__)[: drawn["places"]]


async def test_a_draw_whose_time_is_over_is_drawn_by_itself_also_after_a_crash(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given a draw that nobody entered, and one whose server died while drawing
    host, _ = await joined(new_page, "zhanghong")
    (viewer,) = await people(server, new_page, 1)
    draws = server.services.database["draws"]
    first = (await host.say("open_draw", title="空"))["data"]["draw"]

    # when
    past = server.services.clock.now() - timedelta(seconds=1)
    await draws.update_one({"_id": first["id"]}, {"$set": {"closes_at": past}})

    # then
    while (told := (await viewer.hear("draw"))["draw"])["state"] != "drawn":
        pass
    assert told["winners"] == []
    second = (await host.say("open_draw", title="橙子"))["data"]["draw"]
    await viewer.say("enter_draw", draw_id=second["id"])
    await draws.update_one({"_id": second["id"]}, {"$set": {"state": "closing"}})
    while (told := (await viewer.hear("draw"))["draw"])["state"] != "drawn":
        pass
    assert [winner["name"] for winner in told["winners"]] == ["乡亲0"]
