"""Chunks: an asset's ladder cut into pieces for any number of workers, and put together when all are made."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from server.making.model import WorkState, begin
from server.making.service import WORKER_LOST, Queue
from server.recordings.jobs import transcode_priority
from server.recordings.ladder import Chunk, Ladder, MadeChunk, chunk_id
from server.recordings.model import Asset, is_waste, waits_for

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Tally:
    """How the chunks of an asset stand. `progress` counts what is under way too."""

    total: int
    ready: int
    progress: float
    error: str | None


class Store(Protocol):
    """What this service keeps."""

    async def add_many(self, chunks: list[Chunk]) -> None: ...
    async def of_edition(self, asset_id: str, edition: int) -> list[Chunk]: ...
    async def tally(self, asset_id: str, edition: int) -> Tally: ...
    async def hurry(self, asset_id: str, edition: int, now: datetime) -> None: ...
    async def delete_of(self, asset_id: str, below_edition: int) -> None: ...
    async def delete_plan(self, asset_id: str, edition: int) -> None: ...


class Assets(Protocol):
    """The videos that are cut."""

    async def get(self, thing_id: str) -> Asset | None: ...
    async def spread(self) -> list[Asset]: ...


class Chunks:
    """The chunks of all assets."""

    def __init__(
        self, store: Store, queue: Queue[Chunk], assets: Assets, asset_queue: Queue[Asset], clock: Clock
    ) -> None:
        self._store = store
        self.queue = queue
        self._assets = assets
        self._asset_queue = asset_queue
        self._clock = clock

    async def spread(self, asset: Asset, ladder: Ladder) -> bool:
        """Cut a claimed asset into chunks and have them made; False: another worker has it meanwhile.

        The chunks are written first: those of a plan that is never adopted, because its worker died before that,
        are deleted by whoever claims one.
        """
        chunks = self._of(asset, ladder)
        await self._store.add_many(chunks)
        planned = replace(
            asset,
            ladder=ladder,
            edition=asset.work.attempt,
            duration_ms=round(ladder.duration_ms),
            untidy=True,
        )
        if await self._asset_queue.spread(planned) is None:
            await self._store.delete_plan(asset.id, asset.work.attempt)
            return False
        await self._store.delete_of(asset.id, asset.work.attempt)
        for chunk in sorted(chunks, key=lambda chunk: not chunk.is_sound):  # the longest first
            await self.queue.send(chunk)
        return True

    async def asset_of(self, chunk: Chunk) -> Asset | None:
        """The asset that waits for this chunk; None: it does not. A plan that nobody will ever want is deleted."""
        asset = await self._assets.get(chunk.asset_id)
        if asset is not None and waits_for(asset, chunk):
            return asset
        if asset is None or is_waste(asset, chunk):
            log.info("a chunk that nobody wants is deleted", chunk=chunk.id)
            await self._store.delete_plan(chunk.asset_id, chunk.edition)
        return None

    async def finish(self, chunk: Chunk, made: MadeChunk) -> bool:
        """A worker has written everything of a chunk; False: another has it meanwhile, and writes the same names."""
        return await self.queue.finish(replace(chunk, made=made)) is not None

    async def made_of(self, asset: Asset) -> list[MadeChunk]:
        """What came out of an asset's chunks, in order."""
        chunks = await self._store.of_edition(asset.id, asset.edition)
        return [chunk.made for chunk in chunks if chunk.made is not None]

    async def forget(self, asset_id: str, below_edition: int) -> None:
        """Delete the chunks of an asset's older plans; workers that have one find their lease lost."""
        await self._store.delete_of(asset_id, below_edition)

    async def changed(self, chunk: Chunk) -> None:
        """A chunk was claimed, came further, is ready or failed: its asset goes with it."""
        asset = await self.asset_of(chunk)
        if asset is None:
            return
        if chunk.work.state is WorkState.WAITING and chunk.work.error == WORKER_LOST:
            # A worker holds jobs that it has not begun with; those of a dead one would wait for their second sending.
            await self._store.hurry(asset.id, asset.edition, self._clock.now())
        await self._follow(asset)

    async def sweep(self) -> None:
        """What `changed` missed because somebody died in between; then the chunks' own sweep."""
        for asset in await self._assets.spread():
            await self._follow(asset)
        await self.queue.sweep()

    async def _follow(self, asset: Asset) -> None:
        tally = await self._store.tally(asset.id, asset.edition)
        if tally.error is not None:
            log.warning("a chunk failed, its asset with it", asset=asset.id, error=tally.error)
            await self._asset_queue.fail(asset, tally.error)
            await self._store.delete_of(asset.id, asset.edition + 1)
        elif tally.total and tally.ready == tally.total:
            await self._asset_queue.gather(asset)
        elif tally.progress > asset.work.progress:
            await self._asset_queue.advance(asset, tally.progress)

    def _of(self, asset: Asset, ladder: Ladder) -> list[Chunk]:
        now = self._clock.now()
        count = len(ladder.spans) + bool(ladder.sounds)
        return [
            Chunk(
                id=chunk_id(asset.id, asset.work.attempt, number),
                asset_id=asset.id,
                edition=asset.work.attempt,
                number=number,
                is_sound=number == len(ladder.spans),
                priority=transcode_priority(asset),
                created_at=now,
                work=begin(now),
            )
            for number in range(count)
        ]
