"""Recording against a real object store: whole takes, a killed process, a store that is away, a returning stream."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import m3u8
import pytest

from config.objects import ObjectNotFound, ObjectsUnavailable, S3Objects
from config.settings import MediaSettings
from dongting.ports import free_ports
from media.recording.recorder import Recorder
from media.recording.spool import RecoveredTake, recover_spool
from media.recording.take import TakeSummary
from media.recording.tracks import SECOND_NS
from tests.harness.data_servers import Environment
from tests.harness.recorded import decode
from tests.harness.scripted_rtp import H264, OPUS, Arrival, broadcast

LoadSettings = Callable[[type[MediaSettings]], MediaSettings]


@pytest.fixture
def settings(load_settings: LoadSettings, tmp_path: Path) -> MediaSettings:
    """Settings whose spool is this test's own."""
    return load_settings(MediaSettings).model_copy(update={"spool_folder": str(tmp_path / "spool")})


def make_recorder(settings: MediaSettings, objects: S3Objects, asked: list[int] | None = None) -> Recorder:
    return Recorder(
        stream_id="stream1",
        room_id="room1",
        settings=settings,
        objects=objects,
        request_keyframe=lambda: asked.append(1) if asked is not None else None,
    )


def in_the_past(arrivals: list[Arrival], seconds: float) -> list[Arrival]:
    """Scripted arrivals that began `seconds` ago, so that a test need not wait for them."""
    shift = time.monotonic_ns() - int(seconds * SECOND_NS)
    return [Arrival(a.kind, a.at_ns + shift, a.packet) for a in arrivals]


def feed(recorder: Recorder, arrivals: list[Arrival]) -> None:
    recorder.begin_run(H264, OPUS)
    for arrival in arrivals:
        recorder.add(arrival.kind, arrival.packet, arrival.at_ns)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.05)


async def take_of(objects: S3Objects) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(await objects.get("public/takes/stream1/take.json"))
    return body


async def whole_run(objects: S3Objects, take: dict[str, Any], run: int) -> bytes:
    data = await objects.get(f"public/takes/stream1/{take['runs'][run]['init']}")
    for part in take["parts"]:
        if part["run"] == run:
            data += await objects.get(f"public/takes/stream1/{part['name']}")
    return data


async def recover(settings: MediaSettings, objects: S3Objects) -> list[RecoveredTake]:
    """What recovery announces."""
    found: list[RecoveredTake] = []

    async def hear(take: RecoveredTake) -> bool:
        found.append(take)
        return True

    await recover_spool(settings, objects, hear)
    return found


async def test_a_finished_take_is_whole_in_the_object_store(settings: MediaSettings, objects: S3Objects) -> None:
    # given
    recorder = make_recorder(settings, objects)
    await recorder.start()
    # when
    feed(recorder, in_the_past(broadcast("H264", 5), 5))
    summary = await recorder.finish()
    # then
    assert summary == TakeSummary(5000, has_video=True, has_audio=True)
    assert recorder.first_picture_at is not None
    take = await take_of(objects)
    assert len(decode(await whole_run(objects, take, 0)).pictures_ms) == 150
    playlist = m3u8.loads((await objects.get("public/takes/stream1/index.m3u8")).decode())
    assert playlist.is_endlist
    assert [s.uri for s in playlist.segments] == [part["name"] for part in take["parts"]]
    assert sum(s.duration for s in playlist.segments) == pytest.approx(5, abs=0.001)
    keys = await objects.list_keys("public/takes/stream1/")
    assert {key.rsplit("/", 1)[1] for key in keys} == {
        "index.m3u8",
        "take.json",
        "init-0.mp4",
        *(part["name"] for part in take["parts"]),
    }
    assert await recorder.finish() == summary
    await recorder.remove()
    assert not (Path(settings.spool_folder) / "stream1").exists()


async def test_a_take_waits_for_its_bucket(settings: MediaSettings, objects: S3Objects) -> None:
    # given a store without our bucket
    async with S3Objects(settings.model_copy(update={"s3_bucket": "not-made-yet"})) as store:
        with pytest.raises(ObjectsUnavailable):
            await store.get("public/takes/stream1/take.json")
        recorder = make_recorder(settings, store)
        await recorder.start()
        feed(recorder, in_the_past(broadcast("H264", 3), 3))
        # when it is made
        await asyncio.to_thread(store._client.make_bucket, bucket_name="not-made-yet")
        # then
        assert (await recorder.finish()).duration_ms == 3000
        assert (await take_of(store))["duration_ms"] == 3000
        await recorder.remove()


async def test_parts_are_uploaded_while_the_stream_goes_on(settings: MediaSettings, objects: S3Objects) -> None:
    recorder = make_recorder(settings, objects)
    await recorder.start()
    feed(recorder, in_the_past(broadcast("H264", 5), 5))

    async def has_first_part() -> bool:
        return "public/takes/stream1/part-000000.m4s" in await objects.list_keys("public/takes/stream1/")

    await until(has_first_part)
    with pytest.raises(ObjectNotFound):
        await take_of(objects)
    await recorder.finish()
    await recorder.aclose()


async def test_a_keyframe_that_does_not_come_is_asked_for_again(settings: MediaSettings, objects: S3Objects) -> None:
    asked: list[int] = []
    recorder = make_recorder(settings, objects, asked)
    await recorder.start()
    recorder.begin_run(H264, OPUS)

    async def was_asked_twice() -> bool:
        return len(asked) >= 2

    await until(was_asked_twice)
    await recorder.finish()
    await recorder.aclose()


