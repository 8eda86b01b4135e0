"""Recorded files that vanish from the spool: a named gap, told loudly, and the recording ends all the same."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import m3u8
import pytest

from media.recording.journal import mend
from media.recording.take import Take, init_name, part_name
from media.recording.take_spool import TakeSpool
from media.recording.tracks import SECOND_NS
from media.recording.upload import Uploader
from tests.unit.media.object_shelf import ObjectShelf


async def upload(folder: Path, shelf: ObjectShelf) -> dict[str, Any]:
    """What recovery makes of a folder."""
    spool = TakeSpool.reopen(folder)
    summary = await Uploader(spool, shelf).publish()
    assert spool.waiting_for_upload() == []
    spool.close()
    take: dict[str, Any] = json.loads(shelf.held["public/takes/stream/take.json"])
    assert take["duration_ms"] == summary.duration_ms
    return take


def four_parts(folder: Path) -> TakeSpool:
    """Four closed parts of a second, and nothing uploaded."""
    spool = TakeSpool.open(folder, "stream", "room")
    spool.begin(datetime(2026, 5, 1, tzinfo=UTC))
    spool.begin_run(b"init", "avc1.42e01f", "opus", (320, 240))
    for second in range(4):
        spool.begin_part(second * SECOND_NS, keyframe=True)
        spool.write_fragment(b"a" * 100, (second + 1) * SECOND_NS)
        spool.close_part((second + 1) * SECOND_NS)
    return spool


@pytest.mark.parametrize(("gone", "gap"), [(1, (1000, 2000)), (3, (3000, 4000))])
async def test_a_part_that_is_gone_is_a_gap_that_is_told(
    tmp_path: Path, gone: int, gap: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    # given a spool from which a part has vanished
    four_parts(tmp_path).close()
    (tmp_path / "stream" / part_name(gone)).unlink()
    # when
    shelf = ObjectShelf()
    take = await upload(tmp_path / "stream", shelf)
    # then the rest is there, and what is missing is named
    assert [part["name"] for part in take["parts"]] == [part_name(n) for n in range(4) if n != gone]
    assert take["gaps"] == [{"start_ms": gap[0], "end_ms": gap[1]}]
    assert "A RECORDED FILE IS GONE" in capsys.readouterr().out
    playlist = m3u8.loads(shelf.held["public/takes/stream/index.m3u8"].decode())
    assert [segment.discontinuity for segment in playlist.segments] == [False, gone == 1, False]
    # and who goes on with the stream gives no part a name that is taken
    later = Take("stream", "room", is_unasked=True, first_number=7)
    later.apply({"what": "earlier", "take": take})
    assert later.next_part not in {part["name"] for part in take["parts"]}


async def test_a_part_that_only_the_object_store_has_is_no_gap(tmp_path: Path) -> None:
    # given a part that was uploaded and dropped when the disk took no note of it
    four_parts(tmp_path).close()
    shelf = ObjectShelf()
    (tmp_path / "stream" / part_name(1)).rename(tmp_path / "part")
    await shelf.put_file(f"public/takes/stream/{part_name(1)}", tmp_path / "part", "")
    # when
    take = await upload(tmp_path / "stream", shelf)
    # then
    assert (len(take["parts"]), take["gaps"]) == (4, [])


async def test_a_run_whose_beginning_is_gone_is_a_gap_and_the_recording_ends_all_the_same(tmp_path: Path) -> None:
    # given
    spool = four_parts(tmp_path)
    spool.begin_run(b"init", "avc1.42e01f", "opus", (640, 480))
    spool.begin_part(4 * SECOND_NS, keyframe=True)
    spool.write_fragment(b"a" * 100, 5 * SECOND_NS)
    spool.close_part(5 * SECOND_NS)
    (tmp_path / "stream" / init_name(0)).unlink()
    # when, while it is recorded
    shelf = ObjectShelf()
    async with asyncio.timeout(10):
        summary = await Uploader(spool, shelf).publish()
    spool.close()
    # then
    take = json.loads(shelf.held["public/takes/stream/take.json"])
    assert [part["start_ms"] for part in take["parts"]] == [4000]
    assert take["gaps"] == [{"start_ms": 0, "end_ms": 4000}]
    assert summary.duration_ms == 5000


def test_a_part_that_was_lost_stays_lost_when_the_journal_is_read_again(tmp_path: Path) -> None:
    spool = four_parts(tmp_path)
    spool.mark_lost(part_name(2))
    spool.close()
    for _ in range(2):
        take = mend(tmp_path / "stream")
        assert (take.lost, part_name(2) in take.uploaded) == ({part_name(2)}, False)
