"""Who follows which room, in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from server.infra.mongo import Database


class FollowStore:
    """Collection `follows`."""

    def __init__(self, database: Database) -> None:
        self._follows = database["follows"]

    async def make_indexes(self) -> None:
        """The followers of a room are counted."""
        await self._follows.create_index("room_id")

    async def add(self, room_id: str, user_id: str, at: datetime) -> None:
        """Follow; again: as it was."""
        await self._follows.update_one(
            {"_id": f"{room_id}:{user_id}"},
            {"$setOnInsert": {"room_id": room_id, "user_id": user_id, "at": at}},
            upsert=True,
        )

    async def drop(self, room_id: str, user_id: str) -> None:
        """Follow no more."""
        await self._follows.delete_one({"_id": f"{room_id}:{user_id}"})

    async def follows(self, room_id: str, user_id: str) -> bool:
        """Whether somebody follows a room."""
        return await self._follows.find_one({"_id": f"{room_id}:{user_id}"}) is not None

    async def among(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bool]:
        """Of these pairs of room and person those that are: the person follows the room."""
        ids = [f"{room_id}:{user_id}" for room_id, user_id in pairs]
        found = self._follows.find({"_id": {"$in": ids}})
        return {(document["room_id"], document["user_id"]): True async for document in found}

    async def count(self, room_id: str) -> int:
        """How many follow a room."""
        return await self._follows.count_documents({"room_id": room_id})
