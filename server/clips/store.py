"""Clips in MongoDB."""

from __future__ import annotations

from dataclasses import asdict

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.clips.model import Clip, Shown
from server.infra.mongo import Database, Document, drop_index
from server.making.model import WorkState
from server.making.records import WorkRecords, as_read, read_work, work_document

CLIPS_LISTED = 200
OF_PRODUCT = 12
SEEN = {"shown": {"$ne": None}, "removed": False}


class ClipStore(WorkRecords[Clip]):
    """Collection `clips`."""

    def __init__(self, database: Database) -> None:
        self._clips = database["clips"]
        super().__init__(self._clips, _clip, _document)

    async def make_indexes(self) -> None:
        """Clips by broadcast, lesson, product and merchant; what the sweeps look for. Old ones get what they lack."""
        await super().make_indexes()
        await self._bring_up_to_date()
        await self._clips.create_index([("stream_id", 1), ("start_ms", 1)])
        await self._clips.create_index([("lesson_id", 1), ("start_ms", 1)])
        await self._clips.create_index([("product_id", 1), ("created_at", -1)])
        await self._clips.create_index([("merchant_id", 1), ("created_at", -1)])

    async def _bring_up_to_date(self) -> None:
        """Clips of before had no editions, and were found by their moment's begin."""
        await drop_index(self._clips, "stream_id_1_product_id_1_start_ms_1")
        common = {"edition": 1, "untidy": True, "removed": False, "by_host": False, "pinned_lesson_id": None}
        made = {"edition": 0, "duration_ms": "$duration_ms", "has_poster": "$has_poster", "at_ms": "$start_ms"}
        shown = {"$cond": [{"$eq": ["$work.state", WorkState.READY]}, made, None]}
        await self._clips.update_many(
            {"edition": {"$exists": False}},
            [{"$set": {**common, "shown": shown}}, {"$unset": ["duration_ms", "has_poster"]}],
        )

    async def add(self, clip: Clip) -> Clip:
        """Add a clip; if it is there already, answer what is."""
        try:
            await self._clips.insert_one(_document(clip))
        except DuplicateKeyError:
            kept = await self.get(clip.id)
            if kept is None:
                raise
            return kept
        return clip

    async def move(self, before: Clip, after: Clip) -> Clip | None:
        """As for all things; but what is shown has the place that it was given meanwhile."""
        written = _document(after)
        shown = {"$literal": written["shown"]}
        if after.shown is not None:
            shown = {"$cond": [{"$eq": ["$shown.edition", after.shown.edition]}, "$shown", shown]}
        document = await self._clips.find_one_and_update(
            as_read(before),
            [{"$replaceWith": {"$mergeObjects": [{"$literal": written}, {"shown": shown}]}}],
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _clip(document)

    async def of_stream(self, stream_id: str) -> list[Clip]:
        """All clips of a stream, also those that nobody sees any more."""
        return [_clip(document) async for document in self._clips.find({"stream_id": stream_id})]

    async def place(self, clip_id: str, edition: int, at_ms: int) -> None:
        """Say where in the replay what is shown of a clip begins, if it is still this edition."""
        await self._clips.update_one({"_id": clip_id, "shown.edition": edition}, {"$set": {"shown.at_ms": at_ms}})

    async def shown_of_lesson(self, lesson_id: str) -> list[Clip]:
        """The clips of a replay that can be watched, in its order."""
        found = self._clips.find({"lesson_id": lesson_id, **SEEN}).sort("shown.at_ms", 1).limit(CLIPS_LISTED)
        return [_clip(document) async for document in found]

    async def shown_of_product(self, product_id: str) -> list[Clip]:
        """The clips of a product that can be watched, newest first."""
        found = self._clips.find({"product_id": product_id, **SEEN}).sort("created_at", -1).limit(OF_PRODUCT)
        return [_clip(document) async for document in found]

    async def shown_of(self, merchant_ids: list[str]) -> list[Clip]:
        """The clips of merchants that can be watched, newest first."""
        query = {"merchant_id": {"$in": merchant_ids}, **SEEN}
        found = self._clips.find(query).sort("created_at", -1).limit(CLIPS_LISTED)
        return [_clip(document) async for document in found]

    async def delete(self, clip_id: str) -> None:
        """Forget a clip."""
        await self._clips.delete_one({"_id": clip_id})


def _document(clip: Clip) -> Document:
    fields = {name: getattr(clip, name) for name in Clip.__slots__}
    del fields["id"]
    shown = asdict(clip.shown) if clip.shown else None
    return {"_id": clip.id, **fields, "work": work_document(clip.work), "shown": shown}


def _clip(document: Document) -> Clip:
    fields = {**document, "id": document["_id"], "work": read_work(document["work"])}
    # Of before it was noted: nearly all are shown as they are wanted.
    fields["shown"] = Shown(**{"start_ms": document["start_ms"], **document["shown"]}) if document["shown"] else None
    del fields["_id"]
    return Clip(**fields)
