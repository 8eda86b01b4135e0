"""Uploads in MongoDB."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from server.infra.mongo import Database, Document
from server.uploads.model import Part, Rest, Upload, UploadState

SWEPT_AT_ONCE = 50
UNFINISHED = (UploadState.RECEIVING, UploadState.WHOLE)
FIELDS = frozenset(field.name for field in fields(Upload))


class UploadStore:
    """Collection `uploads`. An unfinished one has one of its teacher's places (`place`): he has only so many."""

    def __init__(self, database: Database) -> None:
        self._uploads = database["uploads"]

    async def make_indexes(self) -> None:
        """A teacher's places; what the sweep looks for."""
        await self._uploads.create_index(
            [("teacher_id", 1), ("place", 1)], unique=True, partialFilterExpression={"place": {"$exists": True}}
        )
        await self._uploads.create_index([("state", 1), ("expires_at", 1)])

    async def add(self, upload: Upload, places: int) -> bool:
        """Keep a new upload; False when its teacher has no place left."""
        for place in range(places):
            try:
                await self._uploads.insert_one({**_document(upload), "place": place})
            except DuplicateKeyError:
                continue
            return True
        return False

    async def get(self, upload_id: str) -> Upload | None:
        """One upload."""
        document = await self._uploads.find_one({"_id": upload_id})
        return None if document is None else _upload(document)

    async def move(self, before: Upload, after: Upload) -> bool:
        """Keep a changed upload if it is still what was read."""
        kept = {name: value for name, value in _document(after).items() if name != "_id"}
        change: Document = {"$set": kept} if after.state in UNFINISHED else {"$set": kept, "$unset": {"place": ""}}
        changed = await self._uploads.update_one({"_id": before.id, "version": before.version}, change)
        return changed.modified_count > 0

    async def want(self, upload: Upload) -> None:
        """Ask whoever took an upload, at the latest as it was read, to let go of it."""
        await self._uploads.update_one({"_id": upload.id}, {"$max": {"wanted": upload.version}})

    async def hear(self, upload: Upload) -> bool:
        """Whether somebody wants an upload that was taken like this; if so it is noted that he was heard."""
        wanted = {"_id": upload.id, "wanted": {"$gte": upload.version}}
        heard = await self._uploads.update_one(wanted, [{"$set": {"heard": "$wanted"}}])
        return heard.matched_count > 0

    async def is_heard(self, upload: Upload) -> bool:
        """Whether who took an upload knows that it is wanted."""
        heard = {"_id": upload.id, "heard": {"$gte": upload.version}}
        return await self._uploads.find_one(heard, {"_id": 1}) is not None

    async def unfinished_of(self, teacher_id: str) -> list[Upload]:
        """A teacher's uploads that are not lessons yet, newest first."""
        found = self._uploads.find({"teacher_id": teacher_id, "place": {"$exists": True}}).sort("_id", -1)
        return [_upload(document) async for document in found]

    async def unfinished_bytes(self) -> int:
        """How large all unfinished uploads together will be."""
        found = await self._uploads.aggregate(
            [{"$match": {"state": {"$in": UNFINISHED}}}, {"$group": {"_id": None, "bytes": {"$sum": "$size"}}}]
        )
        return sum([document["bytes"] async for document in found])

    async def expiring_before(self, state: UploadState, moment: datetime) -> list[Upload]:
        """Uploads in a state, whose time is over by then."""
        return await self._find({"state": state, "expires_at": {"$lt": moment}})

    async def in_state(self, state: UploadState) -> list[Upload]:
        """Uploads in a state, those that are due first."""
        return await self._find({"state": state})

    async def delete(self, upload_id: str) -> None:
        """Forget an upload."""
        await self._uploads.delete_one({"_id": upload_id})

    async def _find(self, query: Document) -> list[Upload]:
        found = self._uploads.find(query).sort("expires_at", 1).limit(SWEPT_AT_ONCE)
        return [_upload(document) async for document in found]


def _document(upload: Upload) -> Document:
    plain = asdict(upload)
    return {"_id": plain.pop("id"), **plain}


def _upload(document: Document) -> Upload:
    known = {name: value for name, value in document.items() if name in FIELDS}
    return Upload(
        **{
            **known,
            "id": document["_id"],
            "state": UploadState(document["state"]),
            "parts": tuple(Part(**part) for part in document["parts"]),
            "rest": Rest(**document["rest"]) if document["rest"] else None,
        }
    )
