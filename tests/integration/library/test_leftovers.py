"""What was begun and is wanted no more ends, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from server.accounts.model import Role
from server.clips.model import clip_prefix
from server.errors import NotAllowed
from server.making.model import WorkState, begin
from server.recordings.ladder import Ladder, PicturePlan
from server.recordings.model import Asset, Made, Source, SourceKind, edition_prefix, upload_key
from server.recordings.store import AssetStore, ChunkStore
from tests.harness.app import Page
from tests.harness.data_servers import Environment
from tests.harness.takes import RunOf, make_video
from tests.harness.tus import upload
from tests.integration.library.conftest import PASSWORD, Farm, eventually
from workers.fence import Fence
from workers.folders import WorkFolder
from workers.making import attempt
from workers.metrics import Outcome
from workers.recordings import ChunkMaker
from workers.sources import Sources

HOSTS = frozenset({Role.VIEWER, Role.HOST})
LADDER = Ladder(
    duration_ms=4000,
    pictures=(PicturePlan(name="144p", width=256, height=144, bits=80_000, crf=28),),
    cuts=(0.0, 2000.0),
)


@pytest.fixture
def environment(environment: Environment) -> Environment:
    """Leases that no slow machine lets run out: here tests are the workers."""
    return environment | {"JOB_LEASE_SECONDS": "60"}


async def begun(farm: Farm, page: Page) -> Asset:
    """An asset that a worker looks into."""
    await farm.lesson_of(page, await farm.broadcast([RunOf(0.4, width=64, height=64)]))
    recordings = farm.server.services.library.recordings
    document = await farm.server.services.database["assets"].find_one({})
    assert document is not None
    # The server is sending its job just now, perhaps.
    asset: Asset = await eventually(lambda: recordings.queue.claim(document["_id"]))
    return asset


async def planned(farm: Farm, page: Page) -> Asset:
    """An asset whose chunks wait for workers, the first of them being written."""
    asset = await begun(farm, page)
    services = farm.server.services
    assert await services.library.recordings.chunks.spread(asset, LADDER)
    written = edition_prefix(asset.id, asset.work.attempt) + "144p/0000-0000.m4s"
    await services.objects.put(written, b"pictures", "video/iso.segment")
    spread = await AssetStore(services.database).get(asset.id)
    assert spread is not None
    assert spread.work.state is WorkState.SPREAD
    return spread


async def give_to_worker(farm: Farm, chunk_id: str, folder: Path) -> Outcome:
    """Have a worker look at a chunk."""
    services = farm.server.services
    chunks, work = services.library.recordings.chunks, WorkFolder(folder)
    maker = ChunkMaker(
        chunks, services.objects, work, Sources(services.objects, work.sources), Fence(1_000_000_000), 1
    )
    return await attempt(
        chunks.queue, chunk_id, maker.make, lease_seconds=60.0, clock=services.clock, stopping=asyncio.Event()
    )


async def test_a_plan_that_comes_too_late_leaves_no_chunks(farm: Farm, page: Page) -> None:
    # given a worker whose lease ran out while it planned
    asset = await begun(farm, page)
    recordings = farm.server.services.library.recordings
    assert await recordings.queue.release_unharmed(asset)
    # when
    adopted = await recordings.chunks.spread(asset, LADDER)
    # then
    assert not adopted
    assert await farm.server.services.database["chunks"].count_documents({}) == 0


async def test_a_chunk_that_nobody_will_ever_want_ends_with_the_worker_that_takes_it(
    farm: Farm, page: Page, tmp_path: Path
) -> None:
    # given: its asset was stopped, and whoever stopped it died before he had deleted the chunks
    asset = await planned(farm, page)
    services = farm.server.services
    assert await services.library.recordings.queue.cancel(asset)
    # when
    outcome = await give_to_worker(farm, f"{asset.id}-{asset.edition}-1", tmp_path)
    # then
    assert outcome is Outcome.NOTHING
    assert await services.database["chunks"].count_documents({}) == 0


async def test_a_chunk_of_a_plan_that_is_just_being_written_waits(farm: Farm, page: Page, tmp_path: Path) -> None:
    # given: a sweep sends a chunk between the writing of the chunks and the asset's own step
    before = await begun(farm, page)
    services = farm.server.services
    chunks = services.library.recordings.chunks
    assert await chunks.spread(before, LADDER)
    store = AssetStore(services.database)
    spread = await store.get(before.id)
    assert spread is not None
    assert await store.move(spread, before)
    # when
    outcome = await give_to_worker(farm, f"{before.id}-{before.work.attempt}-1", tmp_path)
    # then
    assert outcome is Outcome.NOTHING
    assert len(await ChunkStore(services.database).of_edition(before.id, before.work.attempt)) == 2


async def test_what_a_stopped_plan_has_made_goes_once_no_worker_can_be_writing(farm: Farm, page: Page) -> None:
    # given
    asset = await planned(farm, page)
    services = farm.server.services
    recordings = services.library.recordings
    prefix = edition_prefix(asset.id, asset.edition)
    await page.sign_in("zhanghong", PASSWORD)
    lesson_id = (await page.ask("GET", "/api/my/lessons"))[1]["items"][0]["id"]
    assert (await page.ask("POST", f"/api/my/lessons/{lesson_id}/cancel"))[0] == 200

    # when: right after it was stopped
    await recordings.tidy()
    # then
    assert len(await services.objects.list_keys(prefix)) == 1

    # when: a lease and a write later; twice, as after a crash
    await services.database["assets"].update_one(
        {"_id": asset.id}, {"$set": {"work.ended_at": services.clock.now() - timedelta(minutes=2)}}
    )
    await recordings.tidy()
    await recordings.tidy()
    # then
    assert await services.objects.list_keys(prefix) == []
    assert await services.objects.list_keys(f"public/takes/{asset.source.ref}/") != []


async def made(farm: Farm, asset: Asset) -> Asset:
    """An asset whose chunks are made, ready to be watched."""
    recordings = farm.server.services.library.recordings
    await recordings.queue.gather(asset)
    joining = await eventually(lambda: recordings.queue.claim(asset.id))
    assert await recordings.finish(joining, Made(4000, 1, (), "master.m3u8", None, None, None))
    ready = await AssetStore(farm.server.services.database).get(asset.id)
    assert ready is not None
    return ready


async def test_pages_that_are_open_go_on_for_hours_after_a_replay_was_made_anew(farm: Farm, page: Page) -> None:
    # given: a replay that could be watched is made anew, because it has got longer
    first = await made(farm, await planned(farm, page))
    services = farm.server.services
    recordings = services.library.recordings
    stream = await services.streams.get(first.source.ref)
    longer_ms = await farm.record(stream, [RunOf(6.0, width=64, height=64)])
    await recordings.take_ready(stream, longer_ms, has_video=True, has_audio=True)
    looking = await eventually(lambda: recordings.queue.claim(first.id))
    assert await recordings.chunks.spread(looking, LADDER)
    spread = await AssetStore(services.database).get(first.id)
    assert spread is not None
    second = await made(farm, spread)
    assert second.playlist_key != first.playlist_key

    async def left_after(passed: timedelta) -> int:
        ended_at = services.clock.now() - passed
        change = {"$set": {"work.ended_at": ended_at}, "$unset": {"untidy_until": 1}}
        await services.database["assets"].update_one({"_id": first.id}, change)
        await recordings.tidy()
        return len(await services.objects.list_keys(edition_prefix(first.id, first.edition)))

    # then
    assert await left_after(timedelta(hours=5)) == 1
    assert await left_after(timedelta(hours=7)) == 0


async def test_what_earlier_versions_left_goes_as_well(farm: Farm, page: Page) -> None:
    # given a stopped video of before anybody noted what lies beside it, and since when
    asset = await planned(farm, page)
    services = farm.server.services
    assert await services.library.recordings.queue.cancel(asset)
    await services.database["assets"].update_one({"_id": asset.id}, {"$unset": {"work.ended_at": 1, "untidy": 1}})
    # when
    await AssetStore(services.database).make_indexes()
    await services.library.recordings.tidy()
    # then
    assert await services.objects.list_keys(edition_prefix(asset.id, asset.edition)) == []
    assert await services.database["chunks"].count_documents({}) == 0


async def test_an_upload_that_becomes_no_lesson_leaves_nothing(farm: Farm, tmp_path: Path) -> None:
    # given: the course was taken away while the video was on its way
    services = farm.server.services
    other = await services.accounts.register("wangfang", PASSWORD, "王芳", None, roles=HOSTS)
    course = await services.library.courses.add_course(other, "茶园管护", "")
    path = tmp_path / "video"
    await asyncio.to_thread(path.write_bytes, make_video(0.4, width=64, height=64))
    # when
    with pytest.raises(NotAllowed):
        await services.library.recordings.add_upload(farm.host, "剪枝", course.id, path, 1000)
    # then
    assert await services.objects.list_keys("uploads/") == []
    assert await services.database["assets"].count_documents({}) == 0


@pytest.mark.parametrize(("age", "is_there"), [(timedelta(days=2), False), (timedelta(hours=1), True)])
async def test_an_upload_whose_server_died_before_the_lesson_goes_after_a_day(
    farm: Farm, age: timedelta, is_there: bool
) -> None:
    # given: the video was made by workers, but of the lesson nobody knows
    services = farm.server.services
    now = services.clock.now()
    key = upload_key("lost")
    asset = upload_without_lesson(farm, "lost", now - age)
    made = edition_prefix(asset.id, 1) + "master.m3u8"
    for written in (key, made):
        await services.objects.put(written, b"a video", "application/octet-stream")
    await AssetStore(services.database).add(asset)

    # when
    await services.library.recordings.tidy()

    # then
    found = [
        *await services.objects.list_keys("uploads/"),
        *await services.objects.list_keys(edition_prefix("lost", 1)),
    ]
    assert (await services.database["assets"].count_documents({}), sorted(found)) == (
        (1, sorted([key, made])) if is_there else (0, [])
    )


async def test_old_replays_that_are_taught_in_a_course_stay(farm: Farm, page: Page) -> None:
    # given: the oldest of three replays is a lesson of a course that its host made
    runs = [RunOf(0.4, width=64, height=64)]
    lesson_ids = [await farm.lesson_of(page, await farm.broadcast(runs)) for _ in range(3)]
    await page.sign_in("zhanghong", PASSWORD)
    _, course = await page.ask("POST", "/api/my/courses", {"title": "冬季修剪"})
    chapters = [{"title": "第一章", "lesson_ids": [lesson_ids[0]]}]
    status, _ = await page.ask(
        "PUT", f"/api/my/courses/{course['id']}/lessons", {"version": course["version"], "chapters": chapters}
    )
    assert status == 200
    # when
    removed = await farm.server.services.library.recordings.remove_old_replays(farm.host.id, keep=1)
    # then
    assert removed == 1
    found = [(await page.ask("GET", f"/api/lessons/{lesson_id}"))[0] for lesson_id in lesson_ids]
    assert found == [200, 404, 200]


async def test_uploads_that_wait_for_their_lesson_keep_no_other_from_its_turn(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: a sweep that looks at two at once, and two uploads whose lesson may still come
    monkeypatch.setattr("server.making.records.SWEPT_AT_ONCE", 2)
    services = farm.server.services
    now = services.clock.now()
    ages = {"first": timedelta(hours=3), "second": timedelta(hours=2)}
    for name, age in ages.items():
        await AssetStore(services.database).add(upload_without_lesson(farm, name, now - age))
    # and one that came later, whose lesson will never come: it is due as soon as it is looked at
    late = replace(upload_without_lesson(farm, "late", now - timedelta(hours=1)), created_at=now - timedelta(days=2))
    await AssetStore(services.database).add(late)

    # when
    for _ in range(2):
        await services.library.recordings.tidy()

    # then
    left = {document["_id"] async for document in services.database["assets"].find({})}
    assert left == set(ages)


def upload_without_lesson(farm: Farm, name: str, ended_at: datetime) -> Asset:
    work = replace(begin(ended_at), state=WorkState.READY, ended_at=ended_at)
    return Asset(name, Source(SourceKind.UPLOAD, upload_key(name)), farm.host.id, ended_at, work, untidy=True)


async def everything(farm: Farm) -> list[str]:
    """All objects of videos, and all records that name them."""
    services = farm.server.services
    prefixes = ("uploads/", "public/assets/", "public/takes/", "public/clips/")
    keys = [key for prefix in prefixes for key in await services.objects.list_keys(prefix)]
    names = ("assets", "chunks", "lessons", "lesson_progress", "lesson_texts", "clips")
    records = [
        f"{name}: {one['_id']}" for name in names async for one in services.database[name].find({}, {"_id": 1})
    ]
    return keys + records


async def later(farm: Farm, passed: timedelta) -> None:
    """What the sweeps do then; twice, as after a crash."""
    services = farm.server.services
    change = {"$set": {"work.ended_at": services.clock.now() - passed}, "$unset": {"untidy_until": 1}}
    for name in ("assets", "clips"):
        await services.database[name].update_many({}, change)
    for _ in range(2):
        await services.library.recordings.tidy()
        await services.library.clips.tidy()


async def test_a_teacher_takes_a_video_away_while_it_is_made_and_nothing_of_it_stays(farm: Farm, page: Page) -> None:
    # given: one that nobody has begun with
    await page.sign_in("zhanghong", PASSWORD)
    lesson = await upload(page, "拍错了", make_video(0.4, width=64, height=64))
    path = f"/api/my/lessons/{lesson['id']}"
    await farm.server.services.accounts.register("liming", PASSWORD, "李明", None, roles=HOSTS)
    await page.sign_in("liming", PASSWORD)
    assert (await page.ask("DELETE", path))[0] == 404  # to others there is no such video yet

    # when
    asset = await farm.server.services.database["assets"].find_one({})
    assert asset is not None
    await page.sign_in("zhanghong", PASSWORD)
    assert (await page.ask("DELETE", path))[0] == 204

    # then
    assert (await page.ask("GET", f"/api/lessons/{lesson['id']}"))[0] == 404
    assert (await page.ask("GET", "/api/my/lessons"))[1]["items"] == []
    assert (await page.ask("DELETE", path))[0] == 404
    await later(farm, timedelta(minutes=2))
    assert await everything(farm) == [f"assets: {asset['_id']}"]
    await later(farm, timedelta(days=1, minutes=2))
    assert await everything(farm) == []


async def test_a_host_takes_a_replay_away_and_it_does_not_come_back(farm: Farm, page: Page) -> None:
    # given: a replay with a clip that a worker is cutting; somebody has watched a part
    first = await made(farm, await planned(farm, page))
    services = farm.server.services
    recordings, clips = services.library.recordings, services.library.clips
    stream = await services.streams.get(first.source.ref)
    lesson = await recordings.replay_of(stream.id)
    await page.sign_in("zhanghong", PASSWORD)
    report = {"position_ms": 300, "intervals": [[0, 300]]}
    assert (await page.ask("PUT", f"/api/lessons/{lesson.id}/progress", report))[0] == 200
    longer_ms = await farm.record(stream, [RunOf(6.0, width=64, height=64)])
    clip = await clips.add(farm.host, lesson.id, "剪口", (0, 2000), None)
    cutting = await eventually(lambda: clips.queue.claim(clip.clip.id))

    # when: not another host, but he
    await services.accounts.register("liming", PASSWORD, "李明", None, roles=HOSTS)
    await page.sign_in("liming", PASSWORD)
    assert (await page.ask("DELETE", f"/api/my/lessons/{lesson.id}"))[0] == 403
    await page.sign_in("zhanghong", PASSWORD)
    assert (await page.ask("DELETE", f"/api/my/lessons/{lesson.id}"))[0] == 204
    # and: the worker, which does not know yet, brings the clip
    await services.objects.put(clip_prefix(cutting.id, cutting.edition) + "clip.mp4", b"video", "video/mp4")
    assert not await clips.finish(cutting, 2000, 0, has_poster=False)

    async def is_away() -> None:
        assert (await page.ask("GET", "/api/my/lessons"))[1]["items"] == []
        assert (await page.ask("GET", f"/api/streams/{stream.id}/replay"))[0] == 404
        assert (await page.ask("GET", f"/api/my/streams/{stream.id}/fill"))[0] == 404
        assert (await services.streams.get(stream.id)).lesson_id is None

    async def is_told_again() -> None:
        await recordings.take_ready(stream, longer_ms, has_video=True, has_audio=True)

    # then: it is away, whoever tells of it once more, and nothing of it stays but the note that it is
    note = [f"assets: {first.id}"]
    await is_told_again()
    await is_away()
    await later(farm, timedelta(minutes=2))
    assert await everything(farm) == note
    # and: also when its node was down, and brings the take a day later
    await farm.record(stream, [RunOf(6.0, width=64, height=64)])
    await is_told_again()
    await is_away()
    await later(farm, timedelta(days=1, minutes=2))
    assert await everything(farm) == note
    await farm.record(stream, [RunOf(6.0, width=64, height=64)])
    await is_told_again()
    await is_away()
    await later(farm, timedelta(minutes=2))
    assert await everything(farm) == note
