"""Rooms in MongoDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.errors import Conflict
from server.infra.mongo import Database, Document
from server.rooms.model import Announcement, ChatRules, Helper, Room

ROOMS_LISTED = 200
NEXT_FIRST = (("scheduled_at", 1), ("created_at", 1))


class RoomStore:
    """Collection `rooms`."""

    def __init__(self, database: Database) -> None:
        self._rooms = database["rooms"]

    async def make_indexes(self) -> None:
        """Unique addresses; one room per host; rooms of a merchant."""
        await self._rooms.create_index("slug", unique=True)
        await self._rooms.create_index("host_id", unique=True)
        await self._rooms.create_index("merchant_id")

    async def add(self, room: Room) -> None:
        """Add a room. Raises Conflict (`slug_taken`)."""
        try:
            await self._rooms.insert_one(
                {
                    "_id": room.id,
                    "slug": room.slug,
                    "title": room.title,
                    "host_id": room.host_id,
                    "host_name": room.host_name,
                    "merchant_id": room.merchant_id,
                    "cover_url": room.cover_url,
                    "scheduled_at": room.scheduled_at,
                    "key_version": room.key_version,
                    "created_at": room.created_at,
                }
            )
        except DuplicateKeyError:
            raise Conflict("this address is taken, or the host has a room already", code="slug_taken") from None

    async def get(self, room_id: str) -> Room | None:
        """One room by id."""
        return _room(await self._rooms.find_one({"_id": room_id}))

    async def by_slug(self, slug: str) -> Room | None:
        """One room by address."""
        return _room(await self._rooms.find_one({"slug": slug}))

    async def by_slugs(self, slugs: Sequence[str]) -> list[Room]:
        """Rooms at these addresses, in no order."""
        found = self._rooms.find({"slug": {"$in": list(slugs)}})
        return [room async for document in found if (room := _room(document))]

    async def by_ids(self, room_ids: Sequence[str]) -> list[Room]:
        """The rooms among these ids that exist, in no order."""
        found = self._rooms.find({"_id": {"$in": list(room_ids)}})
        return [room async for document in found if (room := _room(document))]

    async def by_host(self, host_id: str) -> Room | None:
        """The room of a host."""
        return _room(await self._rooms.find_one({"host_id": host_id}))

    async def by_merchant(self, merchant_ids: list[str]) -> list[Room]:
        """Rooms that sell for these merchants, by next broadcast."""
        found = self._rooms.find({"merchant_id": {"$in": merchant_ids}}).sort(NEXT_FIRST)
        return [room async for document in found if (room := _room(document))]

    async def all(self) -> list[Room]:
        """Rooms by next broadcast."""
        found = self._rooms.find().sort(NEXT_FIRST).limit(ROOMS_LISTED)
        return [room async for document in found if (room := _room(document))]

    async def edit(self, room_id: str, changes: dict[str, str | datetime | None]) -> Room | None:
        """Set some of `title`, `scheduled_at`, `cover_url`."""
        return _room(
            await self._rooms.find_one_and_update(
                {"_id": room_id}, {"$set": changes}, return_document=ReturnDocument.AFTER
            )
        )

    async def set_rules(self, room_id: str, changes: Mapping[str, bool | int]) -> Room | None:
        """Set some of the rules of a room's chat, and leave the others as they are."""
        return await self._set(room_id, {"$set": {f"rules.{name}": value for name, value in changes.items()}})

    async def set_announcement(self, room_id: str, announcement: Announcement | None) -> Room | None:
        """Replace or take away a room's announcement."""
        return await self._set(room_id, {"$set": {"announcement": asdict(announcement) if announcement else None}})

    async def add_helper(self, room_id: str, helper: Helper, most: int) -> Room | None:
        """Name a helper; None when he is one already, or there are `most`."""
        return _room(
            await self._rooms.find_one_and_update(
                {
                    "_id": room_id,
                    "helpers.user_id": {"$ne": helper.user_id},
                    f"helpers.{most - 1}": {"$exists": False},
                },
                {"$push": {"helpers": asdict(helper)}},
                return_document=ReturnDocument.AFTER,
            )
        )

    async def drop_helper(self, room_id: str, user_id: str) -> Room | None:
        """Take the helper's role from somebody."""
        return await self._set(room_id, {"$pull": {"helpers": {"user_id": user_id}}})

    async def _set(self, room_id: str, update: Document) -> Room | None:
        return _room(
            await self._rooms.find_one_and_update({"_id": room_id}, update, return_document=ReturnDocument.AFTER)
        )

    async def renew_key(self, room_id: str) -> Room | None:
        """Count the key version up."""
        return _room(
            await self._rooms.find_one_and_update(
                {"_id": room_id}, {"$inc": {"key_version": 1}}, return_document=ReturnDocument.AFTER
            )
        )


def _room(document: Document | None) -> Room | None:
    if document is None:
        return None
    return Room(
        id=document["_id"],
        slug=document["slug"],
        title=document["title"],
        host_id=document["host_id"],
        host_name=document["host_name"],
        merchant_id=document["merchant_id"],
        cover_url=document["cover_url"],
        scheduled_at=document["scheduled_at"],
        key_version=document["key_version"],
        created_at=document["created_at"],
        rules=ChatRules(**document.get("rules", {})),
        helpers=tuple(Helper(**helper) for helper in document.get("helpers", ())),
        announcement=Announcement(**noted) if (noted := document.get("announcement")) else None,
    )
