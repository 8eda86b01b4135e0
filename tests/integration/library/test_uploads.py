"""Uploaded videos become lessons, whatever happens to the line and the server, or a clear refusal."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from config.objects import S3Objects
from dongting.ports import free_ports, ports_named_in
from server.accounts.model import Role
from server.errors import Conflict
from server.recordings.model import upload_key
from server.uploads.model import PART_BYTES, Part, TakenOver, UploadStopped
from server.uploads.service import FINISH_AGAIN, Uploads
from server.uploads.store import UploadStore
from tests.harness.app import Page
from tests.harness.data_servers import Environment
from tests.harness.processes import running
from tests.harness.takes import make_video
from tests.harness.tus import TUS, UPLOADS, append, begin_upload, offset_of, upload
from tests.integration.library.conftest import PASSWORD, Farm, StartWorker, eventually, settled

LIMIT_BYTES = 40_000_000
HEAD = b"\0\0\0\x18ftypmp42"
HOSTS = frozenset({Role.VIEWER, Role.HOST})
LARGE = HEAD + os.urandom(3 * PART_BYTES)


@pytest.fixture
def environment(environment: Environment) -> Environment:
    environment |= {"UPLOAD_LIMIT_BYTES": str(LIMIT_BYTES), "UPLOADS_TOTAL_BYTES": str(4 * LIMIT_BYTES)}
    return environment


async def begun(page: Page, data: bytes, title: str = "剪枝") -> str:
    status, body = await begin_upload(page, title, len(data))
    assert status == 201, body
    return str(body["path"])


async def kept(farm: Farm, path: str) -> bytes:
    return await farm.server.services.objects.get(upload_key(path.rpartition("/")[2]))


async def leftovers(farm: Farm) -> list[str]:
    """What is left of uploads beside the videos themselves."""
    services = farm.server.services
    open_ones = await asyncio.to_thread(
        lambda: services.objects._client._list_multipart_uploads(services.settings.s3_bucket, prefix="uploads/")
    )
    return [*await services.objects.list_keys("unfinished/"), *(one.object_name for one in open_ones.uploads)]


async def change(farm: Farm, path: str, **fields: Any) -> None:
    uploads = farm.server.services.database["uploads"]
    assert (await uploads.update_one({"_id": path.rpartition("/")[2]}, {"$set": fields})).matched_count


async def test_a_video_becomes_a_lesson_and_broken_ones_say_so(
    farm: Farm, page: Page, start_worker: StartWorker
) -> None:
    # given
    await page.sign_in("zhanghong", PASSWORD)
    whole = make_video(2.0, width=320, height=240, kind="mp4")

    # when: a whole video and one of which only the head came through
    good = await upload(page, "剪枝要点", whole)
    broken = await upload(page, "坏的", whole[:300] + bytes(5000))

    # then: both look like video and wait for a worker
    assert (good["state"], good["title"], broken["state"]) == ("waiting", "剪枝要点", "waiting")
    assert not good["watchable"]

    # when
    await start_worker()

    # then
    ready = await settled(page, good["id"])
    assert (ready["state"], [r["name"] for r in ready["renditions"]]) == ("ready", ["240p", "144p", "slides"])
    assert abs(ready["duration_ms"] - 2000) < 120
    failed = await settled(page, broken["id"])
    assert (failed["state"], failed["error"], failed["playlist_url"]) == ("failed", "broken_source", None)

    # and: it is tried once, and its host sees it in the list
    asset = await farm.server.services.database["assets"].find_one({"work.state": "failed"})
    assert asset is not None
    assert asset["work"]["attempt"] == 1
    assert await titles(page) == {"剪枝要点", "坏的"}


async def titles(page: Page) -> set[str]:
    _, body = await page.ask("GET", "/api/lessons")
    return {lesson["title"] for lesson in body["items"]}


async def test_a_video_comes_in_pieces_of_any_size_over_lines_that_break(farm: Farm, page: Page) -> None:
    # given
    await page.sign_in("zhanghong", PASSWORD)
    path = await begun(page, LARGE)

    # when: pieces smaller and larger than a part
    at = 0
    for size in (100, 700, PART_BYTES - 500, PART_BYTES + 1, 10):
        assert await append(page, path, at, LARGE[at : at + size]) == (204, at + size)
        at += size

    # and: a line that breaks in the middle of one
    async def breaks() -> AsyncIterator[bytes]:
        yield LARGE[at : at + 200_000]
        raise ConnectionResetError

    with pytest.raises((aiohttp.ClientError, ConnectionResetError)):
        await append(page, path, at, breaks())
    after = await offset_of(page, path)
    assert after is not None
    assert at <= after <= at + 200_000

    # then: the rest makes it a lesson, byte for byte, and nothing else is left
    await eventually(lambda: sends_rest(page, path))
    assert hashlib.sha256(await kept(farm, path)).digest() == hashlib.sha256(LARGE).digest()
    assert await leftovers(farm) == []
    assert await offset_of(page, path) == len(LARGE)
    assert await titles(page) == {"剪枝"}


async def sends_rest(page: Page, path: str) -> bool | None:
    """Ask where it is, and send what lacks: True; None if the request before was still at it."""
    at = await offset_of(page, path)
    assert at is not None
    status, told = await append(page, path, at, LARGE[at:])
    assert (status, told) in {(204, len(LARGE)), (409, "wrong_offset")}
    return True if status == 204 else None


async def test_what_came_before_a_line_broke_is_kept(farm: Farm) -> None:
    uploads = farm.server.services.library.uploads
    begun_one = await uploads.begin(farm.host, "剪枝", None, len(LARGE))

    async def breaks() -> AsyncIterator[bytes]:
        yield LARGE[: PART_BYTES + 1000]
        raise UploadStopped("gone")

    with pytest.raises(UploadStopped) as stopped:
        await uploads.append(farm.host, begun_one.id, 0, breaks())
    assert (stopped.value.status, stopped.value.code) == (408, "too_slow")
    assert (await uploads.look(farm.host, begun_one.id)).offset == PART_BYTES + 1000


async def test_a_line_that_breaks_after_the_last_byte_costs_nothing(farm: Farm) -> None:
    uploads = farm.server.services.library.uploads
    for data in (LARGE, LARGE[:1000], LARGE[: 2 * PART_BYTES]):
        begun_one = await uploads.begin(farm.host, "剪枝", None, len(data))

        async def breaks(data: bytes = data) -> AsyncIterator[bytes]:
            yield data
            raise UploadStopped("gone")

        assert (await uploads.append(farm.host, begun_one.id, 0, breaks())).lesson_id is not None


class Hanging:
    """A request whose phone is gone, which the server has not noticed."""

    def __init__(self, data: bytes) -> None:
        self.has_sent = asyncio.Event()
        self.goes_on = asyncio.Event()
        self._data = data

    async def body(self) -> AsyncIterator[bytes]:
        yield self._data
        self.has_sent.set()
        await self.goes_on.wait()
        yield bytes(PART_BYTES)


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def test_a_request_that_comes_later_ends_the_one_before_and_nothing_that_came_is_lost(farm: Farm) -> None:
    # given: a request that hangs; it has kept one part, and holds almost another one
    services = farm.server.services
    uploads = services.library.uploads
    begun_one = await uploads.begin(farm.host, "剪枝", None, len(LARGE))
    came = 2 * PART_BYTES - 1000
    hanging = Hanging(LARGE[:came])
    first = asyncio.create_task(uploads.append(farm.host, begun_one.id, 0, hanging.body()))
    await hanging.has_sent.wait()

    # when: the phone is back, and goes on where it was told
    at = (await uploads.look(farm.host, begun_one.id)).offset
    assert at == PART_BYTES
    with pytest.raises(Conflict) as refused:
        await uploads.append(farm.host, begun_one.id, at, once(LARGE[at:]))
    # then: it is told to look again, for all that came has been kept
    assert refused.value.code == "wrong_offset"
    with pytest.raises(TakenOver):
        await first
    assert (await uploads.look(farm.host, begun_one.id)).offset == came
    whole = await uploads.append(farm.host, begun_one.id, came, once(LARGE[came:]))
    assert whole.lesson_id is not None
    assert await services.objects.get(upload_key(begun_one.id)) == LARGE
    assert await leftovers(farm) == []


async def test_nobody_who_is_at_the_wrong_place_ends_a_request(farm: Farm) -> None:
    # given
    uploads = farm.server.services.library.uploads
    begun_one = await uploads.begin(farm.host, "剪枝", None, PART_BYTES + 1000)
    hanging = Hanging(LARGE[:1000])
    first = asyncio.create_task(uploads.append(farm.host, begun_one.id, 0, hanging.body()))
    await hanging.has_sent.wait()
    # when
    with pytest.raises(Conflict):
        await uploads.append(farm.host, begun_one.id, 500, once(LARGE[500:1000]))
    hanging.goes_on.set()
    # then
    assert (await first).lesson_id is not None


async def test_a_request_of_another_server_is_ended_as_well(farm: Farm) -> None:
    # given
    uploads, others = farm.server.services.library.uploads, uploads_of_another_server(farm)
    begun_one = await uploads.begin(farm.host, "剪枝", None, len(LARGE))
    hanging = Hanging(LARGE[:1000])
    first = asyncio.create_task(others.append(farm.host, begun_one.id, 0, hanging.body()))
    await hanging.has_sent.wait()
    # when
    with pytest.raises(Conflict):
        await uploads.append(farm.host, begun_one.id, 0, once(LARGE))
    # then
    with pytest.raises(TakenOver):
        await first
    assert (await uploads.look(farm.host, begun_one.id)).offset == 1000
    whole = await uploads.append(farm.host, begun_one.id, 1000, once(LARGE[1000:]))
    assert whole.lesson_id is not None
    assert await farm.server.services.objects.get(upload_key(begun_one.id)) == LARGE


class HangingObjects:
    """The object store, of which a server hears no more once it has begun to bring a part."""

    def __init__(self, objects: S3Objects) -> None:
        self.has_begun, self.goes_on = asyncio.Event(), asyncio.Event()
        self._objects = objects

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objects, name)

    async def put_part(self, *part: Any) -> str:
        self.has_begun.set()
        await self.goes_on.wait()
        return await self._objects.put_part(*part)


async def test_a_request_that_hangs_in_the_object_store_finds_itself_too_late(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a request before, which cannot be ended
    monkeypatch.setattr("server.uploads.handover.TAKE_OVER_SECONDS", 0.2)
    services = farm.server.services
    uploads, objects = services.library.uploads, HangingObjects(services.objects)
    begun_one = await uploads.begin(farm.host, "剪枝", None, len(LARGE))
    others = uploads_of_another_server(farm, cast("S3Objects", objects))
    first = asyncio.create_task(others.append(farm.host, begun_one.id, 0, once(LARGE[: PART_BYTES + 1000])))
    await objects.has_begun.wait()

    # when the phone is back and sends more
    second = await uploads.append(farm.host, begun_one.id, 0, once(LARGE[:500]))
    objects.goes_on.set()

    # then nothing of the first one counts any more, not even what it still writes
    with pytest.raises(Conflict) as refused:
        await first
    assert refused.value.code == "wrong_offset"
    whole = await uploads.append(farm.host, begun_one.id, second.offset, once(LARGE[second.offset :]))
    assert whole.lesson_id is not None
    assert await services.objects.get(upload_key(begun_one.id)) == LARGE


def uploads_of_another_server(farm: Farm, objects: S3Objects | None = None) -> Uploads:
    services = farm.server.services
    library = services.library
    store, limits = UploadStore(services.database), library.uploads.limits
    return Uploads(store, objects or services.objects, library.courses, library.recordings, services.clock, limits)


@pytest.mark.parametrize("more", [b"", bytes(PART_BYTES)], ids=["a rest", "a part"])
async def test_what_is_dropped_while_it_is_sent_leaves_nothing_behind(farm: Farm, more: bytes) -> None:
    # given: a request in the middle of its body
    uploads = farm.server.services.library.uploads
    begun_one = await uploads.begin(farm.host, "剪枝", None, len(LARGE))
    is_on_its_way, goes_on = asyncio.Event(), asyncio.Event()

    async def is_sent() -> AsyncIterator[bytes]:
        yield LARGE[:1000]
        is_on_its_way.set()
        await goes_on.wait()
        yield more

    sending = asyncio.create_task(uploads.append(farm.host, begun_one.id, 0, is_sent()))
    await is_on_its_way.wait()

    # when: its teacher wants it no more, and then the request writes what it has
    await uploads.drop(farm.host, begun_one.id)
    goes_on.set()
    with pytest.raises(Conflict):
        await sending

    # then
    assert await leftovers(farm) == []


async def test_of_two_requests_at_the_same_place_one_is_told_to_look_again(farm: Farm, page: Page) -> None:
    await page.sign_in("zhanghong", PASSWORD)
    path = await begun(page, LARGE)
    answers = await asyncio.gather(*(append(page, path, 0, LARGE[:1000]) for _ in range(2)))
    assert set(answers) <= {(204, 1000), (409, "wrong_offset")}
    assert (204, 1000) in answers or await offset_of(
        page, path
    ) == 1000  # the first one had all of it when it was ended
    assert await append(page, path, 7, LARGE[7:900]) == (409, "wrong_offset")
    assert await offset_of(page, path) == 1000


async def test_a_server_that_is_killed_loses_at_most_the_part_on_the_wire(
    farm: Farm, page: Page, environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.uploads.handover.HEARD_SECONDS", 0.2)  # who hears of nothing is waited for no longer
    monkeypatch.setattr("server.uploads.handover.TAKE_OVER_SECONDS", 600.0)
    # given: another server, which has got two parts and some more
    await page.sign_in("zhanghong", PASSWORD)
    path = await begun(page, LARGE)
    (port,) = free_ports(1, ports_named_in(environment))
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:  # a child lives as long as the thread that started it
        loop = asyncio.get_running_loop()
        start = running({**environment, "SERVER_PORT": str(port)}, tmp_path, "server")
        other = (await loop.run_in_executor(thread, stack.enter_context, start))["server"]

        async def goes_on() -> AsyncIterator[bytes]:
            yield LARGE[: 2 * PART_BYTES + 1000]
            await eventually(lambda: has_kept(farm, path, 2 * PART_BYTES))
            await loop.run_in_executor(thread, other.kill)
            yield LARGE[2 * PART_BYTES + 1000 :]

        # when: it dies
        async with Page.open(f"http://127.0.0.1:{port}") as there:
            await there.sign_in("zhanghong", PASSWORD)
            with pytest.raises((aiohttp.ClientError, ConnectionError)):
                await append(there, path, 0, goes_on())
        await loop.run_in_executor(thread, stack.close)

    # then: this one goes on with what was kept
    assert await offset_of(page, path) == 2 * PART_BYTES
    assert await append(page, path, 2 * PART_BYTES, LARGE[2 * PART_BYTES :]) == (204, len(LARGE))
    assert await kept(farm, path) == LARGE
    assert await leftovers(farm) == []


async def has_kept(farm: Farm, path: str, size: int) -> bool | None:
    """True once so much of it is in parts."""
    found = await farm.server.services.database["uploads"].find_one({"_id": path.rpartition("/")[2]})
    return True if found is not None and sum(part["size"] for part in found["parts"]) >= size else None


async def test_a_server_that_died_before_the_lesson_was_made_leaves_it_to_the_others(farm: Farm, page: Page) -> None:
    # given: all of it has come, twice: one was joined already, of the other nothing is done
    await page.sign_in("zhanghong", PASSWORD)
    services = farm.server.services
    paths = [await begun(page, LARGE, title) for title in ("一", "二")]
    uploads = services.library.uploads
    for path in paths:
        assert (await append(page, path, 0, LARGE[:-100]))[0] == 204
        found = await uploads.look(farm.host, path.rpartition("/")[2])
        key = upload_key(found.id)
        last = LARGE[found.part_bytes :]
        etag = await services.objects.put_part(key, found.multipart_id or "", found.next_number, last)
        parts = [*found.parts, Part(found.next_number, etag, len(last))]
        if path == paths[1]:
            numbered = [(part.number, part.etag) for part in parts]
            await services.objects.join_parts(key, found.multipart_id or "", numbered)
        long_ago = services.clock.now() + uploads.limits.idle - 2 * FINISH_AGAIN
        await change(farm, path, state="whole", parts=[*map(asdict, parts)], rest=None, expires_at=long_ago)

    # when two look at once, beside the sweep of a server
    await asyncio.gather(uploads.sweep(), uploads.sweep())

    # then: whoever was first makes the lessons
    await eventually(lambda: are_lessons(farm))
    assert await titles(page) == {"一", "二"}
    assert [await kept(farm, path) for path in paths] == [LARGE, LARGE]
    assert await leftovers(farm) == []


async def are_lessons(farm: Farm) -> bool | None:
    """True once nothing is on its way in."""
    return None if await farm.server.services.database["uploads"].find_one({"state": {"$ne": "done"}}) else True


async def test_pages_that_ask_at_once_for_what_is_whole_all_hear_that_it_is(farm: Farm) -> None:
    # given: all of it has come, and no lesson is made of it yet
    services = farm.server.services
    uploads = services.library.uploads
    begun_one = await uploads.begin(farm.host, "剪枝", None, len(LARGE))
    key = upload_key(begun_one.id)
    multipart_id = await services.objects.begin_parts(key)
    etag = await services.objects.put_part(key, multipart_id, 1, LARGE)
    parts = [asdict(Part(1, etag, len(LARGE)))]
    await change(farm, f"{UPLOADS}/{begun_one.id}", state="whole", multipart_id=multipart_id, parts=parts)

    # when
    told = await asyncio.gather(*(uploads.look(farm.host, begun_one.id) for _ in range(6)))

    # then
    assert {upload.offset for upload in told} == {len(LARGE)}
    assert (await uploads.look(farm.host, begun_one.id)).lesson_id is not None


async def test_what_nobody_goes_on_with_is_dropped_with_all_that_came_of_it(farm: Farm, page: Page) -> None:
    # given
    await page.sign_in("zhanghong", PASSWORD)
    services = farm.server.services
    path = await begun(page, LARGE)
    await append(page, path, 0, LARGE[: PART_BYTES + 50])
    assert len(await leftovers(farm)) == 2

    # when
    await change(farm, path, expires_at=services.clock.now() - timedelta(seconds=1))
    await services.library.uploads.sweep()

    # then
    assert await offset_of(page, path) is None
    assert await leftovers(farm) == []
    assert (await page.ask("GET", UPLOADS))[1]["items"] == []


async def test_a_teacher_has_few_uploads_at_once_and_sees_and_drops_them(farm: Farm, page: Page) -> None:
    # given
    await page.sign_in("zhanghong", PASSWORD)
    answers = await asyncio.gather(*(begin_upload(page, f"第{n}课", len(LARGE)) for n in range(5)))

    # then: there are three places, also when five come at once
    assert sorted(status for status, _ in answers) == [201, 201, 201, 409, 409]
    assert {body.get("code") for status, body in answers if status == 409} == {"too_many_uploads"}
    _, listed = await page.ask("GET", UPLOADS)
    assert listed["most_bytes"] == LIMIT_BYTES
    assert {item["offset"] for item in listed["items"]} == {0}

    # when: he wants one no more
    path = f"{UPLOADS}/{listed['items'][0]['id']}"
    await append(page, path, 0, LARGE[:5000])
    async with page.http.delete(path, headers=TUS) as response:
        assert response.status == 204

    # then
    assert await offset_of(page, path) is None
    assert await append(page, path, 0, HEAD) == (404, "not_found")
    assert await leftovers(farm) == []
    assert (await begin_upload(page, "再来", len(LARGE)))[0] == 201


async def test_all_unfinished_uploads_together_have_a_limit(farm: Farm, page: Page) -> None:
    await page.sign_in("zhanghong", PASSWORD)
    for title in ("一", "二", "三"):
        await begin_upload(page, title, LIMIT_BYTES)
    services = farm.server.services
    await services.database["uploads"].update_many({}, {"$set": {"size": 2 * LIMIT_BYTES}})
    status, problem = await begin_upload(page, "四", 1)
    assert (status, problem["code"]) == (503, "no_room")


async def test_what_is_no_video_or_too_large_or_not_allowed_is_refused(farm: Farm, page: Page) -> None:
    # given
    async def refusal(title: str, size: int, **more: str) -> tuple[int, str]:
        status, body = await begin_upload(page, title, size, **more)
        return status, body.get("code", "")

    # then: strangers and viewers may not
    assert await refusal("剪枝", 100) == (401, "sign_in_required")
    await farm.server.services.accounts.register("liming", PASSWORD, "李明", None)
    await page.sign_in("liming", PASSWORD)
    assert await refusal("剪枝", 100) == (403, "not_allowed")

    # and: a host may not send just anything
    await page.sign_in("zhanghong", PASSWORD)
    assert await refusal("剪枝", LIMIT_BYTES + 1) == (413, "body_too_large")
    assert await refusal("剪枝", 0) == (415, "not_a_video")
    assert await refusal(" ", 100) == (400, "bad_request")
    assert await refusal("剪枝", 100, course_id="nowhere") == (404, "not_found")
    text = b"this is a text that is called .mp4" * 100
    path = await begun(page, text)
    assert await append(page, path, 0, text[:200]) == (204, 200)
    assert await append(page, path, 200, text[200:]) == (415, "not_a_video")
    assert await offset_of(page, path) is None

    # and: no more than he has announced
    path = await begun(page, HEAD + bytes(1000))
    assert await append(page, path, 0, HEAD + bytes(1001)) == (413, "body_too_large")
    assert await offset_of(page, path) == 0
    assert await farm.server.services.database["assets"].count_documents({}) == 0
    assert await leftovers(farm) == []


async def test_slow_requests_of_one_teacher_leave_place_for_the_others(farm: Farm) -> None:
    # given: a teacher who sends his few videos many times over, and nothing of any ends
    services = farm.server.services
    uploads = services.library.uploads
    other = await services.accounts.register("otherhost", PASSWORD, "别人", None, roles=HOSTS)
    slow = []
    for begun_one in [await uploads.begin(farm.host, f"第{n}课", None, len(LARGE)) for n in range(3)]:
        for n in range(6):
            at = 100 * n
            if n:  # ends the one before, which keeps what it has
                with pytest.raises(Conflict):
                    await uploads.append(farm.host, begun_one.id, at - 100, once(LARGE[at - 100 :]))
            hanging = Hanging(LARGE[at : at + 100])
            slow.append(asyncio.create_task(uploads.append(farm.host, begun_one.id, at, hanging.body())))
            await hanging.has_sent.wait()

    # when
    upload_of_other = await uploads.begin(other, "剪枝", None, len(LARGE))
    done = await uploads.append(other, upload_of_other.id, 0, once(LARGE))

    # then
    assert done.lesson_id is not None
    assert sum(task.done() for task in slow) == 15
    for task in slow:
        task.cancel()
    ends = await asyncio.gather(*slow, return_exceptions=True)
    assert sum(isinstance(end, TakenOver) for end in ends) == 15


async def test_an_upload_is_its_teachers_alone(farm: Farm, page: Page) -> None:
    await farm.server.services.accounts.register("otherhost", PASSWORD, "别人", None, roles=HOSTS)
    await page.sign_in("zhanghong", PASSWORD)
    path = await begun(page, LARGE)
    await page.sign_in("otherhost", PASSWORD)
    assert await offset_of(page, path) is None
    assert await append(page, path, 0, HEAD) == (404, "not_found")
    async with page.http.delete(path, headers=TUS) as response:
        assert response.status == 404
    assert (await page.ask("GET", UPLOADS))[1]["items"] == []


async def test_who_does_not_speak_the_protocol_is_told_how_it_goes(farm: Farm, page: Page) -> None:
    await page.sign_in("zhanghong", PASSWORD)
    async with page.http.options(UPLOADS) as response:
        assert response.status == 204
        assert response.headers["Tus-Extension"] == "creation,termination,expiration"
        assert response.headers["Tus-Max-Size"] == str(LIMIT_BYTES)
    path = await begun(page, LARGE)
    body = {**TUS, "Content-Type": "application/offset+octet-stream"}
    for method, where, headers, expected in (
        ("POST", UPLOADS, {"Upload-Length": "5"}, (412, "unsupported_version")),
        ("POST", UPLOADS, {"Tus-Resumable": "0.2.2", "Upload-Length": "5"}, (412, "unsupported_version")),
        ("POST", UPLOADS, {**TUS, "Upload-Defer-Length": "1"}, (400, "bad_request")),
        ("POST", UPLOADS, {**TUS, "Upload-Length": "-1"}, (400, "bad_request")),
        ("POST", UPLOADS, {**TUS, "Upload-Length": "5", "Upload-Metadata": "title ?"}, (400, "bad_request")),
        ("PATCH", path, {**TUS, "Upload-Offset": "0"}, (415, "unsupported_type")),
        ("PATCH", path, body, (400, "bad_request")),
        ("PATCH", path, {**body, "Upload-Offset": "x"}, (400, "bad_request")),
        ("PATCH", path, {**body, "Upload-Offset": "5"}, (409, "wrong_offset")),
        ("POST", path, TUS, (400, "bad_request")),
    ):
        async with page.http.request(method, where, headers=headers) as response:
            problem = await response.json(content_type=None)
            assert (response.status, problem["code"]) == expected, (method, headers)
            assert (response.headers["Tus-Resumable"], response.headers["Tus-Version"]) == ("1.0.0", "1.0.0")

    # and: who cannot PATCH says so with POST; every answer names the end of an idle upload
    instead = {**body, "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    async with page.http.post(path, data=LARGE[:1000], headers=instead) as response:
        assert (response.status, response.headers["Upload-Offset"]) == (204, "1000")
        assert response.headers["Upload-Expires"].endswith("GMT")
