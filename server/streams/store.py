"""Streams in MongoDB; at most one unfinished stream per room."""

from __future__ import annotations

from datetime import datetime

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.infra.mongo import Database, Document
from server.streams.model import ON_AIR, OPEN_STATES, EndReason, Stream, StreamState


class StreamStore:
    """Collection `streams`."""

    def __init__(self, database: Database) -> None:
        self._streams = database["streams"]

    async def make_indexes(self) -> None:
        """One open stream per room; the newest of a room."""
        await self._streams.create_index(
            "room_id", unique=True, partialFilterExpression={"open": True}, name="one_open"
        )
        await self._streams.create_index([("room_id", 1), ("created_at", DESCENDING)])
        await self._streams.create_index([("state", 1), ("created_at", 1)])

    async def add(self, stream: Stream) -> bool:
        """Add a stream; False when the room has an unfinished one already."""
        try:
            await self._streams.insert_one(
                {
                    "_id": stream.id,
                    "room_id": stream.room_id,
                    "host_id": stream.host_id,
                    "title": stream.title,
                    "state": stream.state,
                    "open": stream.state in OPEN_STATES,
                    "created_at": stream.created_at,
                    "started_at": stream.started_at,
                    "first_picture_at": stream.first_picture_at,
                    "ended_at": stream.ended_at,
                    "end_reason": stream.end_reason,
                    "lesson_id": stream.lesson_id,
                    "reported_at": stream.reported_at,
                }
            )
        except DuplicateKeyError:
            return False
        return True

    async def get(self, stream_id: str) -> Stream | None:
        """One stream."""
        return _stream(await self._streams.find_one({"_id": stream_id}))

    async def open_in(self, room_id: str) -> Stream | None:
        """The unfinished stream of a room."""
        return _stream(await self._streams.find_one({"room_id": room_id, "open": True}))

    async def last_in(self, room_id: str) -> Stream | None:
        """The newest stream of a room that was ended."""
        return _stream(
            await self._streams.find_one(
                {"room_id": room_id, "state": StreamState.ENDED}, sort=[("created_at", DESCENDING)]
            )
        )

    async def on_air(self) -> list[Stream]:
        """Every stream that is live or interrupted."""
        found = self._streams.find({"open": True, "state": {"$in": sorted(ON_AIR)}}).sort("started_at", DESCENDING)
        return [stream async for document in found if (stream := _stream(document))]

    async def starting_before(self, moment: datetime) -> list[Stream]:
        """Streams that have been waiting for their first picture since before `moment`."""
        found = self._streams.find({"state": StreamState.STARTING, "created_at": {"$lt": moment}}).limit(100)
        return [stream async for document in found if (stream := _stream(document))]

    async def move(self, before: Stream, after: Stream) -> Stream | None:
        """Keep what became of a stream if its state is still the one that was read; None when somebody was first."""
        changes: Document = {
            "state": after.state,
            "open": after.state in OPEN_STATES,
            "started_at": after.started_at,
            "first_picture_at": after.first_picture_at,
            "ended_at": after.ended_at,
            "end_reason": after.end_reason,
            "reported_at": after.reported_at,
        }
        return _stream(
            await self._streams.find_one_and_update(
                {"_id": before.id, "state": before.state}, {"$set": changes}, return_document=ReturnDocument.AFTER
            )
        )

    async def set_lesson(self, stream_id: str, lesson_id: str | None) -> None:
        """Remember which lesson the stream became, or that it is there no more."""
        await self._streams.update_one({"_id": stream_id}, {"$set": {"lesson_id": lesson_id}})


def _stream(document: Document | None) -> Stream | None:
    if document is None:
        return None
    return Stream(
        id=document["_id"],
        room_id=document["room_id"],
        host_id=document["host_id"],
        title=document["title"],
        state=StreamState(document["state"]),
        created_at=document["created_at"],
        started_at=document["started_at"],
        first_picture_at=document["first_picture_at"],
        ended_at=document["ended_at"],
        end_reason=EndReason(reason) if (reason := document.get("end_reason")) else None,
        lesson_id=document["lesson_id"],
        reported_at=document["reported_at"],
    )
