"""Courses, search, and going on where one stopped."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from server.accounts.model import User
from server.courses.model import ProgressReport
from tests.harness.app import Page
from tests.harness.takes import RunOf
from tests.integration.library.conftest import PASSWORD, Farm, eventually


async def make_lesson(farm: Farm, page: Page) -> str:
    return await farm.lesson_of(page, await farm.broadcast([RunOf(10.0, video=None)]))


async def make_learner(farm: Farm) -> User:
    return await farm.server.services.accounts.register("liming", PASSWORD, "李明", None)


async def test_a_learner_goes_on_where_he_stopped_and_nothing_counts_twice(farm: Farm, page: Page) -> None:
    # given
    lesson_id = await make_lesson(farm, page)
    await make_learner(farm)
    path = f"/api/lessons/{lesson_id}/progress"
    first = {"position_ms": 4000, "intervals": [[0, 4000]]}
    assert (await page.ask("PUT", path, first))[0] == 401
    await page.sign_in("liming", PASSWORD)

    # when: he watches, watches a part again, and goes on another day
    answers = [
        (await page.ask("PUT", path, body))[1]
        for body in (
            first,
            {"position_ms": 3000, "intervals": [[1000, 3000], [2000, 3500]]},
            {"position_ms": 9500, "intervals": [[3000, 9500]]},
        )
    ]

    # then
    assert answers == [
        {"position_ms": 4000, "watched_ms": 4000, "reached_ms": 4000, "intervals": [[0, 4000]], "done": False},
        {"position_ms": 3000, "watched_ms": 4000, "reached_ms": 4000, "intervals": [[0, 4000]], "done": False},
        {"position_ms": 9500, "watched_ms": 9500, "reached_ms": 9500, "intervals": [[0, 9500]], "done": True},
    ]
    _, lesson = await page.ask("GET", f"/api/lessons/{lesson_id}")
    assert (lesson["position_ms"], lesson["watched_ms"]) == (9500, 9500)
    _, courses = await page.ask("GET", "/api/courses")
    _, course = await page.ask("GET", f"/api/courses/{courses['items'][0]['id']}")
    listed = [(item["position_ms"], item["watched_ms"], item["done"]) for item in course["lessons"]]
    assert listed == [(9500, 9500, True)]


async def test_two_pages_that_report_at_once_are_both_counted(farm: Farm, page: Page) -> None:
    # given
    lesson_id = await make_lesson(farm, page)
    learner = await make_learner(farm)
    courses = farm.server.services.library.courses

    # when
    await asyncio.gather(
        *(
            courses.note_progress(learner, lesson_id, ProgressReport(0, ((part * 2000, part * 2000 + 1000),)))
            for part in range(4)
        )
    )

    # then
    progress = (await courses.look(lesson_id, learner)).progress
    assert progress is not None
    assert progress.watched_ms == 4000


async def test_malformed_progress_is_refused(farm: Farm, page: Page) -> None:
    lesson_id = await make_lesson(farm, page)
    await make_learner(farm)
    await page.sign_in("liming", PASSWORD)
    for body in (
        {"position_ms": -1, "intervals": []},
        {"position_ms": 0, "intervals": [[5, 1]]},
        {"position_ms": 0, "intervals": [[0]]},
        {"position_ms": 0, "intervals": [[0, 1]] * 501},
        {"position_ms": 0},
    ):
        status, problem = await page.ask("PUT", f"/api/lessons/{lesson_id}/progress", body)
        assert (status, problem["code"]) == (400, "bad_request")
    status, problem = await page.ask("PUT", "/api/lessons/nowhere/progress", {"position_ms": 0, "intervals": []})
    assert (status, problem["code"]) == (404, "not_found")


async def test_lessons_are_found_by_a_part_of_their_title(farm: Farm, page: Page) -> None:
    await make_lesson(farm, page)

    async def find() -> list[object] | None:  # a lesson is there before the search has read it
        return (await page.ask("GET", "/api/lessons", params={"q": "冰糖"}))[1]["items"] or None

    await eventually(find)
    for text, count in (("冰糖", 1), ("", 1), ("茶", 0), (".*", 0), ("[", 0)):
        _, body = await page.ask("GET", "/api/lessons", params={"q": text})
        assert len(body["items"]) == count, text


async def test_what_is_not_there_is_not_found(farm: Farm, page: Page) -> None:
    for path in ("/api/lessons/x", "/api/courses/x", "/api/halls/x", "/api/streams/x/replay"):
        status, problem = await page.ask("GET", path)
        assert (status, problem["code"]) == (404, "not_found"), path
    await page.connect()
    assert (await page.say("watch_lesson", lesson_id="x"))["error"] == "not_found"


async def test_a_host_who_is_live_again_keeps_the_first_replay(farm: Farm, page: Page) -> None:
    # given
    first = await farm.broadcast([RunOf(1.0, video=None)])
    services = farm.server.services
    await services.streams.publisher_ended(first.id, 1000)
    second = await services.streams.let_in("zhang", services.rooms.key_of(farm.room))

    # when
    lesson_id = await farm.lesson_of(page, first)

    # then
    assert second.id != first.id
    _, room = await page.ask("GET", "/api/rooms/zhang")
    assert (room["stream"]["id"], room["last_stream"]["lesson_id"]) == (second.id, lesson_id)


async def test_a_report_that_races_a_sign_in_counts_for_nobody_else(farm: Farm, page: Page) -> None:
    lesson_id = await farm.lesson_of(page, await farm.broadcast([RunOf(1.0, video=None)]))
    learner = await make_learner(farm)
    report = {"position_ms": 1000, "intervals": [[0, 1000]], "learner_id": learner.id}
    path = f"/api/lessons/{lesson_id}/progress"
    await page.sign_in("zhanghong", PASSWORD)
    status, problem = await page.ask("PUT", path, report)
    assert (status, problem["code"]) == (409, "another_learner")
    assert await farm.server.services.database["lesson_progress"].count_documents({}) == 0
    await page.sign_in("liming", PASSWORD)
    assert (await page.ask("PUT", path, report))[0] == 200


async def test_what_nobody_can_have_watched_yet_counts_when_it_is_told_later(farm: Farm, page: Page) -> None:
    # given: a lesson of a minute, and a phone that was offline and tells all of it in its first report
    lesson_id = await farm.lesson_of(page, await farm.broadcast([RunOf(60.0, video=None)]))
    learner = await make_learner(farm)
    await page.sign_in("liming", PASSWORD)
    path, whole = f"/api/lessons/{lesson_id}/progress", {"position_ms": 60_000, "intervals": [[0, 60_000]]}
    for _ in range(2):
        status, problem = await page.ask("PUT", path, whole)
        assert (status, problem["code"]) == (409, "too_fast")

    # when: time passes, counted from that report on
    kept = farm.server.services.database["lesson_progress"]
    found = await kept.find_one({"_id": f"{learner.id}:{lesson_id}"})
    assert found is not None
    assert (found["intervals"], found["version"]) == ([], 1)
    earlier = found["began_at"] - timedelta(minutes=1)
    await kept.update_one({"_id": found["_id"]}, {"$set": {"began_at": earlier}})

    # then
    status, progress = await page.ask("PUT", path, whole)
    assert (status, progress["done"]) == (200, True)
