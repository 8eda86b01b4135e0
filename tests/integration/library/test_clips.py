"""Moments become clips by themselves, hosts cut their own: exact to a picture, trimmed, stopped, taken away."""

from __future__ import annotations

import io
from collections.abc import Awaitable
from datetime import timedelta
from functools import partial
from typing import Any

import av
import pytest
from av.video.frame import VideoFrame

from server.accounts.model import Role
from server.clips.model import Clip, Shown
from server.errors import Conflict
from server.streams.model import Stream
from tests.harness.app import Page
from tests.harness.data_servers import Environment
from tests.harness.takes import RunOf, number_in
from tests.integration.library.conftest import PASSWORD, Farm, StartWorker, eventually

pytestmark = pytest.mark.long

FRAMES_PER_SECOND = 15


@pytest.fixture
def unhurried_leases(environment: Environment) -> None:
    """Leases that no slow machine lets run out, for tests that are the workers themselves."""
    environment["JOB_LEASE_SECONDS"] = "60"


async def numbers_in(page: Page, url: str) -> tuple[list[int], int]:
    """The numbers burnt into a clip's pictures, and how wide they are."""
    async with page.http.get(url) as response:
        assert response.status == 200, url
        data = await response.read()
    with av.open(io.BytesIO(data), "r") as container:
        frames = [frame for frame in container.decode(video=0) if isinstance(frame, VideoFrame)]
    return [number_in(frame) for frame in frames], frames[0].width


def pictures_between(start_ms: int, end_ms: int) -> list[int]:
    step_ms = 1000 / FRAMES_PER_SECOND
    return [number for number in range(10_000) if start_ms - 1 <= number * step_ms < end_ms - 1]


async def own_clips(page: Page, lesson_id: str) -> list[dict[str, Any]]:
    status, body = await page.ask("GET", f"/api/my/lessons/{lesson_id}/clips")
    assert status == 200, body
    items: list[dict[str, Any]] = body["items"]
    return items


async def some(asked: Awaitable[list[dict[str, Any]]]) -> list[dict[str, Any]] | None:
    """A list once there is something in it."""
    return await asked or None


async def cut_to(page: Page, lesson_id: str, clip_id: str, start_ms: int) -> dict[str, Any]:
    """A clip once it is made and begins there."""

    async def find() -> dict[str, Any] | None:
        for clip in await own_clips(page, lesson_id):
            if clip["id"] == clip_id and (clip["state"], clip["start_ms"]) == ("ready", start_ms):
                return clip
        return None

    found: dict[str, Any] = await eventually(find)
    return found