async def test_a_publisher_that_returns_after_the_end_adds_to_the_take(
    settings: MediaSettings, objects: S3Objects
) -> None:
    # given a take that is finished
    first = make_recorder(settings, objects)
    await first.start()
    feed(first, in_the_past(broadcast("H264", 2), 12))
    await first.finish()
    await first.remove()
    # when the same stream is recorded again
    second = make_recorder(settings, objects)
    await second.start()
    feed(second, in_the_past(broadcast("H264", 2), 2))
    summary = await second.finish()
    await second.aclose()
    # then
    take = await take_of(objects)
    assert [part["run"] for part in take["parts"]] == [0, 1]
    assert 10_000 <= take["parts"][1]["start_ms"] < 30_000  # the interruption, and what the first finish took
    assert summary.duration_ms == take["parts"][1]["start_ms"] + 2000
    for run in (0, 1):
        assert len(decode(await whole_run(objects, take, run)).pictures_ms) == 60


async def test_recording_goes_on_while_the_object_store_is_away_and_catches_up(
    settings: MediaSettings, objects: S3Objects
) -> None:
    # given an object store that nobody listens for yet
    (port,) = free_ports(1)
    away = settings.model_copy(update={"s3_endpoint": f"127.0.0.1:{port}", "s3_timeout_seconds": 2.0})
    async with S3Objects(away) as distant:
        recorder = make_recorder(away, distant)
        await recorder.start()
        feed(recorder, in_the_past(broadcast("H264", 5), 5))
        journal = Path(settings.spool_folder) / "stream1" / "journal.jsonl"

        async def has_two_parts() -> bool:
            return journal.read_text().count('"closed"') == 2

        await until(has_two_parts)
        # when it is there
        async with relay(port, settings.s3_endpoint):
            summary = await recorder.finish()
        await recorder.aclose()
    # then
    assert summary.duration_ms == 5000
    assert len(decode(await whole_run(objects, await take_of(objects), 0)).pictures_ms) == 150


@asynccontextmanager
async def relay(port: int, target: str) -> AsyncIterator[None]:
    """Passes connections to `port` on to `target`."""
    host, _, target_port = target.partition(":")
    handlers: set[asyncio.Task[None]] = set()

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        far_reader, far_writer = await asyncio.open_connection(host, int(target_port))
        try:
            await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))
        except asyncio.CancelledError:
            pass  # only this test cancels
        finally:
            for each in (writer, far_writer):
                each.close()
                with suppress(ConnectionError):
                    await each.wait_closed()

    server = await asyncio.start_server(handle, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers)


CHILD = """
import asyncio, sys, time
from config.objects import S3Objects
from config.settings import MediaSettings, load
from media.recording.recorder import Recorder
from tests.harness.scripted_rtp import H264, OPUS, broadcast

async def main():
    settings = load(MediaSettings)
    arrivals = broadcast("H264", 30, width=64, height=48)
    async with S3Objects(settings) as objects:
        recorder = Recorder(
            stream_id="stream1", room_id="room1", settings=settings, objects=objects, request_keyframe=lambda: None
        )
        await recorder.start()
        recorder.begin_run(H264, OPUS)
        began = time.monotonic_ns()
        for arrival in arrivals:
            while (now := time.monotonic_ns()) < began + arrival.at_ns:
                await asyncio.sleep((began + arrival.at_ns - now) / 1e9)
            recorder.add(arrival.kind, arrival.packet, now)
            sys.stdout.write(f"{arrival.at_ns // 1_000_000}\\n")
            sys.stdout.flush()

asyncio.run(main())
"""


async def test_a_killed_recorder_loses_at_most_two_seconds(
    settings: MediaSettings, objects: S3Objects, environment: Environment
) -> None:
    # given a process that has recorded more than 5 seconds
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CHILD),
        env={**os.environ, **environment, "SPOOL_FOLDER": settings.spool_folder},
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    given_ms = 0
    try:
        while given_ms < 5_300:
            given_ms = int(await child.stdout.readline())
    finally:
        # when
        child.kill()
        rest, _ = await child.communicate()
    given_ms = max([given_ms, *map(int, rest.split())])
    recovered = await recover(settings, objects)
    # then
    assert [(take.stream_id, take.room_id) for take in recovered] == [("stream1", "room1")]
    assert recovered[0].summary.duration_ms >= given_ms - 2_000
    take = await take_of(objects)
    seen = decode(await whole_run(objects, take, 0))
    assert seen.pictures_ms[-1] >= given_ms - 2_000
    assert seen.sound_end_ms >= given_ms - 2_000
    assert await recover(settings, objects) == []
    assert not (Path(settings.spool_folder) / "stream1").exists()


async def test_recovery_leaves_a_live_recording_alone(settings: MediaSettings, objects: S3Objects) -> None:
    recorder = make_recorder(settings, objects)
    await recorder.start()
    feed(recorder, in_the_past(broadcast("H264", 2), 2))
    assert await recover(settings, objects) == []
    assert (await recorder.finish()).duration_ms == 2000
    await recorder.aclose()


async def test_a_recorder_that_only_stops_leaves_the_rest_to_recovery(
    settings: MediaSettings, objects: S3Objects
) -> None:
    recorder = make_recorder(settings, objects)
    await recorder.start()
    feed(recorder, in_the_past(broadcast("H264", 3), 3))
    await recorder.aclose()
    recovered = await recover(settings, objects)
    assert [take.summary.duration_ms for take in recovered] == [3000]
