"""A stream that was recorded before: the earlier parts stay, whether or not the object store answers at the start."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

import media.recording.upload
from config.settings import MediaSettings
from media.recording.recorder import Recorder
from media.recording.spool import RecoveredTake, recover_spool
from media.recording.tracks import SECOND_NS
from tests.harness.scripted_rtp import H264, OPUS, broadcast
from tests.unit.media.object_shelf import ObjectShelf


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media.recording.upload, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def settings(tmp_path: Path) -> MediaSettings:
    return MediaSettings.model_construct(spool_folder=str(tmp_path), recording_part_seconds=2.0)


async def begin(settings: MediaSettings, objects: ObjectShelf, seconds_ago: int) -> Recorder:
    """A recorder that was given two seconds of media, `seconds_ago`."""
    recorder = Recorder(
        stream_id="stream", room_id="room", settings=settings, objects=objects, request_keyframe=lambda: None
    )
    await recorder.start()
    began_ns = time.monotonic_ns() - seconds_ago * SECOND_NS
    recorder.begin_run(H264, OPUS)
    for arrival in broadcast("H264", 2):
        recorder.add(arrival.kind, arrival.packet, arrival.at_ns + began_ns)
    return recorder


async def record(settings: MediaSettings, objects: ObjectShelf, seconds_ago: int) -> None:
    recorder = await begin(settings, objects, seconds_ago)
    await recorder.finish()
    await recorder.remove()


def take_of(objects: ObjectShelf) -> Any:
    return json.loads(objects.held["public/takes/stream/take.json"])


def check(objects: ObjectShelf, before: dict[str, bytes]) -> None:
    """Both recordings are there, one after the other, and nothing of the first was written anew."""
    take = take_of(objects)
    assert [(part["run"], part["duration_ms"]) for part in take["parts"]] == [(0, 2000), (1, 2000)]
    assert take["parts"][0]["name"] == "part-000000.m4s"
    assert 15_000 < take["parts"][1]["start_ms"] < 60_000
    assert take["duration_ms"] == take["parts"][1]["start_ms"] + 2000
    assert take["gaps"][-1] == {"start_ms": 2000, "end_ms": take["parts"][1]["start_ms"]}
    assert all(objects.held[key] == data for key, data in before.items() if key.endswith((".m4s", ".mp4")))
    for file in [part["name"] for part in take["parts"]] + [run["init"] for run in take["runs"]]:
        assert objects.held[f"public/takes/stream/{file}"]


async def test_an_earlier_take_goes_on(settings: MediaSettings) -> None:
    objects = ObjectShelf()
    await record(settings, objects, 20)
    before = dict(objects.held)
    await record(settings, objects, 2)
    check(objects, before)


async def test_an_earlier_take_that_could_not_be_looked_up_is_kept(settings: MediaSettings) -> None:
    # given
    objects = ObjectShelf()
    await record(settings, objects, 20)
    before = dict(objects.held)
    # when the store is away while the stream begins anew
    objects.is_away()
    recorder = await begin(settings, objects, 2)
    objects.fault = None
    await recorder.finish()
    await recorder.remove()
    # then
    check(objects, before)
    # and a third recording finds both
    await record(settings, objects, 2)
    names = [part["name"] for part in take_of(objects)["parts"]]
    assert len(names) == len(set(names)) == 3


async def test_recovery_keeps_an_earlier_take_that_could_not_be_looked_up(settings: MediaSettings) -> None:
    # given a second recording that crashed while the store was away
    objects = ObjectShelf()
    await record(settings, objects, 20)
    before = dict(objects.held)
    objects.is_away()
    await (await begin(settings, objects, 2)).aclose()
    objects.fault = None
    heard: list[RecoveredTake] = []

    async def hear(take: RecoveredTake) -> bool:
        heard.append(take)
        return len(heard) == 2

    # when it is recovered, twice
    await recover_spool(settings, objects, hear)
    await recover_spool(settings, objects, hear)
    # then
    check(objects, before)
    assert heard[0] == heard[1]


async def test_a_stream_without_media_leaves_the_earlier_take_as_it_is(settings: MediaSettings) -> None:
    objects = ObjectShelf()
    await record(settings, objects, 20)
    before = dict(objects.held)
    objects.is_away()
    recorder = Recorder(
        stream_id="stream", room_id="room", settings=settings, objects=objects, request_keyframe=lambda: None
    )
    await recorder.start()
    objects.fault = None
    await recorder.finish()
    await recorder.remove()
    assert objects.held == before
