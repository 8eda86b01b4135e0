"""Assets and chunks in MongoDB."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING, UpdateOne
from pymongo.errors import DuplicateKeyError

from server.infra.mongo import Database, Document
from server.making.model import WorkState
from server.making.records import WorkRecords, read_work, work_document
from server.recordings.chunks import Tally
from server.recordings.inserts import Insert
from server.recordings.ladder import Chunk, Ladder, MadeChunk
from server.recordings.model import Asset, Chapter, Gap, Rendition, Sound, Source, SourceKind


class AssetStore(WorkRecords[Asset]):
    """Collection `assets`."""

    def __init__(self, database: Database) -> None:
        self._assets = database["assets"]
        super().__init__(self._assets, _asset, _document)

    async def make_indexes(self) -> None:
        """One asset per source; a host's newest; what the sweeps look for, also of before there were any."""
        await super().make_indexes()
        await self._assets.update_many({"untidy": {"$exists": False}}, {"$set": {"untidy": True}})
        await self._assets.create_index([("source.kind", 1), ("source.ref", 1)], unique=True)
        await self._assets.create_index([("host_id", 1), ("created_at", DESCENDING)])

    async def add(self, asset: Asset) -> Asset:
        """Add an asset; if its source has one already, answer that."""
        try:
            await self._assets.insert_one(_document(asset))
        except DuplicateKeyError:
            kept = await self.of_source(asset.source)
            if kept is None:
                raise
            return kept
        return asset

    async def of_source(self, source: Source) -> Asset | None:
        """The asset that was made of a source."""
        document = await self._assets.find_one({"source.kind": source.kind, "source.ref": source.ref})
        return None if document is None else _asset(document)

    async def many(self, asset_ids: list[str]) -> dict[str, Asset]:
        """Assets by id."""
        found = self._assets.find({"_id": {"$in": asset_ids}})
        return {asset.id: asset async for document in found if (asset := _asset(document))}

    async def replays_of(self, host_id: str) -> list[Asset]:
        """A host's replays, newest first."""
        query = {"host_id": host_id, "source.kind": SourceKind.TAKE, "removed": {"$ne": True}}
        return [_asset(document) async for document in self._assets.find(query).sort("created_at", DESCENDING)]

    async def delete(self, asset_id: str) -> None:
        """Forget an asset."""
        await self._assets.delete_one({"_id": asset_id})


def _document(asset: Asset) -> Document:
    return {
        "_id": asset.id,
        "source": {"kind": asset.source.kind, "ref": asset.source.ref},
        "host_id": asset.host_id,
        "created_at": asset.created_at,
        "work": work_document(asset.work),
        "duration_ms": asset.duration_ms,
        "bytes": asset.bytes,
        "chapters": [asdict(chapter) for chapter in asset.chapters],
        "renditions": [asdict(rendition) for rendition in asset.renditions],
        "playlist_key": asset.playlist_key,
        "poster_key": asset.poster_key,
        "thumbs_key": asset.thumbs_key,
        "waveform_key": asset.waveform_key,
        "sounds": [asdict(sound) for sound in asset.sounds],
        "ladder": asset.ladder.model_dump() if asset.ladder else None,
        "edition": asset.edition,
        "gaps": [asdict(gap) for gap in asset.gaps],
        "filled": [asdict(gap) for gap in asset.filled],
        "inserts": [asdict(insert) for insert in asset.inserts],
        "untidy": asset.untidy,
        "was_ready": asset.was_ready,
        "removed": asset.removed,
    }


