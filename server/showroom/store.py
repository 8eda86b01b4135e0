"""Halls and clips in MongoDB."""

from __future__ import annotations

from dataclasses import asdict

from pymongo.errors import DuplicateKeyError

from server.infra.mongo import Database, Document
from server.making.model import WorkState
from server.making.records import WorkRecords, read_work, work_document
from server.showroom.model import Booth, Clip, Hall, HallPlan, Panorama, Season

HALLS_LISTED = 100
CLIPS_LISTED = 200


class PanoramaStore:
    """Collection `panoramas`."""

    def __init__(self, database: Database) -> None:
        self._panoramas = database["panoramas"]

    async def add(self, panorama: Panorama) -> None:
        """Add a panorama; the same one twice is one."""
        fields = asdict(panorama)
        del fields["id"]
        await self._panoramas.replace_one({"_id": panorama.id}, fields, upsert=True)

    async def get(self, panorama_id: str) -> Panorama | None:
        """One panorama."""
        document = await self._panoramas.find_one({"_id": panorama_id})
        return None if document is None else _panorama(document)

    async def all(self) -> list[Panorama]:
        """Panoramas, oldest first; MOST_PANORAMAS keeps them few."""
        return [_panorama(document) async for document in self._panoramas.find().sort("_id", 1)]


class HallStore:
    """Collection `halls`; panorama and booths stand in their hall's document."""

    def __init__(self, database: Database) -> None:
        self._halls = database["halls"]

    async def make_indexes(self) -> None:
        """Halls by age. One of before operators could build any is the demo's, which builds it again."""
        await self._halls.delete_many({"panorama": {"$exists": False}})
        await self._halls.create_index("created_at")

    async def add(self, hall: Hall) -> bool:
        """Add a hall; False if there is one with this id."""
        try:
            await self._halls.insert_one({"_id": hall.id, **_hall_document(hall)})
        except DuplicateKeyError:
            return False
        return True

    async def change(self, hall: Hall, version: int) -> bool:
        """Replace a hall that still has this version; False if it has another, or is gone."""
        done = await self._halls.replace_one({"_id": hall.id, "version": version}, _hall_document(hall))
        return done.matched_count == 1

    async def get(self, hall_id: str) -> Hall | None:
        """One hall."""
        document = await self._halls.find_one({"_id": hall_id})
        return None if document is None else _hall(document)

    async def all(self, *, open_only: bool) -> list[Hall]:
        """Halls, oldest first."""
        query: Document = {"is_open": True} if open_only else {}
        return [
            _hall(document) async for document in self._halls.find(query).sort("created_at", 1).limit(HALLS_LISTED)
        ]

    async def delete(self, hall_id: str) -> bool:
        """Forget a hall; False if there is none."""
        return (await self._halls.delete_one({"_id": hall_id})).deleted_count == 1


class ClipStore(WorkRecords[Clip]):
    """Collection `clips`."""

    def __init__(self, database: Database) -> None:
        self._clips = database["clips"]
        super().__init__(self._clips, _clip, _document)

    async def make_indexes(self) -> None:
        """One clip per moment; a merchant's clips; what the sweep looks for."""
        await super().make_indexes()
        await self._clips.create_index([("stream_id", 1), ("product_id", 1), ("start_ms", 1)], unique=True)
        await self._clips.create_index([("merchant_id", 1), ("created_at", -1)])

    async def add(self, clip: Clip) -> Clip:
        """Add a clip; if its moment has one already, answer that."""
        try:
            await self._clips.insert_one(_document(clip))
        except DuplicateKeyError:
            same = {"stream_id": clip.stream_id, "product_id": clip.product_id, "start_ms": clip.start_ms}
            kept = await self._clips.find_one(same)
            if kept is None:
                raise
            return _clip(kept)
        return clip

    async def of_stream(self, stream_id: str) -> list[Clip]:
        """The clips of a stream."""
        return [_clip(document) async for document in self._clips.find({"stream_id": stream_id})]

    async def ready_of(self, merchant_ids: list[str]) -> list[Clip]:
        """The finished clips of merchants, newest first."""
        query = {"merchant_id": {"$in": merchant_ids}, "work.state": WorkState.READY}
        found = self._clips.find(query).sort("created_at", -1).limit(CLIPS_LISTED)
        return [_clip(document) async for document in found]

    async def delete(self, clip_id: str) -> None:
        """Forget a clip."""
        await self._clips.delete_one({"_id": clip_id})


def _hall_document(hall: Hall) -> Document:
    plan = asdict(hall.plan)
    del plan["panorama_id"]  # stands in the panorama
    return {**plan, "panorama": asdict(hall.panorama), "version": hall.version, "created_at": hall.created_at}


def _hall(document: Document) -> Hall:
    panorama = Panorama(**document["panorama"])
    plan = HallPlan(
        title=document["title"],
        summary=document["summary"],
        county=document["county"],
        season=Season(document["season"]),
        panorama_id=panorama.id,
        booths=tuple(Booth(**booth) for booth in document["booths"]),
        is_open=document["is_open"],
    )
    return Hall(document["_id"], plan, panorama, document["version"], document["created_at"])


def _panorama(document: Document) -> Panorama:
    return Panorama(document["_id"], document["title"], document["width"], document["created_at"])


def _document(clip: Clip) -> Document:
    fields = {name: getattr(clip, name) for name in Clip.__slots__}
    del fields["id"]
    return {"_id": clip.id, **fields, "work": work_document(clip.work)}


def _clip(document: Document) -> Clip:
    fields = {**document, "id": document["_id"], "work": read_work(document["work"])}
    del fields["_id"]
    return Clip(**fields)
