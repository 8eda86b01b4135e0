"""How a worker fills a take: a bad file costs its own gap, and nothing is added twice or lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import pytest

from config.clock import SystemClock
from config.conditional import ObjectChanged
from config.objects import ObjectNotFound, ObjectsUnavailable, TaggedObject
from server.errors import Conflict
from server.fills.model import Fill, Hole, HostFile, holes_of
from server.fills.service import Fills
from server.making.model import begin as begin_work
from server.making.model import claim
from server.making.service import Queue
from server.recordings.ladder import Segment
from server.recordings.take import Take, fill_prefix, inserts_of, read_take, take_prefix
from tests.harness.takes import RunOf, make_take
from workers.fence import ChildFailed, Fence
from workers.fills import FillMaker
from workers.folders import WorkFolder
from workers.making import Lease, NotYet
from workers.transcode.plan import SourceRefused
from workers.transcode.task import Filled, Task

BEGAN = datetime.fromisoformat("2026-11-28T08:00:00+00:00")
TWO_GAPS = [RunOf(1.0), RunOf(5.0, gap_seconds=3.0), RunOf(1.0, gap_seconds=3.0)]
TAKE_JSON = take_prefix("s1") + "take.json"


class Shelf:
    """An object store in memory. `before_put_over` is called with the key of what is about to be written."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        self.kept = kept
        self.before_put_over: Callable[[str], None] = lambda _: None

    async def get(self, key: str) -> bytes:
        try:
            return self.kept[key]
        except KeyError:
            raise ObjectNotFound(key) from None

    async def get_file(self, key: str, path: Path) -> None:
        await asyncio.to_thread(path.write_bytes, await self.get(key))

    async def put(self, key: str, data: bytes, content_type: str) -> None:
        self.kept[key] = data

    async def put_over(self, key: str, data: bytes, content_type: str, etag: str | None) -> None:
        self.before_put_over(key)
        if etag != str(hash(self.kept[key])):
            raise ObjectChanged(key)
        self.kept[key] = data

    async def get_tagged(self, key: str) -> TaggedObject:
        body = await self.get(key)
        return TaggedObject(body, str(hash(body)))

    async def put_file(self, key: str, path: Path, content_type: str) -> None:
        await self.put(key, await asyncio.to_thread(path.read_bytes), content_type)

    async def delete_prefix(self, prefix: str) -> int:
        gone = [key for key in self.kept if key.startswith(prefix)]
        for key in gone:
            del self.kept[key]
        return len(gone)


class Child:
    """Makes a run of anything but what fails."""

    def __init__(self) -> None:
        self.fails: dict[float, Exception] = {}
        self.folders_seen: list[int] = []
        self.lag_ms: float | None = None
        self.meanwhile: Callable[[], Awaitable[bool]] | None = None

    async def run(self, task: Task, kind: type[Filled], on_progress: object, *, video_ms: float) -> Filled:
        if (error := self.fails.get(task.start_ms)) is not None:
            raise error
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        self.folders_seen.append(write_run(Path(task.folder), task.prefix))
        return Filled(
            start_ms=task.start_ms,
            init=f"{task.prefix}init.mp4",
            video_codec="avc1.42e01f",
            audio_codec=None,
            width=64,
            height=64,
            segments=(Segment(name=f"{task.prefix}0000.m4s", duration_ms=video_ms, bytes=1),),
            lag_ms=self.lag_ms,
        )


def write_run(out: Path, prefix: str) -> int:
    """Write what a child would; answers how many jobs have a folder."""
    out.mkdir()
    for name in ("init.mp4", "0000.m4s"):
        (out / f"{prefix}{name}").write_bytes(b"x")
    return sum(path.is_dir() for path in out.parent.parent.iterdir())


class Library:
    """What was brought, and what became of the fill."""

    def __init__(self, files: list[HostFile]) -> None:
        self.files = files
        self.ended_at: datetime | None = None
        self.fails: Exception | None = None
        self.finished: list[Take] = []

    async def files_of(self, stream_id: str) -> list[HostFile]:
        return self.files

    async def holes_in(self, take: Take) -> tuple[Hole, ...]:
        return holes_of(take, self.ended_at)

    async def finish(self, fill: Fill, take: Take) -> bool:
        if self.fails is not None:
            raise self.fails
        self.finished.append(take)
        return True


class Bench:
    """A worker with two gaps before it, 1…4 s and 9…12 s, and a file for each."""

    def __init__(self, folder: Path) -> None:
        kept = {take_prefix("s1") + name: data for name, data in make_take("s1", TWO_GAPS, BEGAN).files.items()}
        files = [HostFile("s1", str(at), BEGAN + timedelta(seconds=at), 3000, 1, BEGAN) for at in (1, 9)]
        kept |= {fill_prefix("s1") + file.name: b"video" for file in files}
        self.objects = Shelf(kept)
        self.child = Child()
        self.library = Library(files)
        self.folders = WorkFolder(folder)
        self.folders.open()
        self.maker = FillMaker(cast(Fills, self.library), self.objects, self.folders, cast(Fence, self.child), 1)
        self.attempt = 0

    async def make(self) -> bool:
        self.attempt += 1
        work = replace(claim(begin_work(BEGAN), BEGAN, timedelta(minutes=1)), attempt=self.attempt)
        fill = Fill("s1", "h", BEGAN, work)
        return await self.maker.make(Lease(cast(Queue[Fill], None), fill, 60.0, SystemClock()))

    @property
    def take(self) -> Take:
        return read_take(self.objects.kept[TAKE_JSON])

    @property
    def fills(self) -> list[str]:
        return sorted(key.rpartition("/")[2] for key in self.objects.kept if "/fill-" in key)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.folders.close()


