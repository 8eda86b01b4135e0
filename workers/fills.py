"""Job: fill the gaps of a take from the host's own recording."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from config.conditional import ObjectChanged
from config.logs import logger
from config.objects import ObjectNotFound
from media.hls.playlist import PLAYLIST_TYPE, vod_playlist
from media.recording.combine import combine
from media.recording.take import FILL, Part, Run, take_from_json
from media.recording.take import Take as RecordedTake
from server.errors import Conflict, NotFound
from server.fills.model import Fill, HostFile, Patch, place_of, plan_patches
from server.fills.service import Fills
from server.infra.away import AWAY
from server.recordings.take import Take, fill_prefix, take_prefix
from workers.fence import ChildFailed, Fence
from workers.folders import WorkFolder
from workers.making import Lease, NotYet
from workers.transcode.plan import AROUND_MS, SourceRefused
from workers.transcode.task import Filled, SourcePiece, Task
from workers.transfer import Objects, fetch_runs, fetch_take, parts_between, put_folder

log = logger(__name__)

NS_PER_MS = 1_000_000
LONGEST_SECONDS = 2 * 3600.0  # of one fill: then what is made is added, and the rest stays a gap
WRITES = 8  # of a take that somebody else writes at the same time


class FillMaker:
    """Makes fills: each patch is one more run of the take, as if the publisher had been there."""

    def __init__(self, fills: Fills, objects: Objects, folders: WorkFolder, fence: Fence, threads: int) -> None:
        self._fills = fills
        self._objects = objects
        self._folders = folders
        self._fence = fence
        self._threads = threads

    async def make(self, lease: Lease[Fill]) -> bool:
        """Make a claimed fill; False: another worker has it meanwhile."""
        fill = lease.thing
        take = await fetch_take(self._objects, fill.id)
        if not take.filled:  # else an earlier worker came so far
            await self._add(fill.id, await self._fill(lease, take, await self._fills.files_of(fill.id)))
            take = await fetch_take(self._objects, fill.id)
        return await self._finish(lease, take)

    async def _finish(self, lease: Lease[Fill], take: Take) -> bool:
        """The take is longer already: what goes wrong from here on is done later. Raises NotYet."""
        try:
            await self._delete_unnamed(lease.thing, take)
            return await lease.conclude(lambda newest: self._fills.finish(newest, take))
        except NotFound:
            raise SourceRefused("source_missing") from None  # the replay was deleted meanwhile
        except (*AWAY, Conflict):
            raise NotYet from None
        except Exception:  # a bug must not make a longer take look like a failed one; it is logged
            log.exception("a filled take waits for its replay", stream=take.stream_id)
            raise NotYet from None

    async def _delete_unnamed(self, fill: Fill, take: Take) -> None:
        """What earlier attempts brought and no take names."""
        for number in range(1, fill.work.attempt + 1):
            prefix = f"{FILL}{number}-"
            if not any(run.init.startswith(prefix) for run in take.runs):
                await self._objects.delete_prefix(take_prefix(take.stream_id) + prefix)

    async def _fill(self, lease: Lease[Fill], take: Take, files: Sequence[HostFile]) -> list[Filled]:
        """Make and bring all patches that can be made. Raises what stood in the way if none can."""
        made: list[Filled] = []
        failure: Exception = SourceRefused("no_cover")
        try:
            patches = plan_patches(take, await self._fills.holes_in(take), files)
        except NotFound:
            raise SourceRefused("source_missing") from None
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + LONGEST_SECONDS
        for number, patch in enumerate(patches):
            if made and loop.time() > ends_at:
                log.warning("the rest of the gaps stays, this takes too long", stream=take.stream_id, filled=number)
                break
            try:
                async with self._folders.job() as folder:
                    made.append(await self._patch(lease, take, patch, folder, number, len(patches)))
            except (SourceRefused, ChildFailed, ObjectNotFound) as error:  # a bad file costs its own gap
                log.info("a gap cannot be filled", stream=take.stream_id, why=str(error))
                failure = error
        if not made:
            raise failure
        return made

    async def _patch(
        self, lease: Lease[Fill], take: Take, patch: Patch, folder: Path, number: int, count: int
    ) -> Filled:
        beside = parts_between(take, patch.start_ms - AROUND_MS, patch.end_ms + AROUND_MS)
        out = folder / "out"
        task = Task(
            kind="fill",
            pieces=await self._fetch(take, patch.files, folder),
            beside=await fetch_runs(self._objects, take, beside, folder),
            start_ms=patch.start_ms,
            end_ms=patch.end_ms,
            folder=str(out),
            prefix=f"{FILL}{lease.thing.work.attempt}-{number}-",
            threads=self._threads,
        )
        made = await self._fence.run(
            task, Filled, lambda done: lease.report((number + done) / count), video_ms=patch.end_ms - patch.start_ms
        )
        if patch.is_recorded and (made.lag_ms is None or not _is_whole(made, patch)):
            raise SourceRefused("no_cover")  # what takes the place of something must fit in it, also to the ear
        await put_folder(self._objects, out, take_prefix(take.stream_id))
        log.info("a gap is filled", stream=take.stream_id, at_ms=round(made.start_ms), lag_ms=made.lag_ms)
        return made

    async def _fetch(self, take: Take, files: Sequence[HostFile], folder: Path) -> tuple[SourcePiece, ...]:
        pieces = []
        for file in files:
            path = folder / file.name
            try:
                await self._objects.get_file(fill_prefix(take.stream_id) + file.name, path)
            except ObjectNotFound:
                log.warning("a host's file is gone", stream=take.stream_id, file=file.name)
                continue
            pieces.append(SourcePiece(path=str(path), begins_ms=place_of(file, take)))
        if not pieces:
            raise SourceRefused("source_missing")
        return tuple(pieces)

    async def _add(self, stream_id: str, made: Sequence[Filled]) -> None:
        """Write the take with its new runs: the playlist first, take.json last, as the media node does.

        A node that brings its part at the same moment writes it, too: who comes second reads it again. If it has
        been filled by then, a worker whose lease was taken for lost was first: nothing is added twice. Raises NotYet.
        """
        prefix = take_prefix(stream_id)
        for _ in range(WRITES):
            read = await self._objects.get_tagged(prefix + "take.json")
            try:
                stored = take_from_json(json.loads(read.body))
            except ValueError:
                raise SourceRefused("broken_source") from None
            if any(run.init.startswith(FILL) for run in stored.runs):
                await self._put_playlist(stored)  # ours may stand there since the last try, and names what goes
                return
            whole = combine(_as_take(stored, made), stored)
            body = json.dumps(whole.as_json(), ensure_ascii=False).encode()
            await self._put_playlist(whole)
            try:
                await self._objects.put_over(prefix + "take.json", body, "application/json", read.etag)
            except ObjectChanged:
                continue
            return
        raise NotYet

    async def _put_playlist(self, take: RecordedTake) -> None:
        playlist = vod_playlist(take.segments(), take.began_at)
        await self._objects.put(take_prefix(take.stream_id) + "index.m3u8", playlist.encode(), PLAYLIST_TYPE)


def _is_whole(made: Filled, patch: Patch) -> bool:
    length_ms = sum(segment.duration_ms for segment in made.segments)
    return abs(made.start_ms - patch.start_ms) <= 1 and abs(made.start_ms + length_ms - patch.end_ms) <= 1


def _as_take(stored: RecordedTake, made: Sequence[Filled]) -> RecordedTake:
    take = RecordedTake(stored.stream_id, stored.room_id, stored.began_at)
    for number, run in enumerate(made):
        take.runs.append(Run(run.init, run.video_codec, run.audio_codec, run.width, run.height))
        at_ms = run.start_ms
        for segment in run.segments:
            end_ms = at_ms + segment.duration_ms
            take.parts.append(
                Part(segment.name, number, round(at_ms * NS_PER_MS), round(end_ms * NS_PER_MS), segment.bytes, True)
            )
            at_ms = end_ms
    return take
