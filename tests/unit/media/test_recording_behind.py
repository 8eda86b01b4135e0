"""An object store that takes a call and never answers: the recording is behind, though nothing has failed yet."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from media.recording.take_spool import TakeSpool
from media.recording.tracks import SECOND_NS
from media.recording.upload import SILENT_SECONDS, Uploader
from tests.unit.media.object_shelf import ObjectShelf


class SilentShelf(ObjectShelf):
    """Answers what is put only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        self.asked.set()
        await self.answers.wait()
        await super().put(key, data, content_type)


async def test_an_object_store_that_does_not_answer_is_told_of_before_the_call_has_failed(tmp_path: Path) -> None:
    # given a closed part, and a store that hangs
    spool = TakeSpool.open(tmp_path, "stream", "room")
    spool.begin(datetime(2026, 5, 1, tzinfo=UTC))
    spool.begin_run(b"init", "avc1.42e01f", "opus", (320, 240))
    spool.begin_part(0, keyframe=True)
    spool.write_fragment(b"a" * 100, SECOND_NS)
    spool.close_part(SECOND_NS)
    now = [100.0]
    shelf = SilentShelf()
    uploader = Uploader(spool, shelf, clock=lambda: now[0])
    uploading = asyncio.create_task(uploader.upload_closed())
    await asyncio.wait_for(shelf.asked.wait(), 10)
    told = [uploader.is_behind]
    # when
    now[0] += SILENT_SECONDS + 1
    # then
    told.append(uploader.is_behind)
    # and when it answers at last
    shelf.answers.set()
    await asyncio.wait_for(uploading, 10)
    assert [*told, uploader.is_behind] == [False, True, False]
    spool.close()
