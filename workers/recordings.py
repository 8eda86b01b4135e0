"""Jobs: plan the ladder of an asset, make one chunk of it, put all chunks together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from server.recordings.chunks import Chunks
from server.recordings.ladder import Chunk, Ladder, MadeChunk
from server.recordings.model import (
    SIGNATURE_BYTES,
    Asset,
    Made,
    Rendition,
    SourceKind,
    edition_prefix,
    looks_like_video,
)
from server.recordings.service import Recordings
from server.recordings.take import Part, Take, Timeline
from workers.fence import Fence
from workers.folders import WorkFolder
from workers.making import Lease, NotWanted
from workers.sources import Sources
from workers.transcode.package import MASTER, THUMBS, check_fit, join, sounds_alone, write_playlists
from workers.transcode.plan import SourceRefused, facts_of, plan_ladder
from workers.transcode.task import Encoded, Planned, SourcePiece, Task
from workers.transfer import Objects, fetch_runs, fetch_take, put_folder


class LadderMaker:
    """Makes ladders: first the plan, and when all of its chunks are made, what holds them together."""

    def __init__(
        self,
        recordings: Recordings,
        objects: Objects,
        folders: WorkFolder,
        sources: Sources,
        fence: Fence,
        *,
        threads: int,
        chunk_seconds: float,
    ) -> None:
        self._recordings = recordings
        self._objects = objects
        self._folders = folders
        self._sources = sources
        self._fence = fence
        self._threads = threads
        self._chunk_ms = chunk_seconds * 1000

    async def make(self, lease: Lease[Asset]) -> bool:
        """Do the next step of a claimed asset; False: another worker has it meanwhile."""
        if lease.thing.ladder is None:
            ladder = await self._plan(lease)
            return await lease.conclude(lambda newest: self._recordings.chunks.spread(newest, ladder))
        return await self._join(lease, lease.thing.ladder)

    async def _plan(self, lease: Lease[Asset]) -> Ladder:
        asset = lease.thing
        if asset.source.kind is SourceKind.TAKE:
            return plan_ladder(facts_of(await fetch_take(self._objects, asset.source.ref)), self._chunk_ms)
        async with self._sources.upload(asset.source.ref) as path:
            _check_signature(path)
            task = Task(
                kind="plan",
                pieces=(SourcePiece(path=str(path)),),
                folder="",
                chunk_ms=self._chunk_ms,
                threads=self._threads,
            )
            return (await self._fence.run(task, Planned, lease.report)).ladder

    async def _join(self, lease: Lease[Asset], ladder: Ladder) -> bool:
        asset = lease.thing
        chunks = await self._recordings.chunks.made_of(asset)
        pictures, sound = chunks[: len(ladder.spans)], chunks[-1] if ladder.sounds and chunks else None
        check_fit(ladder, pictures, sound)
        async with self._folders.job() as folder:
            write_playlists(folder, ladder, pictures, sound)
            await put_folder(self._objects, folder, edition_prefix(asset.id, asset.edition))
        made = _made(ladder, pictures, sound)
        return await lease.conclude(lambda newest: self._recordings.finish(newest, made))


class ChunkMaker:
    """Makes chunks. A chunk's objects have the same names whoever makes it, so that it may be made twice."""

    def __init__(
        self, chunks: Chunks, objects: Objects, folders: WorkFolder, sources: Sources, fence: Fence, threads: int
    ) -> None:
        self._chunks = chunks
        self._objects = objects
        self._folders = folders
        self._sources = sources
        self._fence = fence
        self._threads = threads

    async def make(self, lease: Lease[Chunk]) -> bool:
        """Make a claimed chunk; False: another worker has it meanwhile. Raises NotWanted."""
        chunk = lease.thing
        asset = await self._chunks.asset_of(chunk)
        if asset is None or asset.ladder is None:
            raise NotWanted
        async with self._folders.job() as folder, AsyncExitStack() as stack:
            out = folder / "out"
            out.mkdir()
            parts, pieces = await self._source(asset, asset.ladder, chunk, folder, stack)
            task = Task(
                kind="sound" if chunk.is_sound else "pictures",
                pieces=pieces,
                parts=parts,
                ladder=asset.ladder,
                number=chunk.number,
                folder=str(out),
                threads=self._threads,
            )
            length_ms = asset.ladder.length_of(chunk.number)
            made = (await self._fence.run(task, Encoded, lease.report, video_ms=length_ms)).chunk
            await put_folder(self._objects, out, edition_prefix(asset.id, chunk.edition))
        return await lease.conclude(lambda newest: self._chunks.finish(newest, made))

    async def _source(
        self, asset: Asset, ladder: Ladder, chunk: Chunk, folder: Path, stack: AsyncExitStack
    ) -> tuple[tuple[Part, ...], tuple[SourcePiece, ...]]:
        if asset.source.kind is SourceKind.UPLOAD:
            path = await stack.enter_async_context(self._sources.upload(asset.source.ref))
            return (), (SourcePiece(path=str(path)),)
        take = await fetch_take(self._objects, asset.source.ref)
        wanted = take.parts if chunk.is_sound else _parts_within(take, *ladder.spans[chunk.number])
        return take.parts, await fetch_runs(self._objects, take, wanted, folder)


def _parts_within(take: Take, start_ms: float, end_ms: float) -> Sequence[Part]:
    """The parts that lie in a span of the replay; spans begin where parts do, give or take a rounding."""
    timeline = Timeline(take.parts)
    return [
        part
        for part in take.parts
        if start_ms - 1 <= timeline.replay_time(part.start_ms) < end_ms - 1 and part.duration_ms > 0
    ]


def _check_signature(path: Path) -> None:
    with path.open("rb") as file:
        if not looks_like_video(file.read(SIGNATURE_BYTES)):
            raise SourceRefused("not_a_video")


def _made(ladder: Ladder, pictures: Sequence[MadeChunk], sound: MadeChunk | None) -> Made:
    joined = join(ladder, pictures, sound)
    best = max(pictures, key=lambda chunk: chunk.poster_score, default=None)
    return Made(
        duration_ms=round(ladder.duration_ms),
        bytes=min(one.bytes for one in joined),
        renditions=tuple(
            Rendition(
                one.name,
                one.picture.width if one.picture else 0,
                one.picture.height if one.picture else 0,
                one.bandwidth,
                one.bytes,
            )
            for one in joined
        ),
        playlist=MASTER,
        poster=best.poster if best else None,
        thumbs=THUMBS if any(chunk.sheet for chunk in pictures) else None,
        waveform=sound.waveform if sound else None,
        sounds=sounds_alone(sound),
    )
