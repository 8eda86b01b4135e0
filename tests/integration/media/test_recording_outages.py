"""Recording while something behind it is away: a full disk, an object store that is gone for ten minutes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import media.recording.recorder
from config.objects import Objects, S3Objects
from config.settings import MediaSettings
from media.recording.health import Health
from media.recording.journal import JOURNAL
from media.recording.recorder import Recorder
from media.recording.tracks import SECOND_NS
from tests.harness.data_servers import DataServers
from tests.harness.recorded import decode
from tests.harness.scripted_rtp import (
    H264,
    OPUS,
    Arrival,
    broadcast,
    encoded_pictures,
    encoded_sounds,
    in_order,
    picture_packets,
    sound_packets,
)
from tests.harness.small_disk import NoDisk, small_disk
from tests.integration.media.clients import HookServer
from tests.integration.media.conftest import Running
from tests.integration.media.test_recording_to_s3 import in_the_past, take_of, whole_run
from tests.unit.media.object_shelf import ObjectShelf

LoadSettings = Callable[[type[MediaSettings]], MediaSettings]
AWAY_SECONDS = 600
DISK_BYTES = 2_000_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Where the spool is: a disk that is soon full."""
    try:
        with small_disk(tmp_path / "disk", DISK_BYTES) as folder:
            yield folder
    except NoDisk as error:
        pytest.skip(str(error))


def make_recorder(settings: MediaSettings, objects: Objects, **more: Any) -> Recorder:
    return Recorder(
        stream_id="stream1",
        room_id="room1",
        settings=settings,
        objects=objects,
        request_keyframe=lambda: None,
        **more,
    )


def feed(recorder: Recorder, arrivals: Sequence[Arrival]) -> None:
    for arrival in arrivals:
        recorder.add(arrival.kind, arrival.packet, arrival.at_ns)


def between(arrivals: Sequence[Arrival], start: float, end: float) -> list[Arrival]:
    """Those of some seconds."""
    began = arrivals[0].at_ns
    return [a for a in arrivals if start <= (a.at_ns - began) / SECOND_NS < end]


def written_ms(settings: MediaSettings) -> float:
    """How far the spool of the stream reaches."""
    journal = Path(settings.spool_folder) / "stream1" / JOURNAL
    records = [json.loads(line) for line in journal.read_text().splitlines()[-50:]]
    return max((record["end_ns"] / 1e6 for record in records if record["what"] == "fragment"), default=0.0)


