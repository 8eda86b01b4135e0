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
from media.recording.take import Part, Run, Take, init_name, part_name
from media.recording.take_spool import TakeSpool
from media.recording.tracks import SECOND_NS
from media.recording.upload import Uploader
from server.recordings.model import is_worth_a_lesson
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


def next_part_after(take: dict[str, Any]) -> str:
    """The name that the next part of a stream gets, of which the object store has this take."""
    later = Take("stream", "room", is_unasked=True, first_number=7)
    later.apply({"what": "earlier", "take": take})
    return later.next_part


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
    # and who goes on with the stream gives no part a name that was ever told
    assert next_part_after(take) not in {part_name(number) for number in range(4)}


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


async def test_parts_that_the_object_store_has_of_a_last_run_without_a_beginning_keep_their_names(
    tmp_path: Path,
) -> None:
    # given a second run, of which only the part is there
    spool = four_parts(tmp_path)
    spool.begin_run(b"init", "avc1.42e01f", "opus", (640, 480))
    spool.begin_part(4 * SECOND_NS, keyframe=True)
    spool.write_fragment(b"a" * 100, 5 * SECOND_NS)
    spool.close_part(5 * SECOND_NS)
    spool.close()
    (tmp_path / "stream" / init_name(1)).unlink()
    # when
    shelf = ObjectShelf()
    take = await upload(tmp_path / "stream", shelf)
    # then
    assert [part["name"] for part in take["parts"]] == [part_name(number) for number in range(4)]
    assert f"public/takes/stream/{next_part_after(take)}" not in shelf.held


async def test_a_recording_of_which_all_is_gone_says_that_nothing_was_recorded(tmp_path: Path) -> None:
    # given
    four_parts(tmp_path).close()
    for part in (tmp_path / "stream").glob("part-*"):
        part.unlink()
    # when
    spool = TakeSpool.reopen(tmp_path / "stream")
    summary = await Uploader(spool, ObjectShelf()).publish()
    spool.close()
    # then the servers make no lesson of it, as of a broadcast without media
    assert not is_worth_a_lesson(summary.duration_ms, has_video=summary.has_video, has_audio=summary.has_audio)


class Compared(Part):
    """A part that counts how often it is compared with another."""

    times = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return self is other

    __hash__ = None  # type: ignore[assignment]


def test_a_recording_of_which_thousands_of_parts_are_gone_is_gone_through_once() -> None:
    # given
    take = Take("stream", "room", runs=[Run("init-0.mp4", "avc1.42e01f", "opus", 320, 240)])
    take.parts = [Compared(part_name(n), 0, n * SECOND_NS, (n + 1) * SECOND_NS, 100, True) for n in range(5400)]
    take.lost = {part_name(number) for number in range(1, 5400)}
    # when
    rest = take.without_lost()
    # then
    assert ([part.name for part in rest.parts], rest.gaps) == ([part_name(0)], [(SECOND_NS, 5400 * SECOND_NS)])
    assert Compared.times == 0


class Looked(list[Part]):
    """Parts that know how many of them were looked through."""

    times = 0

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        self.times += len(found) if isinstance(index, slice) else 1
        return found


def test_what_follows_a_lost_part_is_not_looked_through_again_and_again(tmp_path: Path) -> None:
    # given four parts, of which one is lost and the rest is uploaded
    spool = four_parts(tmp_path)
    spool.mark_lost(part_name(0))
    for name in (init_name(0), part_name(1), part_name(2), part_name(3)):
        spool.mark_uploaded(name)
    assert spool.waiting_for_upload() == []
    # when
    spool.take.parts = parts = Looked(spool.take.parts)
    assert spool.waiting_for_upload() == []
    # then
    assert parts.times == 0
    spool.close()


def test_a_part_that_was_lost_stays_lost_when_the_journal_is_read_again(tmp_path: Path) -> None:
    spool = four_parts(tmp_path)
    spool.mark_lost(part_name(2))
    spool.close()
    for _ in range(2):
        take = mend(tmp_path / "stream")
        assert (take.lost, part_name(2) in take.uploaded) == ({part_name(2)}, False)