async def test_cards_become_clips_with_exactly_their_pictures(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: a product and a lesson were pinned, a second after and half a second before a keyframe
    lesson_pins = [(5500, 10_100, "lesson-on-pruning")]
    stream = await farm.broadcast(
        [RunOf(12.0, width=1280, height=720)], [(1000, 5000, farm.oranges)], lesson_pins=lesson_pins
    )
    lesson_id = await farm.lesson_of(page, stream)
    await start_worker()

    # when
    async def both() -> list[dict[str, Any]] | None:
        _, body = await page.ask("GET", f"/api/lessons/{lesson_id}/clips")
        return body["items"] if len(body["items"]) == 2 else None

    first, second = await eventually(both)

    # then: in the size in which they were recorded
    assert (first["product_id"], first["at_ms"], first["duration_ms"]) == (farm.oranges.id, 1000, 4000)
    assert await numbers_in(page, first["video_url"]) == (pictures_between(1000, 5000), 1280)
    assert (second["product_id"], second["pinned_lesson_id"]) == (None, "lesson-on-pruning")
    assert await numbers_in(page, second["video_url"]) == (pictures_between(5500, 10_100), 1280)

    # and: everybody finds them by their product and by their link
    _, of_product = await page.ask("GET", f"/api/products/{farm.oranges.id}/clips")
    assert [clip["id"] for clip in of_product["items"]] == [first["id"]]
    assert (await page.ask("GET", f"/api/clips/{first['id']}"))[1] == first


async def filled(farm: Farm, stream: Stream) -> None:
    """A stream with two seconds missing from 2 s on is whole, and all have heard of it."""
    recorded_ms = await farm.record(stream, [RunOf(seconds, width=64, height=64) for seconds in (2.0, 2.0, 4.0)])
    services = farm.server.services
    again = await services.streams.get(stream.id)

    async def heard() -> bool | None:
        try:
            await services.library.recordings.take_ready(again, recorded_ms, has_video=True, has_audio=True)
        except Conflict:  # the server hears of the first take at this moment, for the second time
            return None
        return True

    await eventually(heard)


async def test_clips_know_their_place_in_a_replay_that_got_something_in_between(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given: a clip from after an interruption
    await start_worker()
    runs = [RunOf(2.0, width=64, height=64), RunOf(4.0, width=64, height=64, gap_seconds=2.0)]
    stream = await farm.broadcast(runs, [(5000, 8000, farm.oranges)])
    lesson_id = await farm.lesson_of(page, stream)

    async def placed(at_ms: int) -> bool | None:
        _, body = await page.ask("GET", f"/api/lessons/{lesson_id}/clips")
        return True if [clip["at_ms"] for clip in body["items"]] == [at_ms] else None

    await eventually(lambda: placed(3000))

    # when: the interruption is filled
    whole = [runs[0], RunOf(2.0, width=64, height=64), RunOf(4.0, width=64, height=64)]
    await farm.tell(stream, await farm.record(stream, whole), whole)

    # then
    await eventually(lambda: placed(5000))


@pytest.mark.usefixtures("unhurried_leases")
async def test_a_clip_that_is_being_cut_meanwhile_gets_its_place_too(farm: Farm, page: Page) -> None:
    # given: a worker cuts the clip from after an interruption
    runs = [RunOf(2.0, width=64, height=64), RunOf(4.0, width=64, height=64, gap_seconds=2.0)]
    stream = await farm.broadcast(runs, [(5000, 8000, farm.oranges)])
    await farm.lesson_of(page, stream)
    clips = farm.server.services.library.clips
    clip_id = f"{stream.id}-5000"
    cutting = await eventually(lambda: clips.queue.claim(clip_id))

    # when: the interruption is filled, and then the worker is done
    await filled(farm, stream)
    assert await clips.finish(cutting, 3000, 3000, has_poster=False)

    # then
    assert (await clips.look(clip_id)).shown == Shown(1, 3000, False, 5000, 5000)


@pytest.mark.usefixtures("unhurried_leases")
async def test_what_is_shown_keeps_its_own_place_while_its_clip_is_cut_anew_from_elsewhere(
    farm: Farm, page: Page
) -> None:
    # given: two clips; the first is shown from 3 s on, and its host wants it to begin at 4.5 s
    runs = [RunOf(2.0, width=64, height=64), RunOf(4.0, width=64, height=64, gap_seconds=2.0)]
    stream = await farm.broadcast(runs, [(5000, 8000, farm.oranges), (6000, 8000, farm.tea)])
    lesson_id = await farm.lesson_of(page, stream)
    clips = farm.server.services.library.clips
    for start_ms in (5000, 6000):
        cutting = await eventually(partial(clips.queue.claim, f"{stream.id}-{start_ms}"))
        assert await clips.finish(cutting, 2000, start_ms - 2000, has_poster=False)
    await clips.change(farm.host, f"{stream.id}-5000", "剪口", (4500, 5500))

    # when: the interruption is filled
    await filled(farm, stream)

    # then: people see the same pieces, two seconds later, in their order
    _, body = await page.ask("GET", f"/api/lessons/{lesson_id}/clips")
    assert [(clip["product_id"], clip["at_ms"]) for clip in body["items"]] == [
        (farm.oranges.id, 5000),
        (farm.tea.id, 6000),
    ]


@pytest.mark.usefixtures("unhurried_leases")
async def test_a_clip_that_is_cut_anew_meanwhile_keeps_the_place_it_was_given(farm: Farm, page: Page) -> None:
    # given: a worker cuts a clip anew that is shown from 3 s on
    runs = [RunOf(2.0, width=64, height=64), RunOf(4.0, width=64, height=64, gap_seconds=2.0)]
    stream = await farm.broadcast(runs, [(5000, 8000, farm.oranges)])
    await farm.lesson_of(page, stream)
    clips = farm.server.services.library.clips
    clip_id = f"{stream.id}-5000"
    assert await clips.finish(await eventually(lambda: clips.queue.claim(clip_id)), 3000, 3000, has_poster=False)
    await clips.change(farm.host, clip_id, "剪口", (3000, 5500))
    cutting = await eventually(lambda: clips.queue.claim(clip_id))

    # when: the interruption is filled, and the worker tells how far it is, and fails
    await filled(farm, stream)
    reported = await clips.queue.report(cutting, 0.5)
    assert reported is not None
    await clips.queue.fail(reported, "broken_source")

    # then
    assert (await clips.look(clip_id)).shown == Shown(1, 3000, False, 5000, 5000)


async def test_a_clip_of_vp8_is_made_anew_to_the_same_picture(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given
    await start_worker()
    stream = await farm.broadcast([RunOf(6.0, video="VP8", width=320, height=180)], [(1000, 5000, farm.oranges)])
    lesson_id = await farm.lesson_of(page, stream)

    # when
    async def one() -> dict[str, Any] | None:
        _, body = await page.ask("GET", f"/api/lessons/{lesson_id}/clips")
        return body["items"][0] if body["items"] else None

    # then
    assert (await numbers_in(page, (await eventually(one))["video_url"]))[0] == pictures_between(1000, 5000)


async def test_a_host_cuts_trims_stops_and_removes(farm: Farm, page: Page, start_worker: StartWorker) -> None:
    # given: a replay with an interruption that is left out of it, and no worker yet
    stream = await farm.broadcast([RunOf(4.0), RunOf(8.0, gap_seconds=3.0)])
    lesson_id = await farm.lesson_of(page, stream)
    await page.sign_in("zhanghong", PASSWORD)
    path = f"/api/my/lessons/{lesson_id}/clips"

    # when: he names a span of the replay, and stops it at once
    draft = {"title": " 剪口要平 ", "start_ms": 5000, "end_ms": 9000, "product_id": farm.tea.id}
    status, clip = await page.ask("POST", path, draft)
    assert (status, clip["title"], clip["state"], clip["by_host"], clip["shown"]) == (
        201,
        "剪口要平",
        "waiting",
        True,
        None,
    )
    own = f"/api/my/clips/{clip['id']}"
    assert (await page.ask("POST", f"{own}/cancel"))[1]["error"] == "cancelled"

    # then: it is made once he wants it again; the second run's pictures begin with 0
    await page.ask("POST", f"{own}/retry")
    await start_worker()
    made = await cut_to(page, lesson_id, clip["id"], 5000)
    assert (await numbers_in(page, made["shown"]["video_url"]))[0] == pictures_between(1000, 5000)
    assert made["shown"]["at_ms"] == 5000

    # when: he lets it begin later
    status, changed = await page.ask("PUT", own, {"title": "剪口要平", "start_ms": 7300, "end_ms": 9000})
    # then: what was there is shown until the new one is made, under another address
    assert (status, changed["start_ms"], changed["shown"]) == (200, 7300, made["shown"])
    trimmed = await cut_to(page, lesson_id, clip["id"], 7300)
    assert trimmed["shown"]["video_url"] != made["shown"]["video_url"]
    assert (await numbers_in(page, trimmed["shown"]["video_url"]))[0] == pictures_between(3300, 5000)

    # when: only the title changes
    status, renamed = await page.ask("PUT", own, {"title": "剪口", "start_ms": 7300, "end_ms": 9000})
    # then: nothing is made for that
    assert (status, renamed["title"], renamed["state"]) == (200, "剪口", "ready")

    # when: it is removed, and workers have had their time
    assert (await page.ask("DELETE", own))[0] == 204
    # then
    assert (await page.ask("GET", f"/api/clips/{clip['id']}"))[0] == 404
    assert await own_clips(page, lesson_id) == []
    services = farm.server.services
    await services.database["clips"].update_one(
        {"_id": clip["id"]}, {"$set": {"work.ended_at": services.clock.now() - timedelta(seconds=24)}}
    )
    await services.library.clips.tidy()
    assert await services.objects.list_keys("public/clips/") == []
    assert await services.database["clips"].count_documents({}) == 0


async def test_a_clip_is_taken_away_also_while_something_is_done_with_it(
    farm: Farm, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a clip whose work is sent to the workers just before it is taken away
    stream = await farm.broadcast([RunOf(4.0, width=64, height=64)], [(1000, 3000, farm.oranges)])
    lesson_id = await farm.lesson_of(page, stream)
    await page.sign_in("zhanghong", PASSWORD)
    (clip,) = await eventually(lambda: some(own_clips(page, lesson_id)))
    services = farm.server.services
    queue, is_sent = services.library.clips.queue, False
    cancel = queue.cancel

    async def cancel_late(gone: Clip) -> Clip | None:
        nonlocal is_sent
        if not is_sent:
            is_sent = True
            later = {"$set": {"work.send_at": services.clock.now() + timedelta(minutes=1)}}
            await services.database["clips"].update_one({"_id": clip["id"]}, later)
        return await cancel(gone)

    monkeypatch.setattr(queue, "cancel", cancel_late)

    # when
    await services.library.clips.remove(farm.host, clip["id"])

    # then
    assert is_sent
    assert await own_clips(page, lesson_id) == []


async def test_a_moments_clip_that_was_taken_away_stays_away(farm: Farm, page: Page) -> None:
    # given: its host has taken it away, and workers have had their time
    runs = [RunOf(4.0, width=64, height=64)]
    stream = await farm.broadcast(runs, [(1000, 3000, farm.oranges)])
    lesson_id = await farm.lesson_of(page, stream)
    await page.sign_in("zhanghong", PASSWORD)
    (clip,) = await eventually(lambda: some(own_clips(page, lesson_id)))
    services = farm.server.services
    await services.objects.put(f"public/clips/{clip['id']}/1/clip.mp4", b"pictures", "video/mp4")
    assert (await page.ask("DELETE", f"/api/my/clips/{clip['id']}"))[0] == 204
    await services.database["clips"].update_one(
        {"_id": clip["id"]}, {"$set": {"work.ended_at": services.clock.now() - timedelta(seconds=24)}}
    )
    await services.library.clips.tidy()
    assert await services.objects.list_keys("public/clips/") == []

    # when: its recording is told again
    await services.library.recordings.take_ready(
        await services.streams.get(stream.id), 4000, has_video=True, has_audio=True
    )

    # then: it is not made again, and goes with its broadcast
    assert await own_clips(page, lesson_id) == []
    assert await services.library.clips.queue.claim(clip["id"]) is None
    await services.library.clips.remove_of(stream.id)
    assert await services.database["clips"].count_documents({}) == 0


async def test_what_can_not_be_cut_is_refused(farm: Farm, page: Page) -> None:
    # given
    lesson_id = await farm.lesson_of(page, await farm.broadcast([RunOf(4.0, width=64, height=64)]))
    path = f"/api/my/lessons/{lesson_id}/clips"

    async def refusal(start_ms: int, end_ms: int, **more: str) -> tuple[int, str]:
        status, body = await page.ask("POST", path, {"title": "茶", "start_ms": start_ms, "end_ms": end_ms, **more})
        return status, body.get("code", "")

    # then: nobody but its host
    assert await refusal(0, 2000) == (401, "sign_in_required")
    await farm.server.services.accounts.register(
        "wangfang", PASSWORD, "王芳", None, roles=frozenset({Role.VIEWER, Role.HOST})
    )
    await page.sign_in("wangfang", PASSWORD)
    assert await refusal(0, 2000) == (403, "not_allowed")

    # and: nothing that is too short, too long, not there, or another's
    await page.sign_in("zhanghong", PASSWORD)
    assert await refusal(0, 999) == (400, "clip_length")
    assert await refusal(2000, 1000) == (400, "clip_length")
    assert await refusal(0, 180_001) == (400, "clip_length")
    assert await refusal(3000, 5000) == (400, "outside_replay")
    assert await refusal(0, 2000, product_id="nothing") == (404, "not_found")
    assert await refusal(0, 2000, title="") == (400, "bad_request")
    assert (await page.ask("DELETE", "/api/my/clips/nothing"))[0] == 404
