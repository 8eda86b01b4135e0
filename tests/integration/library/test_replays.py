"""A take becomes a lesson at once, a ladder and clips by real workers, and survives their death."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import signal
from collections.abc import Iterator
from typing import Any, cast

import av
import m3u8
import pytest
from m3u8.parser import parse
from PIL import Image

from server.showroom.model import Booth
from tests.harness.app import Page
from tests.harness.halls import make_plan
from tests.harness.soak import times
from tests.harness.takes import RunOf, make_video
from tests.harness.tus import upload
from tests.integration.library.conftest import PASSWORD, Farm, StartWorker, eventually, settled

pytestmark = pytest.mark.long

KILLS = times(10, otherwise=4)
KILLED_SECONDS = times(40, otherwise=20)


async def fetch(page: Page, url: str) -> bytes:
    async with page.http.get(url) as response:
        assert response.status == 200, url
        return await response.read()


def strictly(text: str) -> m3u8.M3U8:
    """A playlist in which nothing is against the rules."""
    parse(text, strict=True)
    return m3u8.loads(text)


async def play(page: Page, playlist_url: str) -> tuple[int, int, int]:
    """Pictures, samples of sound and the largest width of a media playlist, by decoding all of it."""
    text = (await fetch(page, playlist_url)).decode()
    playlist = strictly(text)
    base = playlist_url.rsplit("/", 1)[0]
    files: list[bytes] = []
    for segment in playlist.segments:
        init = await fetch(page, f"{base}/{segment.init_section.uri}")
        if not files or not files[-1].startswith(init):
            files.append(init)
        files[-1] += await fetch(page, f"{base}/{segment.uri}")
    pictures = sounds = width = 0
    for data in files:
        with av.open(io.BytesIO(data), "r") as container:
            for frame in cast("Iterator[av.VideoFrame | av.AudioFrame]", container.decode()):
                if isinstance(frame, av.VideoFrame):
                    pictures += 1
                    width = max(width, frame.width)
                else:
                    sounds += frame.samples
    return pictures, sounds, width


async def test_a_take_is_watchable_at_once_and_gets_its_ladder_chapters_and_clip(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: a stream in which oranges were shown, and no worker yet
    await page.connect()
    stream = await farm.broadcast([RunOf(6.0, width=854, height=480)], [(1000, 4000, farm.oranges)])

    # when: the take is told
    lesson_id = await farm.lesson_of(page, stream)

    # then: the recorded parts can be watched before anything is transcoded
    ack = await page.say("watch_lesson", lesson_id=lesson_id)
    lesson = ack["data"]["lesson"]
    assert (lesson["state"], lesson["duration_ms"], lesson["title"]) == ("waiting", 6000, "冰糖橙开园")
    assert lesson["watchable"]
    assert lesson["playlist_url"] == f"/files/public/takes/{stream.id}/index.m3u8"
    assert (await play(page, lesson["playlist_url"]))[0] == 90
    assert lesson["chapters"] == [
        {"start_ms": 1000, "end_ms": 4000, "title": "冰糖橙", "product_id": farm.oranges.id}
    ]

    # when: a worker comes
    await start_worker()
    ready = await settled(page, lesson_id)

    # then: all renditions play, each with its sound; there are a poster and what the seek bar shows
    assert (ready["state"], ready["error"], ready["stage"], ready["progress"]) == ("ready", None, None, 1.0)
    names = [("480p", 854), ("360p", 640), ("240p", 428), ("144p", 256), ("slides", 428)]
    assert [(r["name"], r["width"]) for r in ready["renditions"]] == names
    assert ready["bytes"] == min(r["bytes"] for r in ready["renditions"])
    master = strictly((await fetch(page, ready["playlist_url"])).decode())
    base = ready["playlist_url"].rsplit("/", 1)[0]
    assert {p.stream_info.resolution[0] for p in master.playlists} == {width for _, width in names}
    for variant in master.playlists:
        assert variant.stream_info.codecs.startswith("avc1.")
        assert variant.stream_info.average_bandwidth <= variant.stream_info.bandwidth
        pictures, _, width = await play(page, f"{base}/{variant.uri}")
        assert (pictures, width) == (6 if "slides" in variant.uri else 90, variant.stream_info.resolution[0])
        (sound,) = (media for media in master.media if media.group_id == variant.stream_info.audio)
        assert abs((await play(page, f"{base}/{sound.uri}"))[1] / 48_000 - 6.0) < 0.1
    # and: who only listens knows what it costs to the byte
    assert [sound["name"] for sound in ready["sounds"]] == ["low", "medium", "high"]
    cheapest = ready["sounds"][0]["playlist_url"]
    listed = strictly((await fetch(page, cheapest)).decode())
    files = [await fetch(page, f"{cheapest.rsplit('/', 1)[0]}/{segment.uri}") for segment in listed.segments]
    assert sum(len(file) for file in files) == ready["sounds"][0]["bytes"]
    assert (await fetch(page, ready["thumbs_url"])).startswith(b"WEBVTT")
    assert len(json.loads(await fetch(page, ready["waveform_url"]))["peaks"]) > 100
    with Image.open(io.BytesIO(await fetch(page, ready["poster_url"]))) as poster:
        assert poster.format == "WEBP"
        assert max(poster.convert("L").tobytes()) > 100

    # and: the watching page heard of it, without what belongs to one viewer only
    async def heard_ready() -> dict[str, Any] | None:
        told: dict[str, Any] = (await page.hear("lesson"))["lesson"]
        return told if told["state"] == "ready" else None

    told = await eventually(heard_ready)
    assert told["id"] == lesson_id
    assert "position_ms" not in told

    # and: the stream names its lesson, the lesson stands in the host's course
    assert (await farm.server.services.streams.get(stream.id)).lesson_id == lesson_id
    _, courses = await page.ask("GET", "/api/courses")
    assert [(c["title"], c["lesson_count"]) for c in courses["items"]] == [("张红的直播课", 1)]


async def test_each_moment_becomes_a_clip_at_its_merchants_booth(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: a hall with the merchant's booth, and a stream with an interruption in which two products were shown
    showroom = farm.server.services.library.showroom
    hall = await showroom.build(make_plan(Booth("b1", farm.room.merchant_id, 30.0, -5.0)))
    await start_worker()

    # when
    await farm.broadcast(
        [RunOf(4.0), RunOf(4.0, gap_seconds=3.0)], [(500, 3500, farm.oranges), (7000, 11_000, farm.tea)]
    )

    # then
    async def two_clips() -> dict[str, Any] | None:
        _, body = await page.ask("GET", f"/api/halls/{hall.id}")
        return body["booths"][0] if len(body["booths"][0]["clips"]) == 2 else None

    booth = await eventually(two_clips)
    assert (booth["room_slug"], booth["live"], len(booth["products"])) == ("zhang", False, 2)
    clips = {clip["product_id"]: clip for clip in booth["clips"]}
    # The first picture after half a second comes at 533 ms.
    assert (clips[farm.oranges.id]["duration_ms"], clips[farm.tea.id]["duration_ms"]) == (2967, 4000)
    for clip in clips.values():
        data = await fetch(page, clip["video_url"])
        assert data.find(b"moov") < data.find(b"mdat"), "it must play while it loads"
        with av.open(io.BytesIO(data), "r") as container:
            codecs = {stream.type: stream.codec_context.name for stream in container.streams}
            assert codecs == {"video": "h264", "audio": "aac"}
            length_ms = len(list(container.decode(video=0))) * 1000 / 15
        assert abs(length_ms - clip["duration_ms"]) < 150
        assert (await fetch(page, clip["poster_url"]))[8:12] == b"WEBP"


RECORDED: list[tuple[list[RunOf], int, list[str]]] = [
    # VP8 at odd moments
    ([RunOf(2.0, video="VP8", width=320, height=180, channels=2, is_uneven=True)], 2000, ["180p", "144p", "slides"]),
    # no sound
    ([RunOf(2.0, width=320, height=240, channels=0)], 2000, ["240p", "144p", "slides"]),
    # no picture
    ([RunOf(2.0, video=None)], 2000, ["audio", "audio-low"]),
    # very short
    ([RunOf(0.4, width=320, height=240)], 400, ["240p", "144p", "slides"]),
    # three runs of other codecs and sizes, with an interruption
    (
        [
            RunOf(2.0, width=320, height=180),
            RunOf(2.0, video="VP8", width=320, height=240, channels=2, gap_seconds=4),
            RunOf(2.0, width=180, height=320, channels=0),
        ],
        6000,
        ["240p", "144p", "slides"],
    ),
]


async def test_the_host_alone_is_told_what_his_replay_lacks(farm: Farm, page: Page) -> None:
    # given a host who was away for ten seconds
    runs = [RunOf(2.0, width=64, height=64), RunOf(2.0, width=64, height=64, gap_seconds=10)]
    stream = await farm.broadcast(runs)
    lesson_id = await farm.lesson_of(page, stream)

    # when
    _, lesson = await page.ask("GET", f"/api/lessons/{lesson_id}")
    await page.sign_in("zhanghong", PASSWORD)
    _, own = await page.ask("GET", f"/api/lessons/{lesson_id}")

    # then
    assert lesson["gaps"] is None
    assert own["gaps"] == [{"start_ms": 2000, "end_ms": 12_000, "at_ms": 2000}]


async def test_whatever_was_recorded_becomes_a_lesson(farm: Farm, page: Page, start_worker: StartWorker) -> None:
    # given
    await start_worker()

    # when
    lesson_ids = [await farm.lesson_of(page, await farm.broadcast(runs)) for runs, _, _ in RECORDED]

    # then
    for lesson_id, (runs, replay_ms, names) in zip(lesson_ids, RECORDED, strict=True):
        lesson = await settled(page, lesson_id)
        assert (lesson["state"], lesson["error"]) == ("ready", None), runs
        assert [rendition["name"] for rendition in lesson["renditions"]] == names
        assert abs(lesson["duration_ms"] - replay_ms) < 120
        assert (lesson["poster_url"] is None) == (names[0] == "audio")


async def test_a_publisher_who_came_back_after_the_end_makes_the_replay_longer(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: a finished replay
    await start_worker()
    runs = [RunOf(2.0, width=320, height=240)]
    stream = await farm.broadcast(runs)
    lesson = await settled(page, await farm.lesson_of(page, stream))
    assert abs(lesson["duration_ms"] - 2000) < 120

    # when: the take grew
    longer = [*runs, RunOf(2.0, width=320, height=240, gap_seconds=5)]
    await farm.tell(stream, await farm.record(stream, longer), longer)

    # then
    async def grown() -> bool | None:
        _, now = await page.ask("GET", f"/api/lessons/{lesson['id']}")
        return True if now["state"] == "ready" and abs(now["duration_ms"] - 4000) < 120 else None

    await eventually(grown)


async def test_workers_killed_at_random_moments_cost_a_chunk_each_and_nothing_else(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: a replay of many chunks, the first of them being made
    services = farm.server.services
    lesson_id = await farm.lesson_of(
        page, await farm.broadcast([RunOf(float(KILLED_SECONDS), width=320, height=240)])
    )
    chunks = services.database["chunks"]

    assets = services.database["assets"]
    working = {"work.state": "working"}

    async def is_found(query: dict[str, Any]) -> bool:
        return bool(await chunks.find_one(query) or await assets.find_one(query))

    async def has_begun_or_is_done() -> bool | None:
        done = await assets.find_one({"work.state": {"$in": ["ready", "failed"]}})
        return True if done or await is_found(working) else None

    # when: each worker is killed soon after it has begun with something
    moments = random.Random(5)
    kills = 0
    while kills < KILLS and not await assets.find_one({"work.state": "ready"}):
        victim = await start_worker()
        assert victim.pid is not None
        while True:
            await eventually(has_begun_or_is_done)
            await asyncio.sleep(moments.uniform(0.0, 1.5))  # the moment itself is what is tried
            os.kill(victim.pid, signal.SIGSTOP)  # it can't begin with anything else while we look
            # What two workers have died with is left alone: a third death would be held against the source.
            if not await is_found({**working, "work.faults": {"$gte": 2}}):
                break
            os.kill(victim.pid, signal.SIGCONT)
        os.kill(victim.pid, signal.SIGKILL)
        kills += 1
    counts = [document async for document in chunks.find({})]
    assert kills >= KILLS // 2, "workers were done before they could be killed"

    # then: the next one finishes what is left; what was made stays made
    await start_worker()
    lesson = await settled(page, lesson_id)
    assert (lesson["state"], lesson["error"]) == ("ready", None)
    assert sum(chunk["work"]["faults"] for chunk in counts) <= kills
    for rendition in ("240p", "144p"):
        playlist = f"{lesson['playlist_url'].rsplit('/', 1)[0]}/{rendition}/index.m3u8"
        assert (await play(page, playlist))[0] == KILLED_SECONDS * 15
    assert await chunks.count_documents({}) == 0


async def test_a_worker_that_is_stopped_gives_its_chunk_back_unharmed(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: a worker that makes a chunk
    worker = await start_worker()
    await farm.lesson_of(page, await farm.broadcast([RunOf(24.0)]))
    chunks = farm.server.services.database["chunks"]

    async def in_hand(count: int) -> bool | None:
        found = await chunks.count_documents({"work.state": "working"})
        return True if found == count else None

    await eventually(lambda: in_hand(1))

    # when
    await asyncio.to_thread(worker.stop)

    # then
    await eventually(lambda: in_hand(0))
    assert await chunks.count_documents({"work.faults": {"$gt": 0}}) == 0
    assert await chunks.count_documents({"work.state": "waiting"}) > 0


async def test_a_fresh_replay_goes_before_uploads_that_came_first(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: an upload that is being made when its worker goes home, and one that nobody has begun with
    await page.sign_in("zhanghong", PASSWORD)
    for title in ("剪枝", "施肥"):
        await upload(page, title, make_video(16.0, width=320, height=240))
    assets, chunks = (farm.server.services.database[name] for name in ("assets", "chunks"))
    worker = await start_worker()

    async def are_waiting() -> bool | None:
        return True if await chunks.count_documents({"work.state": "waiting"}) >= 3 else None

    await eventually(are_waiting)
    await asyncio.to_thread(worker.stop)
    assert await chunks.count_documents({"work.state": "waiting"}) >= 2

    # when: a broadcast ends, and a worker comes
    replay_id = await farm.lesson_of(page, await farm.broadcast([RunOf(4.0, width=320, height=240)]))
    await start_worker()

    # then: its ladder is made first
    assert (await settled(page, replay_id))["state"] == "ready"
    replay = await assets.find_one({"work.state": "ready"})
    assert replay is not None
    assert replay["source"]["kind"] == "take"
    assert await assets.count_documents({"work.ended_at": {"$lt": replay["work"]["ended_at"]}}) == 0
    # and: the uploads are still there to be made
    assert await assets.count_documents({"source.kind": "upload"}) == 2


async def test_old_replays_go_with_all_that_was_made_of_them(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: two replays, the older with a clip
    await start_worker()
    old = await farm.broadcast([RunOf(2.0)], [(0, 2000, farm.oranges)])
    old_lesson = await settled(page, await farm.lesson_of(page, old))
    new = await farm.broadcast([RunOf(2.0)])
    new_lesson = await settled(page, await farm.lesson_of(page, new))

    # when
    library = farm.server.services.library
    removed = await library.recordings.remove_old_replays(farm.host.id, keep=1)

    # then
    assert removed == 1
    assert (await page.ask("GET", f"/api/lessons/{old_lesson['id']}"))[0] == 404
    assert (await page.ask("GET", f"/api/lessons/{new_lesson['id']}"))[0] == 200
    objects = farm.server.services.objects
    assert await objects.list_keys(f"public/takes/{old.id}/") == []
    assert await objects.list_keys("public/clips/") == []
    assert (await farm.server.services.streams.get(old.id)).lesson_id is None