def _asset(document: Document) -> Asset:
    return Asset(
        id=document["_id"],
        source=Source(SourceKind(document["source"]["kind"]), document["source"]["ref"]),
        host_id=document["host_id"],
        created_at=document["created_at"],
        work=read_work(document["work"]),
        duration_ms=document["duration_ms"],
        bytes=document["bytes"],
        chapters=tuple(Chapter(**chapter) for chapter in document["chapters"]),
        renditions=tuple(Rendition(**rendition) for rendition in document["renditions"]),
        playlist_key=document["playlist_key"],
        poster_key=document["poster_key"],
        thumbs_key=document.get("thumbs_key"),
        waveform_key=document.get("waveform_key"),
        sounds=tuple(Sound(**sound) for sound in document.get("sounds", ())),
        ladder=Ladder.model_validate(document["ladder"]) if document.get("ladder") else None,
        edition=document.get("edition", 0),
        gaps=tuple(Gap(**gap) for gap in document.get("gaps", ())),
        filled=tuple(Gap(**gap) for gap in document.get("filled", ())),
        inserts=tuple(Insert(**insert) for insert in document.get("inserts", ())),
        untidy=document.get("untidy", False),
        was_ready=document.get("was_ready", False),
        removed=document.get("removed", False),
    )


class ChunkStore(WorkRecords[Chunk]):
    """Collection `chunks`: small, since those of a finished asset are forgotten."""

    def __init__(self, database: Database) -> None:
        self._chunks = database["chunks"]
        super().__init__(self._chunks, _chunk, _chunk_document)

    async def make_indexes(self) -> None:
        """Those of an asset in order; what the sweep looks for."""
        await super().make_indexes()
        await self._chunks.create_index([("asset_id", 1), ("edition", 1), ("number", 1)], unique=True)

    async def add_many(self, chunks: list[Chunk]) -> None:
        """Write down the chunks of a plan; those that are there already stay as they are."""
        await self._chunks.bulk_write(
            [UpdateOne({"_id": chunk.id}, {"$setOnInsert": _chunk_document(chunk)}, upsert=True) for chunk in chunks],
            ordered=False,
        )

    async def of_edition(self, asset_id: str, edition: int) -> list[Chunk]:
        """The chunks of a plan in order."""
        found = self._chunks.find({"asset_id": asset_id, "edition": edition}).sort("number", 1)
        return [_chunk(document) async for document in found]

    async def tally(self, asset_id: str, edition: int) -> Tally:
        """How the chunks of a plan stand."""
        total = ready = 0
        progress, error = 0.0, None
        found = self._chunks.find({"asset_id": asset_id, "edition": edition}, {"work": 1})
        async for document in found:
            work = read_work(document["work"])
            total += 1
            ready += work.state is WorkState.READY
            progress += work.progress if work.state in {WorkState.WORKING, WorkState.READY} else 0.0
            if work.state is WorkState.FAILED:
                error = work.error
        return Tally(total, ready, progress / max(1, total), error)

    async def hurry(self, asset_id: str, edition: int, now: datetime) -> None:
        """Have the jobs of a plan that were sent and not claimed sent again by the next sweep."""
        await self._chunks.update_many(
            {
                "asset_id": asset_id,
                "edition": edition,
                "work.state": WorkState.WAITING,
                "work.sends": {"$gt": 0},
            },
            {"$min": {"work.send_at": now}},
        )

    async def delete_plan(self, asset_id: str, edition: int) -> None:
        """Forget the chunks of one plan."""
        await self._chunks.delete_many({"asset_id": asset_id, "edition": edition})

    async def delete_of(self, asset_id: str, below_edition: int) -> None:
        """Forget the chunks of an asset's older plans."""
        await self._chunks.delete_many({"asset_id": asset_id, "edition": {"$lt": below_edition}})


def _chunk_document(chunk: Chunk) -> Document:
    return {
        "_id": chunk.id,
        "asset_id": chunk.asset_id,
        "edition": chunk.edition,
        "number": chunk.number,
        "is_sound": chunk.is_sound,
        "priority": chunk.priority,
        "created_at": chunk.created_at,
        "work": work_document(chunk.work),
        "made": chunk.made.model_dump() if chunk.made else None,
    }


def _chunk(document: Document) -> Chunk:
    return Chunk(
        id=document["_id"],
        asset_id=document["asset_id"],
        edition=document["edition"],
        number=document["number"],
        is_sound=document["is_sound"],
        priority=document["priority"],
        created_at=document["created_at"],
        work=read_work(document["work"]),
        made=MadeChunk.model_validate(document["made"]) if document["made"] else None,
    )