def spans(take: Take) -> list[tuple[float, float]]:
    return [(span.start_ms, span.end_ms) for span in take.filled]


@pytest.mark.parametrize("error", [ChildFailed("it stalled"), SourceRefused("broken_source")])
async def test_a_file_that_takes_the_child_with_it_costs_its_own_gap(bench: Bench, error: Exception) -> None:
    bench.child.fails = {1000.0: error}
    assert await bench.make()
    assert spans(bench.take) == [(9000, 12_000)]


async def test_a_file_that_is_gone_costs_its_own_gap(bench: Bench) -> None:
    del bench.objects.kept[fill_prefix("s1") + "9"]
    assert await bench.make()
    assert spans(bench.take) == [(1000, 4000)]


async def test_if_none_can_be_made_it_is_said_why_and_nothing_is_left(bench: Bench) -> None:
    bench.child.fails = {1000.0: SourceRefused("broken_source"), 9000.0: ChildFailed("it stalled")}
    with pytest.raises(ChildFailed):
        await bench.make()
    assert bench.fills == []


async def test_one_gap_s_files_are_gone_before_the_next_one_s_come(bench: Bench) -> None:
    assert await bench.make()
    assert bench.child.folders_seen == [1, 1]


async def test_a_worker_that_was_taken_for_lost_adds_nothing_a_second_time(bench: Bench) -> None:
    # given: while its child works another one does it all
    bench.child.meanwhile = bench.make
    assert await bench.make()

    # then
    assert spans(bench.take) == [(1000, 4000), (9000, 12_000)]
    assert [name[:7] for name in bench.fills] == ["fill-2-"] * 4


async def test_a_node_that_writes_the_take_at_the_same_moment_takes_nothing_away(bench: Bench) -> None:
    # given: a node that brings a part after the take was read, and before it is written
    def bring(key: str) -> None:
        bench.objects.before_put_over = lambda _: None
        body = json.loads(bench.objects.kept[key])
        late = {"name": "part-9.m4s", "run": 0, "start_ms": 30_000, "duration_ms": 1000, "bytes": 1, "keyframe": True}
        bench.objects.kept[key] = json.dumps({**body, "parts": [*body["parts"], late]}).encode()

    bench.objects.before_put_over = bring

    # when
    assert await bench.make()

    # then
    assert spans(bench.take) == [(1000, 4000), (9000, 12_000)]
    assert [part.name for part in bench.take.parts][-1] == "part-9.m4s"


@pytest.mark.parametrize("error", [Conflict("it is changing"), ObjectsUnavailable("away"), ZeroDivisionError()])
async def test_a_take_that_is_longer_already_never_counts_as_failed(bench: Bench, error: Exception) -> None:
    # given
    bench.library.fails = error
    with pytest.raises(NotYet):
        await bench.make()

    # when: later it goes
    bench.library.fails = None
    assert await bench.make()

    # then: it was made once
    (take,) = bench.library.finished
    assert spans(take) == [(1000, 4000), (9000, 12_000)]
    assert len(bench.child.folders_seen) == 2


def lose(bench: Bench) -> None:
    """Between the gaps a picture stands from 4.2 to 5.8 s; a file of the host's covers that part."""
    body = json.loads(bench.objects.kept[TAKE_JSON])
    bench.objects.kept[TAKE_JSON] = json.dumps({**body, "gaps": [{"start_ms": 4200, "end_ms": 5800}]}).encode()
    bench.library.files.append(HostFile("s1", "3500", BEGAN + timedelta(seconds=3.5), 3000, 1, BEGAN))
    bench.objects.kept[fill_prefix("s1") + "3500"] = b"video"


async def test_a_part_in_which_packets_are_missing_gives_its_place_to_the_host_s_own_recording(bench: Bench) -> None:
    # given
    lose(bench)
    bench.child.lag_ms = 12.0
    before = bench.take
    # when
    assert await bench.make()
    # then: it is replaced, nothing else moves, and the loss is no gap any more
    assert spans(bench.take) == [(1000, 4000), (4000, 6000), (9000, 12_000)]
    assert [(span.start_ms, span.end_ms) for span in bench.take.replaced] == [(4000, 6000)]
    assert len(bench.take.parts) == len(before.parts) + 2
    assert bench.take.gaps == ()
    assert sum(insert.length_ms for insert in inserts_of(bench.take).inserts) == 6000


async def test_what_has_no_sound_in_common_takes_no_part_s_place(bench: Bench) -> None:
    lose(bench)
    assert await bench.make()
    assert spans(bench.take) == [(1000, 4000), (9000, 12_000)]
    assert bench.take.replaced == ()


async def test_the_end_of_a_broadcast_whose_host_never_came_back_is_filled_in(bench: Bench) -> None:
    # given: a broadcast that was ended half a minute after its last picture
    bench.library.ended_at = BEGAN + timedelta(seconds=43)
    bench.library.files.append(HostFile("s1", "12500", BEGAN + timedelta(seconds=12.5), 10_000, 1, BEGAN))
    bench.objects.kept[fill_prefix("s1") + "12500"] = b"video"
    # when
    assert await bench.make()
    # then
    assert spans(bench.take)[-1] == (13_000, 22_500)
    assert bench.take.duration_ms == 22_500
