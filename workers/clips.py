"""Job: cut a clip out of its take."""

from __future__ import annotations

from server.clips.model import NOT_RECORDED, Clip, clip_prefix
from server.clips.service import Clips
from workers.fence import Fence
from workers.folders import WorkFolder
from workers.making import Lease
from workers.transcode.plan import SourceRefused
from workers.transcode.task import Cut, Task
from workers.transfer import Objects, fetch_runs, fetch_take, parts_between, put_folder


class ClipMaker:
    """Makes clips."""

    def __init__(self, clips: Clips, objects: Objects, folders: WorkFolder, fence: Fence, threads: int) -> None:
        self._clips = clips
        self._objects = objects
        self._folders = folders
        self._fence = fence
        self._threads = threads

    async def make(self, lease: Lease[Clip]) -> bool:
        """Make a claimed clip; False: another worker has it meanwhile. SourceRefused: it is not recorded."""
        clip = lease.thing
        async with self._folders.job() as folder:
            out = folder / "out"
            out.mkdir()
            take = await fetch_take(self._objects, clip.stream_id)
            parts = parts_between(take, clip.start_ms, clip.end_ms)
            if not parts:
                raise SourceRefused(NOT_RECORDED)
            task = Task(
                kind="clip",
                pieces=await fetch_runs(self._objects, take, parts, folder),
                parts=take.parts,
                start_ms=clip.start_ms,
                end_ms=clip.end_ms,
                folder=str(out),
                threads=self._threads,
            )
            done = await self._fence.run(task, Cut, lease.report, video_ms=clip.end_ms - clip.start_ms)
            await put_folder(self._objects, out, clip_prefix(clip.id, clip.edition))
        return await lease.conclude(
            lambda newest: self._clips.finish(newest, done.duration_ms, done.at_ms, has_poster=done.has_poster)
        )
