"""A lesson pinned in a broadcast: the room sees its card, and the replay gets a chapter of that name."""

from __future__ import annotations

from tests.harness.app import Page
from tests.harness.takes import RunOf
from tests.integration.library.conftest import PASSWORD, Farm, eventually


async def test_a_lesson_is_pinned_like_a_product_and_becomes_a_chapter(farm: Farm, page: Page) -> None:
    # given: the replay of an earlier broadcast, and a broadcast that is on
    services = farm.server.services
    earlier = await farm.broadcast([RunOf(2.0)])
    lesson_id = await farm.lesson_of(page, earlier)
    stream = await services.streams.let_in("zhang", services.rooms.key_of(farm.room))
    await services.streams.publisher_joined(stream.id, services.clock.now(), services.clock.now())
    await page.sign_in("zhanghong", PASSWORD)
    await page.connect()
    await page.say("join", slug="zhang")

    # when
    ack = await page.say("pin", lesson_id=lesson_id)

    # then
    assert ack["ok"], ack
    card = (await page.hear("card"))["card"]
    assert (card["product"], card["lesson"]["id"], card["lesson"]["title"]) == (None, lesson_id, "冰糖橙开园")
    assert (await page.say("join", slug="zhang"))["data"]["card"]["lesson"]["id"] == lesson_id
    assert (await page.say("pin", lesson_id="nothing"))["error"] == "not_found"
    assert (await page.say("pin"))["error"] == "bad_request"

    # when there is nothing of it to play any more, it is shown to nobody, be he in the broadcast or back in it
    asset, before = {"source.ref": earlier.id}, await services.database["assets"].find_one({"source.ref": earlier.id})
    await services.database["assets"].update_one(asset, {"$set": {"playlist_key": None, "work.state": "failed"}})
    assert await services.cards.current(stream) is None
    assert (await page.ask("GET", f"/api/streams/{stream.id}/cards"))[1]["items"] == []
    await services.database["assets"].replace_one(asset, before or {})

    # when the host goes on to a product and the broadcast ends
    assert (await page.say("pin", product_id=farm.tea.id))["ok"]
    span = {"start_ms": 100, "end_ms": 900}
    await services.database["moments"].update_one({"lesson_id": lesson_id}, {"$set": span})
    duration_ms = await farm.record(stream, [RunOf(2.0)])
    await farm.tell(stream, duration_ms, [RunOf(2.0)])
    replay = (await page.ask("GET", f"/api/lessons/{await farm.lesson_of(page, stream)}"))[1]

    # then the lesson's moment is a chapter and becomes a clip, as the product's does
    chapter = {**span, "title": "冰糖橙开园", "product_id": None}
    assert chapter in replay["chapters"]

    async def of_both() -> bool | None:  # clips are asked for after the lesson is there
        clips = services.database["clips"].find({"stream_id": stream.id})
        return {clip["product_id"] async for clip in clips} == {None, farm.tea.id} or None

    await eventually(of_both)
