"""The spool: a crash at any byte of the journal, a power cut, a full disk, two who want the same take."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from media.recording.journal import JOURNAL, SpoolBroken, mend
from media.recording.take import Part, Run, Take, TakeSummary, take_from_json
from media.recording.take_spool import SpoolBusy, TakeSpool
from media.recording.tracks import SECOND_NS
from media.recording.writer import LONGEST_PAUSE_NS, Clocks
from tests.harness.recorded import BEGAN, record, shown
from tests.harness.scripted_rtp import H264, OPUS, broadcast
from tests.harness.small_disk import NoDisk, small_disk

BEGIN = 100 * SECOND_NS


def make_spool(folder: Path) -> TakeSpool:
    """Two parts of two fragments; the second is open."""
    spool = TakeSpool.open(folder, "stream", "room")
    spool.begin(datetime(2026, 5, 1, tzinfo=UTC))
    spool.begin_run(b"init", "avc1.42e01f", "opus", (320, 240))
    spool.begin_part(0, keyframe=True)
    spool.write_fragment(b"a" * 100, SECOND_NS)
    spool.write_fragment(b"b" * 100, 2 * SECOND_NS)
    spool.close_part(2 * SECOND_NS)
    spool.begin_part(2 * SECOND_NS, keyframe=True)
    spool.write_fragment(b"c" * 100, 3 * SECOND_NS)
    spool.write_fragment(b"d" * 100, 4 * SECOND_NS)
    return spool


def test_a_journal_read_again_gives_the_same_take(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    spool.close()
    take = mend(tmp_path / "stream")
    assert [(part.bytes, part.start_ms, part.duration_ms) for part in take.parts] == [
        (200, 0, 2000),
        (200, 2000, 2000),
    ]
    assert take.summary() == TakeSummary(4000, has_video=True, has_audio=True)
    assert mend(tmp_path / "stream").as_json() == take.as_json()


def test_a_journal_cut_at_any_byte_loses_only_what_was_not_noted(tmp_path: Path) -> None:
    # given
    make_spool(tmp_path / "whole").close()
    journal = (tmp_path / "whole" / "stream" / JOURNAL).read_bytes()
    header = journal.index(b"\n") + 1
    ends = []
    # when
    for length in (*range(header, len(journal), 5), len(journal)):
        folder = tmp_path / "cut"
        shutil.copytree(tmp_path / "whole" / "stream", folder)
        (folder / JOURNAL).write_bytes(journal[:length])
        take = mend(folder)
        ends.append(take.end_ns)
        assert all((folder / part.name).stat().st_size == part.bytes for part in take.parts)
        shutil.rmtree(folder)
    # then
    assert ends == sorted(ends)
    assert ends[-1] == 4 * SECOND_NS


def test_a_journal_without_its_first_line_is_broken(tmp_path: Path) -> None:
    make_spool(tmp_path).close()
    (tmp_path / "stream" / JOURNAL).write_bytes(b'{"what": "ta')
    with pytest.raises(SpoolBroken):
        TakeSpool.reopen(tmp_path / "stream")


def test_a_take_whose_first_line_is_torn_begins_anew(tmp_path: Path) -> None:
    make_spool(tmp_path).close()
    (tmp_path / "stream" / JOURNAL).write_bytes(b'{"what": "ta')
    TakeSpool.open(tmp_path, "stream", "room").close()
    assert mend(tmp_path / "stream").parts == []


def test_a_fragment_that_a_power_cut_kept_from_the_disk_is_left_out(tmp_path: Path) -> None:
    make_spool(tmp_path).close()
    part = tmp_path / "stream" / "part-000001.m4s"
    part.write_bytes(part.read_bytes()[:150])
    take = mend(tmp_path / "stream")
    assert [part.bytes for part in take.parts] == [200, 100]
    assert part.read_bytes() == b"c" * 100
    assert take.end_ns == 3 * SECOND_NS
    assert mend(tmp_path / "stream").end_ns == 3 * SECOND_NS


def test_bytes_that_the_journal_does_not_know_are_cut_off(tmp_path: Path) -> None:
    make_spool(tmp_path).close()
    part = tmp_path / "stream" / "part-000001.m4s"
    part.write_bytes(part.read_bytes() + b"half a fragment")
    mend(tmp_path / "stream")
    assert part.read_bytes() == b"c" * 100 + b"d" * 100


def test_what_is_uploaded_is_dropped_here_and_not_uploaded_again(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    assert spool.waiting_for_upload() == ["init-0.mp4", "part-000000.m4s"]
    spool.mark_uploaded("part-000000.m4s")
    spool.close()
    again = TakeSpool.reopen(tmp_path / "stream")
    assert again.waiting_for_upload() == ["init-0.mp4", "part-000001.m4s"]
    assert not again.path("part-000000.m4s").exists()
    assert [part.bytes for part in again.take.parts] == [200, 200]
    again.close()


def test_only_one_works_on_a_take(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    with pytest.raises(SpoolBusy):
        TakeSpool.open(tmp_path, "stream", "room")
    with pytest.raises(SpoolBusy):
        TakeSpool.reopen(tmp_path / "stream")
    spool.close()
    TakeSpool.reopen(tmp_path / "stream").close()


@pytest.mark.parametrize("stream_id", ["", "../x", "a/b", ".", "a" * 200])
def test_an_id_that_is_no_folder_is_refused(stream_id: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stream id"):
        TakeSpool.open(tmp_path, stream_id, "room")


def test_a_take_goes_on_where_an_earlier_one_ended(tmp_path: Path) -> None:
    # given a take that ended at 3 s, whose publisher is back at 8 s in another process
    record(tmp_path, [(H264, OPUS, broadcast("H264", 3, BEGIN))])
    # when
    take = record(tmp_path, [(H264, OPUS, broadcast("H264", 3, BEGIN + 8 * SECOND_NS, ssrc=9))])
    # then
    assert [(part.name, part.run, part.start_ms) for part in take.parts] == [
        ("part-000000.m4s", 0, 0),
        ("part-000001.m4s", 0, 2000),
        ("part-000002.m4s", 1, 8000),
        ("part-000003.m4s", 1, 10_000),
    ]
    assert take_from_json(take.as_json()).as_json() == take.as_json()


def resumed(folder: Path, before: Clocks, after: Clocks, *, is_continued: bool = False) -> int:
    """A take of 3 s, with which another process goes on 5 s later by the clock that runs on; where in ms."""
    record(folder, [(H264, OPUS, broadcast("H264", 3, BEGIN))], clocks=before)
    again = [(H264, OPUS, broadcast("H264", 3, BEGIN + 8 * SECOND_NS, ssrc=9))]
    return record(folder, again, clocks=after, is_continued=is_continued).parts[2].start_ms


def test_a_wall_clock_that_is_set_between_two_processes_of_one_machine_moves_nothing(tmp_path: Path) -> None:
    for hours in (-30, 30):
        set_clock = Clocks(0, BEGAN + timedelta(hours=hours), "boot-1")
        assert resumed(tmp_path / str(hours), Clocks(0, BEGAN, "boot-1"), set_clock) == 8000


def test_two_clocks_that_cannot_be_right_put_no_long_gap_into_a_take(tmp_path: Path) -> None:
    before, after = Clocks(0, BEGAN, "boot-1"), Clocks(0, BEGAN + timedelta(hours=30), "boot-2")
    assert resumed(tmp_path / "on", before, after) == 3000 + LONGEST_PAUSE_NS // 1_000_000
    assert resumed(tmp_path / "back", after, before._replace(boot="boot-3")) == 3000
    # but of what another node may have recorded meanwhile nobody here knows the length
    assert resumed(tmp_path / "elsewhere", before, after, is_continued=True) == 8000 + 30 * 3_600_000


def test_pauses_after_a_wall_clock_that_was_set_back_stay_as_long_as_they_are(tmp_path: Path) -> None:
    record(tmp_path, [(H264, OPUS, broadcast("H264", 3, BEGIN))])
    later = [(H264, OPUS, broadcast("H264", 2, BEGIN + at * SECOND_NS, ssrc=at)) for at in (8, 20)]
    take = record(tmp_path, later, clocks=Clocks(0, BEGAN - timedelta(hours=1)))
    assert [part.start_ms for part in take.parts] == [0, 2000, 3000, 15_000]


def test_a_process_that_goes_on_knows_the_clock_from_the_mended_journal(tmp_path: Path) -> None:
    clocks = Clocks(0, BEGAN, "boot-1")
    resumed(tmp_path, clocks, clocks)
    again = [(H264, OPUS, broadcast("H264", 2, BEGIN + 20 * SECOND_NS, ssrc=7))]
    take = record(tmp_path, again, clocks=Clocks(0, BEGAN + timedelta(hours=30), "boot-1"))
    assert take.parts[-1].start_ms == 20_000


def test_what_waits_is_found_again_whatever_was_uploaded_in_between(tmp_path: Path) -> None:
    record(tmp_path, [(H264, OPUS, broadcast("H264", 7, BEGIN))])
    spool = TakeSpool.reopen(tmp_path / "stream")
    names = ["init-0.mp4", *(f"part-{n:06}.m4s" for n in range(4))]
    assert spool.waiting_for_upload() == names
    for name in (names[0], names[1], names[3]):
        spool.mark_uploaded(name)
    assert spool.waiting_for_upload() == [names[2], names[4]]
    # and what the object store has from before is put before it
    earlier = Take("stream", "room", BEGAN - timedelta(minutes=1))
    earlier.runs = [Run("init-9.mp4", "avc1.42c01f", "opus", 320, 240)]
    earlier.parts = [Part("part-000090.m4s", 0, 0, SECOND_NS, 100, keyframe=True)]
    spool.note_earlier(earlier.as_json())
    assert spool.waiting_for_upload() == [names[2], names[4]]
    for name in (names[2], names[4]):
        spool.mark_uploaded(name)
    assert spool.waiting_for_upload() == []
    spool.close()


FULL_DISK = """
import sys
from pathlib import Path
from tests.harness.recorded import record
from tests.harness.scripted_rtp import H264, OPUS, broadcast
try:
    record(Path(sys.argv[1]), [(H264, OPUS, broadcast("H264", 5, 10**9, gop=150))])
