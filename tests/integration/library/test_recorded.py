"""What the media node's own recorder wrote becomes a lesson: recorder, server and worker together."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import MediaSettings
from media.recording.recorder import Recorder
from media.recording.tracks import SECOND_NS
from tests.harness.app import Page
from tests.harness.scripted_rtp import H264, OPUS, VP8, broadcast
from tests.harness.takes import RunOf
from tests.integration.library.conftest import Farm, StartWorker, settled

SECONDS = 5


async def test_what_the_recorder_wrote_becomes_a_lesson(
    farm: Farm,
    page: Page,
    start_worker: StartWorker,
    load_settings: Callable[[type[MediaSettings]], MediaSettings],
    tmp_path: Path,
) -> None:
    # given: a broadcast that changed its codec on the way
    services = farm.server.services
    stream = await services.streams.let_in("zhang", services.rooms.key_of(farm.room))
    await services.streams.publisher_joined(stream.id, services.clock.now(), services.clock.now())
    recorder = Recorder(
        stream_id=stream.id,
        room_id=stream.room_id,
        settings=load_settings(MediaSettings).model_copy(update={"spool_folder": str(tmp_path / "spool")}),
        objects=services.objects,
        request_keyframe=lambda: None,
    )
    await recorder.start()
    began_ns = time.monotonic_ns() - 2 * SECONDS * SECOND_NS
    for number, video in enumerate((H264, VP8)):
        recorder.begin_run(video, OPUS)
        for arrival in broadcast(video.codec, SECONDS):
            recorder.add(arrival.kind, arrival.packet, arrival.at_ns + began_ns + number * SECONDS * SECOND_NS)
    summary = await recorder.finish()
    await recorder.aclose()

    # when
    await start_worker()
    await farm.tell(stream, summary.duration_ms, [RunOf()])
    lesson = await settled(page, await farm.lesson_of(page, stream))

    # then
    assert (lesson["state"], lesson["error"]) == ("ready", None)
    assert lesson["duration_ms"] == pytest.approx(2 * SECONDS * 1000, abs=300)
    assert len(lesson["renditions"]) >= 2
