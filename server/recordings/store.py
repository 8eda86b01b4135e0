"""Assets in MongoDB."""

from __future__ import annotations

from dataclasses import asdict

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from server.infra.mongo import Database, Document
from server.making.records import WorkRecords, read_work, work_document
from server.recordings.model import Asset, Chapter, Rendition, Source, SourceKind


class AssetStore(WorkRecords[Asset]):
    """Collection `assets`."""

    def __init__(self, database: Database) -> None:
        self._assets = database["assets"]
        super().__init__(self._assets, _asset, _document)

    async def make_indexes(self) -> None:
        """One asset per source; a host's newest; what the sweep looks for."""
        await super().make_indexes()
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
        query = {"host_id": host_id, "source.kind": SourceKind.TAKE}
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
    )
