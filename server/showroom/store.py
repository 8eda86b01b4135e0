"""Halls and panoramas in MongoDB."""

from __future__ import annotations

from dataclasses import asdict

from pymongo.errors import DuplicateKeyError

from server.infra.mongo import Database, Document
from server.showroom.model import Booth, Hall, HallPlan, Panorama, Season

HALLS_LISTED = 100


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

    async def delete(self, panorama_id: str) -> bool:
        """Forget a panorama; False if there is none."""
        return (await self._panoramas.delete_one({"_id": panorama_id})).deleted_count == 1

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

    async def is_built_in(self, panorama_id: str) -> bool:
        """Whether a hall, open or not, is built in this panorama."""
        return await self._halls.find_one({"panorama.id": panorama_id}, {"_id": 1}) is not None

    async def delete(self, hall_id: str) -> bool:
        """Forget a hall; False if there is none."""
        return (await self._halls.delete_one({"_id": hall_id})).deleted_count == 1


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
