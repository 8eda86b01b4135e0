"""A host's own recording fills the gaps of his replay: asked for, brought, filled in, once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.catalog.model import Product
from server.fills.model import HostFile
from server.fills.store import FillStore
from server.recordings.inserts import Insert, Inserts
from server.streams.model import Stream
from server.wire import iso
from tests.harness.app import Page
from tests.harness.takes import RunOf, make_video
from tests.integration.library.conftest import PASSWORD, Farm, StartWorker, eventually, settled

pytestmark = pytest.mark.long

INTERRUPTED = [
    RunOf(4.0, width=320, height=180, says_from=0.0),
    RunOf(4.0, width=320, height=180, gap_seconds=3.0, says_from=7.0),
]
SUBTITLES = "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n前\n\n00:00:05.000 --> 00:00:06.000\n后\n"


def file_path(stream: Stream, started_at: datetime, duration_ms: int) -> str:
    started_ms = round(started_at.timestamp() * 1000)
    return f"/api/my/streams/{stream.id}/fill/files?started_ms={started_ms}&duration_ms={duration_ms}"


def at(began_at: datetime, second: int) -> str:
    return str(iso(began_at + timedelta(seconds=second)))


async def look(page: Page, stream: Stream) -> dict[str, Any]:
    async def answered() -> dict[str, Any] | None:
        status, body = await page.ask("GET", f"/api/my/streams/{stream.id}/fill")
        assert status in {200, 503}, body  # 503: a database on a busy machine; a page asks again, too
        return dict(body) if status == 200 else None

    return dict(await eventually(answered))


async def write_quiz(page: Page, lesson_id: str, version: int, *places: int | None) -> None:
    """A quiz with questions at these places; None: at the end."""
    questions = [{"at_ms": at_ms, "text": "剪哪些？", "options": ["枯枝", "果枝"], "right": [0]} for at_ms in places]
    body = {"version": version, "questions": questions}
    status, quiz = await page.ask("PUT", f"/api/my/lessons/{lesson_id}/quiz", body)
    assert status == 200, quiz


async def quiz_places(page: Page, lesson_id: str) -> list[int | None]:
    """Where its teacher finds the questions of a quiz."""
    _, quiz = await page.ask("GET", f"/api/my/lessons/{lesson_id}/quiz")
    return [question["at_ms"] for question in quiz["questions"]]


async def subtitle_places(page: Page, lesson_id: str) -> list[int]:
    """Where the lines of a lesson begin."""
    _, lines = await page.ask("GET", f"/api/lessons/{lesson_id}/subtitles")
    return [line["start_ms"] for line in lines["items"]]


async def clip_of(page: Page, product: Product, duration_ms: int) -> str:
    """Where the clip of a product is, once it is so long."""

    async def find() -> str | None:
        _, body = await page.ask("GET", f"/api/products/{product.id}/clips")
        urls = [clip["video_url"] for clip in body["items"] if abs(clip["duration_ms"] - duration_ms) < 100]
        return urls[0] if urls else None

    return str(await eventually(find))


async def interrupted(farm: Farm, page: Page) -> tuple[Stream, datetime, str]:
    """A stream with a gap from 4 to 7 s, when it began, and its lesson."""
    stream = await farm.broadcast(INTERRUPTED, [(3000, 8000, farm.tea), (9000, 10_000, farm.oranges)])
    began_at = (await farm.server.services.streams.get(stream.id)).first_picture_at
    assert began_at is not None
    return stream, began_at, await farm.lesson_of(page, stream)


async def test_a_gap_is_filled_and_everything_keeps_its_place(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: a replay with a gap, with a learner who has watched over it, subtitles, a quiz and a question
    stream, began_at, lesson_id = await interrupted(farm, page)
    await farm.server.services.accounts.register("liming", PASSWORD, "李明", None)
    await page.sign_in("liming", PASSWORD)
    watched = {"position_ms": 6000, "intervals": [[0, 2000], [3000, 6000]]}
    assert (await page.ask("PUT", f"/api/lessons/{lesson_id}/progress", watched))[0] == 200
    status, _ = await page.ask("POST", f"/api/lessons/{lesson_id}/questions", {"text": "几月剪？", "at_ms": 5500})
    assert status == 201
    await page.sign_in("zhanghong", PASSWORD)
    raw = SUBTITLES.encode()
    assert (await page.ask("PUT", f"/api/my/lessons/{lesson_id}/subtitles", data=raw))[0] == 200
    await write_quiz(page, lesson_id, 0, 1000, 5000, None)

    # when: his page asks what is missing
    asked = await look(page, stream)

    # then
    hole = {"from": at(began_at, 4), "to": at(began_at, 7)}
    assert asked == {"state": "open", "holes": [hole], "files": []}

    # when: it brings a file that covers it, twice, whose clock is 300 ms late, and one that is of no use
    video = make_video(7.0, width=320, height=180, kind="webm", says_from=2.0)
    path = file_path(stream, began_at + timedelta(milliseconds=2300), 7000)
    for _ in range(2):
        assert (await page.ask("PUT", path, data=video))[0] == 204
    far = await page.ask("PUT", file_path(stream, began_at + timedelta(seconds=60), 7000), data=video)
    assert (far[0], far[1]["code"]) == (409, "not_wanted")
    assert len((await look(page, stream))["files"]) == 1
    await start_worker()
    clip_url = await clip_of(page, farm.tea, 2000)
    status, begun = await page.ask("POST", f"/api/my/streams/{stream.id}/fill")
    assert (status, begun["state"]) == (200, "making")

    # then: it is filled in, and the replay is the same lesson, longer
    async def filled() -> dict[str, Any] | None:
        found = await look(page, stream)
        assert found["state"] != "failed"
        return found if found["state"] == "filled" else None

    await eventually(filled)
    ready = await settled(page, lesson_id)
    assert (ready["state"], ready["error"]) == ("ready", None)
    assert ready["duration_ms"] == pytest.approx(11_000, abs=50)
    assert ready["gaps"] == []
    assert ready["filled"] == [{"start_ms": 4000, "end_ms": 7000, "at_ms": 4000}]
    assert ready["inserts"] == [{"at_ms": 4000, "length_ms": 3000}]
    assert [(chapter["start_ms"], chapter["end_ms"]) for chapter in ready["chapters"]] == [
        (3000, 8000),
        (9000, 10_000),
    ]

    # and: what has a place in it has moved, once
    assert await subtitle_places(page, lesson_id) == [1000, 8000]
    _, questions = await page.ask("GET", f"/api/lessons/{lesson_id}/questions")
    assert [question["at_ms"] for question in questions["items"]] == [8500]
    assert await quiz_places(page, lesson_id) == [1000, 8000, None]
    await page.sign_in("liming", PASSWORD)
    _, seen = await page.ask("GET", f"/api/lessons/{lesson_id}")
    assert (seen["position_ms"], seen["intervals"], seen["filled"]) == (9000, [[0, 2000], [3000, 9000]], None)

    # and: who played the replay of before tells places of that one
    late = {"position_ms": 6500, "intervals": [[2000, 3000], [5000, 6500]], "inserts": 0}
    _, told = await page.ask("PUT", f"/api/lessons/{lesson_id}/progress", late)
    assert (told["position_ms"], told["intervals"], told["reached_ms"]) == (9500, [[0, 9500]], 9500)
    newer = {"position_ms": 9700, "intervals": [[9500, 9700]], "inserts": 1}
    _, told = await page.ask("PUT", f"/api/lessons/{lesson_id}/progress", newer)
    assert (told["position_ms"], told["intervals"]) == (9700, [[0, 9700]])
    elsewhere = {"position_ms": None, "intervals": [[6000, 6900]], "inserts": 0}
    _, told = await page.ask("PUT", f"/api/lessons/{lesson_id}/progress", elsewhere)
    assert (told["position_ms"], told["intervals"]) == (9700, [[0, 9900]])

    # and: the clip that reaches over the gap is cut anew, with what was missing
    assert await clip_of(page, farm.tea, 5000) != clip_url

    # and: nothing of the host's files is left, and no more are taken
    services = farm.server.services
    assert await services.objects.list_keys(f"uploads/fills/{stream.id}/") == []
    await page.sign_in("zhanghong", PASSWORD)
    again = await page.ask("PUT", path, data=video)
    assert (again[0], again[1]["code"]) == (409, "fill_begun")


async def test_a_part_in_which_a_picture_stood_is_replaced_and_the_end_that_he_was_away_for_is_added(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: a broadcast of 8 s in which a picture stood from 2.4 to 3.8 s, and whose host then vanished
    stream = await farm.broadcast([RunOf(8.0, width=320, height=180, says_from=0.0)])
    services = farm.server.services
    began_at = (await services.streams.get(stream.id)).first_picture_at
    assert began_at is not None
    key = f"public/takes/{stream.id}/take.json"
    take = {**json.loads(await services.objects.get(key)), "gaps": [{"start_ms": 2400, "end_ms": 3800}]}
    await services.objects.put(key, json.dumps(take).encode(), "application/json")
    lesson_id = await farm.lesson_of(page, stream)  # the server has noted the stream's end by now
    ended_at = {"$set": {"ended_at": began_at + timedelta(seconds=38)}}
    await services.database["streams"].update_one({"_id": stream.id}, ended_at)
    await page.sign_in("zhanghong", PASSWORD)
    assert [hole["from"] for hole in (await look(page, stream))["holes"]] == [at(began_at, 2), at(began_at, 8)]

    # when: he brings what his phone has recorded, with a clock that is 200 ms late
    for second in (1, 6):
        video = make_video(6.0, width=320, height=180, kind="webm", says_from=float(second))
        path = file_path(stream, began_at + timedelta(seconds=second, milliseconds=200), 6000)
        assert (await page.ask("PUT", path, data=video))[0] == 204
    await start_worker()
    assert (await page.ask("POST", f"/api/my/streams/{stream.id}/fill"))[0] == 200

    # then
    async def filled() -> bool | None:
        state = (await look(page, stream))["state"]
        assert state != "failed"
        return state == "filled" or None

    await eventually(filled)
    found = json.loads(await services.objects.get(key))
    assert found["replaced"] == [{"start_ms": 2000, "end_ms": 4000}]
    assert found["gaps"] == []
    length_ms = found["duration_ms"]
    assert 12_000 <= length_ms <= 12_400  # its last picture may stand for as long as his clock was late
    ready = await settled(page, lesson_id)
    assert (ready["state"], ready["gaps"]) == ("ready", [])
    assert ready["duration_ms"] == pytest.approx(length_ms, abs=50)


async def test_a_worker_that_died_after_moving_everything_moves_nothing_new(farm: Farm, page: Page) -> None:
    # given: something was put in at 4 s, and everything was moved; the worker died before it said so
    stream, _, lesson_id = await interrupted(farm, page)
    courses = farm.server.services.library.courses
    inserts = Inserts((Insert(4000, 3000),))
    await courses.stretch(lesson_id, stream.id, inserts)

    # when: people go on with the longer video, and another worker does it again
    await page.sign_in("zhanghong", PASSWORD)
    await write_quiz(page, lesson_id, 0, 5000)
    assert (await page.ask("PUT", f"/api/my/lessons/{lesson_id}/subtitles", data=SUBTITLES.encode()))[0] == 200
    await farm.server.services.accounts.register("liming", PASSWORD, "李明", None)
    await page.sign_in("liming", PASSWORD)
    watched = {"position_ms": 6000, "intervals": [[5000, 6000]]}
    assert (await page.ask("PUT", f"/api/lessons/{lesson_id}/progress", watched))[0] == 200
    asked = {"text": "几月剪？", "at_ms": 5500}
    assert (await page.ask("POST", f"/api/lessons/{lesson_id}/questions", asked))[0] == 201
    await courses.stretch(lesson_id, stream.id, inserts)

    # then
    assert await subtitle_places(page, lesson_id) == [1000, 5000]
    _, seen = await page.ask("GET", f"/api/lessons/{lesson_id}")
    assert (seen["position_ms"], seen["intervals"]) == (6000, [[5000, 6000]])
    _, questions = await page.ask("GET", f"/api/lessons/{lesson_id}/questions")
    assert [question["at_ms"] for question in questions["items"]] == [5500]
    await page.sign_in("zhanghong", PASSWORD)
    assert await quiz_places(page, lesson_id) == [5000]


async def test_what_was_moved_and_written_anew_before_the_rest_was_moved_moves_once(farm: Farm, page: Page) -> None:
    # given: a worker died when it had moved the quiz and the subtitles, and not all of the rest
    stream, _, lesson_id = await interrupted(farm, page)
    await page.sign_in("zhanghong", PASSWORD)
    await write_quiz(page, lesson_id, 0, 5000)
    subtitles = f"/api/my/lessons/{lesson_id}/subtitles"
    assert (await page.ask("PUT", subtitles, data=SUBTITLES.encode()))[0] == 200
    courses = farm.server.services.library.courses
    inserts = Inserts((Insert(4000, 3000),))
    await courses.stretch(lesson_id, stream.id, inserts)
    await farm.server.services.database["lessons"].update_one({"_id": lesson_id}, {"$unset": {"stretched": 1}})

    # when: their teacher writes both anew, and another worker goes on
    await write_quiz(page, lesson_id, 2, 5000)
    assert (await page.ask("PUT", subtitles, data=SUBTITLES.encode()))[0] == 200
    await courses.stretch(lesson_id, stream.id, inserts)

    # then
    assert await quiz_places(page, lesson_id) == [5000]
    assert await subtitle_places(page, lesson_id) == [1000, 5000]


async def test_a_bad_file_ends_in_a_clear_state_and_harms_nothing(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given
    stream, began_at, lesson_id = await interrupted(farm, page)
    await page.sign_in("zhanghong", PASSWORD)
    path = file_path(stream, began_at + timedelta(seconds=3), 7000)

    # when: what is no video, what has no length, what is too long, and noise with a video's first bytes
    text = await page.ask("PUT", path, data=b"hello, this is a text")
    assert (text[0], text[1]["code"]) == (415, "not_a_video")
    endless = await page.ask("PUT", file_path(stream, began_at, 3_600_000), data=b"\x1aE\xdf\xa3")
    assert (endless[0], endless[1]["code"]) == (400, "bad_request")
    assert (await page.ask("POST", f"/api/my/streams/{stream.id}/fill"))[1]["code"] == "no_files"
    assert (await page.ask("PUT", path, data=b"\x1aE\xdf\xa3" + bytes(2000)))[0] == 204
    await start_worker()
    assert (await page.ask("POST", f"/api/my/streams/{stream.id}/fill"))[0] == 200

    # then
    async def failed() -> bool | None:
        return (await look(page, stream))["state"] == "failed" or None

    await eventually(failed)
    ready = await settled(page, lesson_id)
    assert (ready["state"], ready["duration_ms"], len(ready["gaps"]), ready["filled"]) == ("ready", 8000, 1, [])


@pytest.mark.parametrize(
    ("reason", "after", "missing"),
    [
        ("deleted", 9, None),  # the host hung up
        ("command", 38, timedelta(seconds=30)),  # he ended it when his line had been gone for half a minute
        ("vanished", 38, timedelta(minutes=30)),  # he may not have noticed
    ],
)
async def test_an_end_is_when_it_was_and_what_it_was_however_late_a_server_hears_of_it(
    farm: Farm, page: Page, reason: str, after: int, missing: timedelta | None
) -> None:
    # given: a broadcast of 8 s, of whose end a server hears twenty minutes later
    services = farm.server.services
    began_at = services.clock.now() - timedelta(minutes=20)
    stream = await services.streams.let_in("zhang", services.rooms.key_of(farm.room))
    await services.streams.publisher_joined(stream.id, began_at, began_at)
    runs = [RunOf(8.0, width=64, height=64)]
    duration_ms = await farm.record(stream, runs)
    ended_at = (began_at + timedelta(seconds=after)).isoformat()
    about = {"stream_id": stream.id, "room_id": stream.room_id, "node_id": "media-1"}
    fields = {**about, "at": ended_at, "reason": reason, "duration_ms": duration_ms}
    await services.bus.publish_event("stream_ended", fields)

    # when
    await farm.tell(stream, duration_ms, runs)
    await page.sign_in("zhanghong", PASSWORD)
    await farm.lesson_of(page, stream)

    # then
    holes = (await look(page, stream))["holes"]
    lengths = [datetime.fromisoformat(hole["to"]) - datetime.fromisoformat(hole["from"]) for hole in holes]
    assert [round(length.total_seconds()) for length in lengths] == (
        [] if missing is None else [pytest.approx(missing.total_seconds(), abs=1)]
    )


async def test_a_take_of_which_another_node_still_brings_its_part_is_waited_for(farm: Farm, page: Page) -> None:
    # given: a stream moved between nodes; the first has published what it has, the one that ended it has not yet
    services = farm.server.services
    stream = await services.streams.let_in("zhang", services.rooms.key_of(farm.room))
    await services.streams.publisher_joined(stream.id, services.clock.now(), services.clock.now())
    duration_ms = await farm.record(stream, INTERRUPTED)
    ended = await services.streams.publisher_ended(stream.id, duration_ms)
    await page.sign_in("zhanghong", PASSWORD)

    # when
    asked = await look(page, stream)
    path = file_path(stream, ended.first_picture_at or ended.created_at, 7000)
    brought = await page.ask("PUT", path, data=make_video(1.0, width=64, height=64, kind="webm"))
    begun = await page.ask("POST", f"/api/my/streams/{stream.id}/fill")

    # then: nothing is known to be missing or whole
    assert asked == {"state": "waiting", "holes": [], "files": []}
    assert [(status, body["code"]) for status, body in (brought, begun)] == [(409, "not_ready"), (409, "not_ready")]

    # and: what is missing is known when the recording is told of
    await farm.tell(stream, duration_ms, INTERRUPTED)

    async def is_open() -> bool | None:
        return (await look(page, stream))["state"] == "open" or None

    await eventually(is_open)


async def test_only_its_host_fills_a_broadcast(farm: Farm, page: Page) -> None:
    stream, began_at, _ = await interrupted(farm, page)
    path = f"/api/my/streams/{stream.id}/fill"
    assert (await page.ask("GET", path))[0] == 401
    await farm.server.services.accounts.register("wang", PASSWORD, "王", None, roles=farm.host.roles)
    await page.sign_in("wang", PASSWORD)
    for method, where in (("GET", path), ("POST", path), ("PUT", file_path(stream, began_at, 7000))):
        status, body = await page.ask(method, where, data=b"x" if method == "PUT" else None)
        assert (status, body["code"]) == (403, "not_allowed")


async def test_files_that_come_at_once_are_no_more_than_may_be_kept(
    farm: Farm, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: there is room for two
    monkeypatch.setattr("server.fills.model.MOST_FILES", 2)
    stream, began_at, _ = await interrupted(farm, page)
    await page.sign_in("zhanghong", PASSWORD)
    video = make_video(1.0, width=64, height=64)

    async def bring(second: int) -> int:
        path = file_path(stream, began_at + timedelta(milliseconds=4000 + second), 1000)
        return (await page.ask("PUT", path, data=video))[0]

    # when
    statuses = await asyncio.gather(*(bring(number) for number in range(6)))

    # then
    assert set(statuses) <= {204, 409}
    assert len((await look(page, stream))["files"]) == statuses.count(204) <= 2
    # and what was refused holds no place
    assert await bring(100) == (204 if statuses.count(204) < 2 else 409)


async def test_a_larger_file_under_the_name_of_one_that_is_there_takes_the_room_of_the_larger(farm: Farm) -> None:
    store = FillStore(farm.server.services.database)
    small = HostFile("s1", "f1", datetime(2026, 11, 28, tzinfo=UTC), 1000, 10, datetime(2026, 11, 28, tzinfo=UTC))
    await store.put_file(small)
    await store.expect_file(replace(small, bytes=9_000))
    assert [file.bytes for file in await store.files_of("s1", with_expected=True)] == [9_000]