async def until(condition: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 -- what it looks at has no event
            await asyncio.sleep(0.1)


def fill(disk: Path) -> Path:
    """Write until nothing fits any more."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return ballast


async def test_a_disk_that_is_full_for_a_while_costs_that_while_and_no_more(
    load_settings: LoadSettings, objects: S3Objects, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a recording of four seconds
    monkeypatch.setattr(media.recording.recorder, "FIRST_RETRY_SECONDS", 0.05)
    settings = load_settings(MediaSettings).model_copy(update={"spool_folder": str(disk / "spool")})
    arrivals = in_the_past(broadcast("H264", 20), 8)  # its last seconds come as they are fed
    recorder = make_recorder(settings, objects)
    await recorder.start()
    recorder.begin_run(H264, OPUS)
    feed(recorder, between(arrivals, 0, 4))
    await until(lambda: written_ms(settings) > 3_900, "four seconds")
    assert recorder.health is Health.ON
    # when the disk is full for the next four
    ballast = fill(disk)
    feed(recorder, between(arrivals, 4, 8))
    await until(lambda: recorder.health is Health.OFF, "a notice")
    ballast.unlink()
    for tenth in range(80, 200):
        feed(recorder, between(arrivals, tenth / 10, (tenth + 1) / 10))
        await asyncio.sleep(0.08)
    await until(lambda: recorder.health is Health.ON, "the recording to go on")
    summary = await recorder.finish()
    await recorder.remove()
    # then there is one replay, and what it lacks is listed
    assert summary.duration_ms == pytest.approx(20_000, abs=50)
    take = await take_of(objects)
    lost_ms = sum(gap["end_ms"] - gap["start_ms"] for gap in take["gaps"])
    assert lost_ms > 1_000
    seen = [decode(await whole_run(objects, take, run)) for run in sorted({part["run"] for part in take["parts"]})]
    pictures = [at for run in seen for at in run.pictures_ms]
    assert len(pictures) == pytest.approx((20_000 - lost_ms) * 0.03, abs=3 * len(take["gaps"]))
    for before, after in pairwise(pictures):
        is_listed = any(gap["start_ms"] <= before + 70 and after <= gap["end_ms"] + 1 for gap in take["gaps"])
        assert is_listed or after - before < 70
    for run in seen:
        for flash in [at for at in run.flashes_ms if at < run.sound_end_ms - 200]:
            assert min(abs(beep - flash) for beep in run.beeps_ms) < 80


async def test_a_disk_that_is_full_from_the_beginning_costs_the_recording_and_not_the_broadcast(
    load_settings: LoadSettings, objects: S3Objects, disk: Path
) -> None:
    settings = load_settings(MediaSettings).model_copy(update={"spool_folder": str(disk / "spool")})
    fill(disk)
    recorder = make_recorder(settings, objects)
    await recorder.start()
    recorder.begin_run(H264, OPUS)
    feed(recorder, in_the_past(broadcast("H264", 2), 2))
    assert recorder.health is Health.OFF
    assert (await recorder.finish()).duration_ms == 0
    await recorder.remove()


async def test_a_recording_goes_on_as_soon_as_the_object_store_makes_room(
    load_settings: LoadSettings, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a store that is away, and a disk that is full; nothing is tried again by itself for long
    monkeypatch.setattr(media.recording.recorder, "FIRST_RETRY_SECONDS", 600.0)
    settings = load_settings(MediaSettings).model_copy(update={"spool_folder": str(disk / "spool")})
    shelf = ObjectShelf()
    shelf.is_away()
    arrivals = in_the_past(broadcast("H264", 20), 8)
    recorder = make_recorder(settings, shelf, sleep=TurnedClock().sleep)
    await recorder.start()
    recorder.begin_run(H264, OPUS)
    feed(recorder, between(arrivals, 0, 4))
    await until(lambda: written_ms(settings) > 3_900, "four seconds")
    fill(disk)
    feed(recorder, between(arrivals, 4, 8))
    await until(lambda: recorder.health is Health.OFF, "a notice")
    # when it is back
    shelf.fault = None
    for tenth in range(80, 200):
        feed(recorder, between(arrivals, tenth / 10, (tenth + 1) / 10))
        await asyncio.sleep(0.08)
    # then
    assert recorder.health is Health.ON
    summary = await recorder.finish()
    assert summary.duration_ms == pytest.approx(20_000, abs=50)
    await recorder.remove()


class TurnedClock:
    """A clock by which waiting takes no time."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0.001)


def long_broadcast(seconds: int) -> list[Arrival]:
    """Ten seconds, encoded once, over and over."""
    pictures, sounds = encoded_pictures("H264", 10, width=64, height=48), encoded_sounds(10)
    times = range(seconds // 10)
    return in_order(
        picture_packets([(number + 300 * time_, data) for time_ in times for number, data in pictures], "H264"),
        sound_packets([sound for _ in times for sound in sounds]),
    )


async def test_an_object_store_that_is_away_for_ten_minutes_has_everything_in_the_end(
    load_settings: LoadSettings, objects: S3Objects, data_servers: DataServers, tmp_path: Path
) -> None:
    # given a broadcast
    settings = load_settings(MediaSettings).model_copy(update={"spool_folder": str(tmp_path / "spool")})
    clock = TurnedClock()
    arrivals = in_the_past(long_broadcast(AWAY_SECONDS), AWAY_SECONDS)
    recorder = make_recorder(settings, objects, sleep=clock.sleep)
    await recorder.start()
    recorder.begin_run(H264, OPUS)
    # when the store goes, and the broadcast goes on for ten minutes
    store = data_servers.child("s3")
    store.kill()
    for second in range(0, AWAY_SECONDS, 60):
        feed(recorder, between(arrivals, second, second + 60))
        await until(lambda: written_ms(settings) > (second + 59) * 1_000, "the disk to have it")  # noqa: B023
    await until(lambda: sum(clock.waits) > AWAY_SECONDS, "ten minutes to pass")
    # then the host is told, and the store is not asked all the time
    assert recorder.health is Health.BEHIND
    assert clock.waits[:3] == [0.5, 1.0, 2.0]
    assert max(clock.waits) == 15.0
    # and when it is back
    store.start()
    await asyncio.to_thread(store.wait_ready)
    summary = await recorder.finish()
    # then nothing is missing
    assert summary.duration_ms == AWAY_SECONDS * 1_000
    take = await take_of(objects)
    assert take["gaps"] == []
    assert len(decode(await whole_run(objects, take, 0)).pictures_ms) == AWAY_SECONDS * 30
    await recorder.remove()
    assert not (tmp_path / "spool" / "stream1").exists()


async def test_a_host_who_goes_live_again_while_the_object_store_is_away_loses_neither_replay(
    running: Running, hook: HookServer, objects: S3Objects, data_servers: DataServers
) -> None:
    # given a host who is live when the store goes
    host = running.publisher()
    await host.connect()
    await running.heard.wait("publisher_joined")
    store = data_servers.child("s3")
    store.kill()
    # when he ends, and begins again before anything of the first is stored
    assert await host.delete() == 200
    await until(lambda: "oranges" not in running.node.streams, "the first stream to end")
    hook.number = 2
    again = running.publisher()
    assert await again.connect() == 201
    await until(lambda: running.heard.names().count("publisher_joined") == 2, "the second stream")
    assert await again.delete() == 200
    await until(lambda: not running.node.streams, "the second stream to end")
    assert "take_ready" not in running.heard.names()
    store.start()
    await asyncio.to_thread(store.wait_ready)
    # then
    await until(lambda: running.heard.names().count("take_ready") == 2, "both replays")
    ready = {event["stream_id"] for event in running.heard.events if event["event"] == "take_ready"}
    assert ready == {"stream-oranges-1", "stream-oranges-2"}
    for stream_id in ready:
        assert json.loads(await objects.get(f"public/takes/{stream_id}/take.json"))["parts"]
