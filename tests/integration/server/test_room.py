"""A room over HTTP and Socket.IO: broadcasts begin and end, chat, likes, cards, viewers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from server.rooms.model import stream_key
from server.streams.model import StreamState
from tests.harness.app import Json, Page, RunningServer
from tests.integration.server.conftest import PASSWORD, Stall

NewPage = Callable[[], Page]


async def go_live(server: RunningServer, stall: Stall) -> str:
    """What a media node does when a host goes live, over the real hook and the real bus."""
    services = server.services
    secret = services.settings.internal_secret.get_secret_value()
    page = Page.open(server.url)
    async with page:
        status, body = await page.ask(
            "POST",
            "/internal/publish",
            {"slug": stall.room.slug, "key": stream_key(secret, stall.room), "node_id": "media-1"},
            headers={"Authorization": f"Bearer {secret}"},
        )
    assert status == 200, body
    await report(server, "publisher_joined", body, session_id="x", video_codec="H264", audio_codec="opus")
    return str(body["stream_id"])


async def report(server: RunningServer, event: str, stream: Json, **fields: object) -> None:
    """What a media node says on the bus."""
    common = {"stream_id": stream["stream_id"], "room_id": stream["room_id"], "node_id": "media-1"}
    at = server.services.clock.now().isoformat()
    await server.services.bus.publish_event(event, {**common, "at": at, **fields})


async def joined(new_page: NewPage, name: str | None = None) -> tuple[Page, Json]:
    page = new_page()
    if name:
        await page.sign_in(name, PASSWORD)
    await page.connect()
    ack = await page.say("join", slug="zhang")
    assert ack["ok"], ack
    return page, ack["data"]


async def test_a_room_keeps_its_title_whatever_a_page_sends(stall: Stall, new_page: NewPage) -> None:
    page, _ = await joined(new_page, "zhanghong")
    for title in (None, "", "  ", 7, "橙" * 41):
        status, body = await page.ask("PATCH", "/api/my/room", {"title": title})
        assert (status, body["code"]) == (400, "bad_request"), title
    assert (await page.ask("GET", "/api/my/room"))[1]["title"] == stall.room.title


async def registered_viewer(server: RunningServer, name: str = "liming") -> None:
    await server.services.accounts.register(name, PASSWORD, "李明", None)


async def test_a_broadcast_begins_is_interrupted_and_ends_before_the_rooms_eyes(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    page, snapshot = await joined(new_page)
    assert snapshot["room"]["state"] == "idle"

    # when, then
    stream_id = await go_live(server, stall)
    body = {"stream_id": stream_id, "room_id": stall.room.id}
    assert (await page.hear("stream"))["stream"]["state"] == "live"
    await report(server, "publisher_left", body, reason="vanished")
    assert (await page.hear("stream"))["stream"]["state"] == "interrupted"
    await report(server, "publisher_joined", body)
    assert (await page.hear("stream"))["stream"]["state"] == "live"
    await report(server, "stream_ended", body, reason="deleted", duration_ms=1000)
    assert (await page.hear("stream"))["stream"]["state"] == "ended"
    assert (await server.services.streams.get(stream_id)).state is StreamState.ENDED


async def test_a_live_room_comes_first_on_the_home_page(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    other = await server.services.accounts.register("lisi", PASSWORD, "李四", None)
    await server.services.rooms.open(other, "aaa", "第一个房间", stall.room.merchant_id)

    # when
    page, _ = await joined(new_page)
    await go_live(server, stall)
    await page.hear("stream")

    # then
    _, body = await page.ask("GET", "/api/rooms")
    assert [(item["slug"], item["state"]) for item in body["items"]] == [("zhang", "live"), ("aaa", "idle")]


async def test_only_a_merchants_own_rooms_are_named_to_who_asks_for_them(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given: another merchant with a room
    other = await server.services.accounts.register("lisi", PASSWORD, "李四", None)
    farm = await server.services.catalog.add_merchant("湘阴茶场", "")
    await server.services.rooms.open(other, "aaa", "第一个房间", farm.id)

    # when
    page = new_page()
    answers = [await page.ask("GET", f"/api/rooms?merchant_id={one}") for one in (farm.id, "nobody", "")]

    # then
    assert [[item["slug"] for item in body["items"]] for _, body in answers[:2]] == [["aaa"], []]
    assert len(answers[2][1]["items"]) == 2


async def test_a_wrong_key_and_a_wrong_room_are_refused(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    page = new_page()
    headers = {"Authorization": f"Bearer {server.services.settings.internal_secret.get_secret_value()}"}
    ask = {"slug": "zhang", "key": "wrong", "node_id": "media-1"}
    status, body = await page.ask("POST", "/internal/publish", ask, headers=headers)
    assert (status, body["code"]) == (403, "key_wrong")
    status, body = await page.ask("POST", "/internal/publish", {**ask, "slug": "nowhere"}, headers=headers)
    assert (status, body["code"]) == (404, "unknown_room")
    status, body = await page.ask("POST", "/internal/publish", ask)
    assert (status, body["code"]) == (403, "not_allowed")


async def test_chat_reaches_the_room_and_late_comers_see_it(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    await registered_viewer(server)
    watcher, _ = await joined(new_page)
    speaker, _ = await joined(new_page, "liming")

    # when
    ack = await speaker.say("chat", text="  橙子 甜吗？ ")

    # then
    assert ack["data"]["message"]["text"] == "橙子 甜吗？"
    assert [m["text"] for m in (await watcher.hear("chat"))["messages"]] == ["橙子 甜吗？"]
    _, snapshot = await joined(new_page)
    assert [(m["author_name"], m["author_role"]) for m in snapshot["chat"]] == [("李明", "viewer")]


async def test_chat_needs_a_sign_in_a_room_and_a_sensible_text(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    await registered_viewer(server)
    nobody, _ = await joined(new_page)
    assert (await nobody.say("chat", text="你好"))["error"] == "sign_in_required"
    viewer = new_page()
    await viewer.sign_in("liming", PASSWORD)
    await viewer.connect()
    assert (await viewer.say("chat", text="你好"))["error"] == "not_joined"
    assert (await viewer.say("join", slug="nowhere"))["error"] == "not_found"
    await viewer.say("join", slug="zhang")
    assert (await viewer.say("chat", text=" "))["error"] == "bad_request"
    assert (await viewer.say("chat", text=5))["error"] == "bad_request"
    assert (await viewer.say("no_such_event"))["error"] == "bad_request"


async def test_only_the_host_deletes_a_message(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    # given
    await registered_viewer(server)
    viewer, _ = await joined(new_page, "liming")
    host, _ = await joined(new_page, "zhanghong")
    message_id = (await viewer.say("chat", text="广告"))["data"]["message"]["id"]

    # when, then
    assert (await viewer.say("delete_chat", id=message_id))["error"] == "not_allowed"
    assert (await host.say("delete_chat", id=message_id))["ok"]
    assert await viewer.hear("chat_deleted") == {"id": message_id}
    assert (await host.say("delete_chat", id=message_id))["error"] == "not_found"


async def test_likes_are_told_as_a_total(stall: Stall, new_page: NewPage) -> None:
    first, _ = await joined(new_page)
    second, _ = await joined(new_page)
    await first.say("like", count=3)
    await second.say("like", count=4)
    assert await first.hear("likes") == {"total": 7}
    assert (await first.say("like", count=100))["error"] == "bad_request"


async def test_viewers_are_counted_without_the_host(stall: Stall, new_page: NewPage) -> None:
    # given
    host, snapshot = await joined(new_page, "zhanghong")
    assert snapshot["viewers"] == 0

    # when
    viewer, _ = await joined(new_page)

    # then
    assert await host.hear("viewers") == {"count": 1}
    await viewer.socket.disconnect()
    assert await host.hear("viewers") == {"count": 0}


async def test_a_pinned_card_is_seen_and_becomes_a_moment(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    viewer, _ = await joined(new_page)
    host, _ = await joined(new_page, "zhanghong")
    assert (await host.say("pin", product_id=stall.product.id))["error"] == "not_live"
    stream_id = await go_live(server, stall)
    await viewer.hear("stream")

    # when
    ack = await host.say("pin", product_id=stall.product.id)

    # then
    assert ack["ok"], ack
    assert (await viewer.hear("card"))["card"]["product"]["name"] == "冰糖橙"
    _, snapshot = await joined(new_page)
    assert snapshot["card"]["product"]["id"] == stall.product.id
    assert (await host.say("unpin"))["ok"]
    assert await viewer.hear("card") == {"card": None}
    moments = await server.services.cards.moments_of(stream_id)
    assert [moment.title for moment in moments] == ["冰糖橙"]
    assert moments[0].end_ms is not None


async def test_who_goes_back_in_a_broadcast_is_told_what_was_shown_when(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given two cards, one after the other, and a sale that was closed
    viewer, _ = await joined(new_page)
    host, _ = await joined(new_page, "zhanghong")
    stream_id = await go_live(server, stall)
    await viewer.hear("stream")
    first = (await host.say("pin", product_id=stall.product.id))["data"]["card"]
    terms = {"product_id": stall.product.id, "price_fen": 990, "quantity": 2, "per_buyer": 1, "duration_seconds": 60}
    _, sale = await host.ask("POST", "/api/my/room/sales", terms)
    await host.ask("POST", f"/api/sales/{sale['id']}/close")
    second = (await host.say("pin", product_id=stall.product.id))["data"]["card"]
    await host.ask("PATCH", f"/api/my/products/{stall.product.id}", {"price_fen": 1880})

    # when
    _, cards = await viewer.ask("GET", f"/api/streams/{stream_id}/cards")
    _, sales = await viewer.ask("GET", f"/api/streams/{stream_id}/sales")

    # then each has its span, the first ends where the second begins, and they are at today's price
    spans = [(card["pinned_at"], card["unpinned_at"]) for card in cards["items"]]
    assert spans == [(first["pinned_at"], second["pinned_at"]), (second["pinned_at"], None)]
    assert [card["product"]["price_fen"] for card in cards["items"]] == [1880, 1880]
    assert [(found["id"], found["state"], found["available"]) for found in sales["items"]] == [
        (sale["id"], "closed", 0)
    ]
    assert sales["items"][0]["closes_at"] <= second["pinned_at"]
    for noun in ("cards", "sales"):
        assert (await viewer.ask("GET", f"/api/streams/none/{noun}"))[1].get("code") == "not_found", noun


async def test_a_viewer_cannot_pin(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    await registered_viewer(server)
    await go_live(server, stall)
    viewer, _ = await joined(new_page, "liming")
    assert (await viewer.say("pin", product_id=stall.product.id))["error"] == "not_allowed"


async def test_a_socket_that_floods_is_refused_while_others_go_on(stall: Stall, new_page: NewPage) -> None:
    flooder, _ = await joined(new_page)
    other, _ = await joined(new_page)
    acks = [await flooder.say("like", count=1) for _ in range(100)]
    assert any(ack.get("error") == "too_many_requests" for ack in acks)
    assert (await other.say("like", count=1))["ok"]


async def test_the_stream_key_is_for_the_host_only_and_can_be_renewed(
    stall: Stall, server: RunningServer, new_page: NewPage
) -> None:
    # given
    await registered_viewer(server)
    host, viewer = new_page(), new_page()
    await host.sign_in("zhanghong", PASSWORD)
    await viewer.sign_in("liming", PASSWORD)

    # when
    _, before = await host.ask("GET", "/api/my/room")
    _, after = await host.ask("POST", "/api/my/room/stream-key")

    # then
    assert before["stream_key"] != after["stream_key"]
    assert before["whip_url"].endswith("/whip/zhang")
    assert (await viewer.ask("GET", "/api/my/room"))[1]["code"] == "not_allowed"
    assert "stream_key" not in (await viewer.ask("GET", "/api/rooms/zhang"))[1]


async def test_a_flash_sale_ends_with_its_stream_and_gives_the_rest_back(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given
    host, _ = await joined(new_page, "zhanghong")
    stream_id = await go_live(server, stall)
    await host.hear("stream")
    terms = {
        "product_id": stall.product.id,
        "price_fen": 1990,
        "quantity": 3,
        "per_buyer": 1,
        "duration_seconds": 300,
    }
    status, sale = await host.ask("POST", "/api/my/room/sales", terms)
    assert status == 201, sale

    # when
    ended = {"stream_id": stream_id, "room_id": stall.room.id}
    await report(server, "stream_ended", ended, reason="deleted", duration_ms=1000)
    while (await host.hear("sale"))["sale"]["state"] != "closed":
        pass

    # then
    product = await server.services.catalog.get(stall.product.id)
    assert product.stock == 100


async def test_an_old_interruption_that_comes_late_changes_nothing(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given a publisher who left, came back, and both reports, the older one delayed
    page, _ = await joined(new_page)
    before = server.services.clock.now()
    stream_id = await go_live(server, stall)
    await page.hear("stream")

    # when
    late = {"stream_id": stream_id, "room_id": stall.room.id}
    await report(server, "publisher_left", late, reason="vanished", at=before.isoformat())
    await report(server, "stream_ended", late, reason="deleted", duration_ms=1000)

    # then
    assert (await page.hear("stream"))["stream"]["state"] == "ended"


async def test_the_late_end_of_one_stream_leaves_the_next_ones_card_alone(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given a stream that ended and a second one with a card
    viewer, _ = await joined(new_page)
    host, _ = await joined(new_page, "zhanghong")
    first = {"stream_id": await go_live(server, stall), "room_id": stall.room.id}
    await viewer.hear("stream")
    await report(server, "stream_ended", first, reason="deleted", duration_ms=1000)
    await viewer.hear("stream")
    await go_live(server, stall)
    await viewer.hear("stream")
    await host.say("pin", product_id=stall.product.id)
    assert (await viewer.hear("card"))["card"] is not None

    # when the first one's end is told once more
    await report(server, "stream_ended", first, reason="deleted", duration_ms=1000)
    await host.say("unpin")

    # then the next thing that the room hears is what the host did
    assert await viewer.hear("card") == {"card": None}
    assert viewer.heard["card"].empty()


async def test_half_an_emoji_is_a_bad_request(server: RunningServer, stall: Stall, new_page: NewPage) -> None:
    await registered_viewer(server)
    viewer, _ = await joined(new_page, "liming")
    assert (await viewer.say("chat", text="好\ud83d"))["error"] == "bad_request"
    status, body = await viewer.ask("POST", "/api/session", {"login": "\ud800", "password": PASSWORD})
    assert (status, body["code"]) == (400, "bad_request")


async def test_another_applications_odd_cookie_signs_nobody_out(stall: Stall, new_page: NewPage) -> None:
    # given
    host = new_page()
    await host.sign_in("zhanghong", PASSWORD)
    token = next(cookie.value for cookie in host.http.cookie_jar if cookie.key == "dongting_session")
    page = new_page()
    page.http.headers["Cookie"] = f'prefs={{"a": 1}}; dongting_session={token}'

    # when
    await page.connect()
    await page.say("join", slug="zhang")

    # then
    assert (await page.say("chat", text="大家好"))["ok"]


async def test_a_sale_bought_as_if_it_were_a_product_breaks_nobody_elses_order(
    server: RunningServer, stall: Stall, new_page: NewPage
) -> None:
    # given an open sale
    await registered_viewer(server)
    host, _ = await joined(new_page, "zhanghong")
    await go_live(server, stall)
    await host.hear("stream")
    terms = {
        "product_id": stall.product.id,
        "price_fen": 1990,
        "quantity": 3,
        "per_buyer": 1,
        "duration_seconds": 300,
    }
    _, sale = await host.ask("POST", "/api/my/room/sales", terms)
    buyer, _ = await joined(new_page, "liming")

    # when one asks for the sale as a product while another orders from it
    wrong = {"lines": [{"product_id": sale["id"], "quantity": 1}], "request_id": "wrong-kind-0001"}
    mistaken, honest = await asyncio.gather(
        host.ask("POST", "/api/orders", wrong),
        buyer.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id="honest-buyer-01"),
    )

    # then
    assert mistaken[1]["code"] == "not_found"
    assert honest["ok"], honest