except OSError as error:
    print("stopped", error.errno)
"""


def leave_no_room(disk: Path, spool: TakeSpool) -> None:
    """Fill a disk until the journal takes no other line."""
    with (disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(bytes(4096)):
            pass
    with suppress(OSError):
        while True:
            spool.note_gap(0, 1)


def test_what_is_uploaded_makes_room_on_a_full_disk(tmp_path: Path) -> None:
    # given a disk that does not even hold another line of the journal
    try:
        with small_disk(tmp_path / "disk", 200_000) as disk:
            spool = make_spool(disk)
            leave_no_room(disk, spool)
            # when the object store has a part, and the process dies
            spool.mark_uploaded("part-000000.m4s")
            spool.close()
            (disk / "ballast").unlink()
            # then the part is gone from here, and known to be there
            assert not (disk / "stream" / "part-000000.m4s").exists()
            mended = TakeSpool.reopen(disk / "stream")
            assert [part.name for part in mended.take.parts] == ["part-000000.m4s", "part-000001.m4s"]
            assert "part-000000.m4s" in mended.take.uploaded
            assert "part-000000.m4s" not in mended.waiting_for_upload()
            mended.close()
    except NoDisk as error:
        pytest.skip(str(error))


def test_a_fragment_of_which_a_full_disk_takes_no_note_is_not_left_in_its_part(tmp_path: Path) -> None:
    # given a disk on which the part still fits, and no line of the journal
    try:
        with small_disk(tmp_path / "disk", 200_000) as disk:
            spool = make_spool(disk)
            part = disk / "stream" / "part-000001.m4s"
            leave_no_room(disk, spool)
            # when
            with pytest.raises(OSError, match="No space"):
                spool.write_fragment(b"e" * 100, 5 * SECOND_NS)
            # then what is uploaded has what the take says
            assert part.stat().st_size == spool.take.parts[-1].bytes == 200
            spool.close()
    except NoDisk as error:
        pytest.skip(str(error))


def test_a_full_disk_keeps_what_was_written(tmp_path: Path) -> None:
    # given a process whose files may not grow past 100 kB
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    # when
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], preexec_fn=limit, capture_output=True, text=True, timeout=60
    )
    # then
    assert done.stdout.strip() == "stopped 27", done.stderr
    take = mend(tmp_path / "stream")
    assert len(take.parts) == 1
    assert 0 < take.parts[0].bytes <= 100_000
    assert shown(tmp_path / "stream", take).pictures_ms
