"""Job: fill the gaps of a take from the host's own recording."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.logs import logger
from media.hls.playlist import PLAYLIST_TYPE, vod_playlist
from media.recording.combine import combine
from media.recording.take import Part, Run, take_from_json
from media.recording.take import Take as RecordedTake
from server.fills.model import Fill, HostFile, Patch, place_of, plan_patches
from server.fills.service import Fills
from server.recordings.take import FILL, Take, fill_prefix, take_prefix
from workers.fence import Fence
from workers.folders import WorkFolder
from workers.making import Lease
from workers.transcode.fill import AROUND_MS
from workers.transcode.plan import SourceRefused
from workers.transcode.task import Filled, SourcePiece, Task
from workers.transfer import Objects, fetch_runs, fetch_take, parts_between, put_folder

log = logger(__name__)

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class _MadePatch:
    patch: Patch
    run: Filled


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
            await self._fill(lease, take, await self._fills.files_of(fill.id))
            take = await fetch_take(self._objects, fill.id)
        return await lease.conclude(lambda newest: self._fills.finish(newest, take))

    async def _fill(self, lease: Lease[Fill], take: Take, files: Sequence[HostFile]) -> None:
        patches = plan_patches(take, files)
        made: list[_MadePatch] = []
        refusal = SourceRefused("no_cover")
        async with self._folders.job() as folder:
            out = folder / "out"
            for number, patch in enumerate(patches):
                prefix = f"{FILL}{lease.thing.work.attempt}-{number}-"
                try:
                    made.append(
                        _MadePatch(patch, await self._patch(lease, take, patch, folder / str(number), prefix, out))
                    )
                except SourceRefused as refused:  # a bad file costs its own gap
                    log.info("a gap cannot be filled", stream=take.stream_id, code=refused.code)
                    refusal = refused
            if not made:
                raise refusal
            await put_folder(self._objects, out, take_prefix(take.stream_id))
        await self._add(take.stream_id, made)

    async def _patch(
        self, lease: Lease[Fill], take: Take, patch: Patch, folder: Path, prefix: str, out: Path
    ) -> Filled:
        await asyncio.to_thread(folder.mkdir)
        beside = parts_between(take, patch.start_ms - AROUND_MS, patch.end_ms + AROUND_MS)
        task = Task(
            kind="fill",
            pieces=await self._fetch(take, patch.files, folder),
            beside=await fetch_runs(self._objects, take, beside, folder),
            start_ms=patch.start_ms,
            end_ms=patch.end_ms,
            folder=str(out),
            prefix=prefix,
            threads=self._threads,
        )
        made = await self._fence.run(task, Filled, lease.report, video_ms=patch.end_ms - patch.start_ms)
        log.info("a gap is filled", stream=take.stream_id, at_ms=round(patch.start_ms), lag_ms=made.lag_ms)
        return made

    async def _fetch(self, take: Take, files: Sequence[HostFile], folder: Path) -> tuple[SourcePiece, ...]:
        pieces = []
        for file in files:
            path = folder / file.name
            await self._objects.get_file(fill_prefix(take.stream_id) + file.name, path)
            pieces.append(SourcePiece(path=str(path), begins_ms=place_of(file, take)))
        return tuple(pieces)

    async def _add(self, stream_id: str, made: Sequence[_MadePatch]) -> None:
        """Write the take with its new runs: the playlist first, take.json last, as the media node does."""
        prefix = take_prefix(stream_id)
        try:
            stored = take_from_json(json.loads(await self._objects.get(prefix + "take.json")))
        except ValueError:
            raise SourceRefused("broken_source") from None
        whole = combine(_as_take(stored, made), stored)
        playlist = vod_playlist(whole.segments(), whole.began_at)
        await self._objects.put(prefix + "index.m3u8", playlist.encode(), PLAYLIST_TYPE)
        body = json.dumps(whole.as_json(), ensure_ascii=False)
        await self._objects.put(prefix + "take.json", body.encode(), "application/json")


def _as_take(stored: RecordedTake, made: Sequence[_MadePatch]) -> RecordedTake:
    take = RecordedTake(stored.stream_id, stored.room_id, stored.began_at)
    for number, one in enumerate(made):
        run = one.run
        take.runs.append(Run(run.init, run.video_codec, run.audio_codec, run.width, run.height))
        at_ms = one.patch.start_ms
        for segment in run.segments:
            end_ms = at_ms + segment.duration_ms
            take.parts.append(
                Part(segment.name, number, round(at_ms * NS_PER_MS), round(end_ms * NS_PER_MS), segment.bytes, True)
            )
            at_ms = end_ms
    return take
