"""Job: make the ladder of an asset from its take or upload."""

from __future__ import annotations

from pathlib import Path

from server.recordings.model import (
    SIGNATURE_BYTES,
    Asset,
    Made,
    Rendition,
    SourceKind,
    attempt_prefix,
    looks_like_video,
)
from server.recordings.service import Recordings
from workers.fence import Fence
from workers.folders import WorkFolder
from workers.making import Lease
from workers.transcode.package import MASTER, POSTER
from workers.transcode.plan import SourceRefused
from workers.transcode.task import Done, SourcePiece, Task
from workers.transfer import Objects, fetch_runs, fetch_take, put_folder


class LadderMaker:
    """Makes ladders."""

    def __init__(
        self, recordings: Recordings, objects: Objects, folders: WorkFolder, fence: Fence, threads: int
    ) -> None:
        self._recordings = recordings
        self._objects = objects
        self._folders = folders
        self._fence = fence
        self._threads = threads

    async def make(self, lease: Lease[Asset]) -> bool:
        """Make the ladder of a claimed asset; False: another worker has it meanwhile."""
        asset = lease.thing
        async with self._folders.job() as folder:
            out = folder / "out"
            out.mkdir()
            task = await self._task(asset, folder, out)
            done = await self._fence.run(task, lease.report)
            prefix = attempt_prefix(asset.id, asset.work.attempt)
            await put_folder(self._objects, out, prefix)
        made = _made(done)
        in_time = await lease.conclude(lambda newest: self._recordings.finish(newest, made))
        if not in_time:
            await self._objects.delete_prefix(prefix)
        return in_time

    async def _task(self, asset: Asset, folder: Path, out: Path) -> Task:
        if asset.source.kind is SourceKind.UPLOAD:
            path = folder / "source"
            await self._objects.get_file(asset.source.ref, path)
            _check_signature(path)
            pieces: tuple[SourcePiece, ...] = (SourcePiece(path=str(path)),)
            return Task(kind="ladder", pieces=pieces, folder=str(out), threads=self._threads)
        take = await fetch_take(self._objects, asset.source.ref)
        pieces = await fetch_runs(self._objects, take, take.parts, folder)
        return Task(kind="ladder", pieces=pieces, parts=take.parts, folder=str(out), threads=self._threads)


def _check_signature(path: Path) -> None:
    with path.open("rb") as file:
        if not looks_like_video(file.read(SIGNATURE_BYTES)):
            raise SourceRefused("not_a_video")


def _made(done: Done) -> Made:
    renditions = tuple(
        Rendition(made.name, made.width, made.height, made.bandwidth, made.bytes) for made in done.renditions
    )
    return Made(
        duration_ms=done.duration_ms,
        bytes=min(rendition.bytes for rendition in renditions),
        renditions=renditions,
        playlist=MASTER,
        poster=POSTER if done.has_poster else None,
    )
