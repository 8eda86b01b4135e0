"""Chat messages and like totals in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pymongo import DESCENDING, ReturnDocument

from server.chat.model import ChatMessage, MessageState
from server.infra.mongo import Database, Document
from server.rooms.model import RoomRole

HELD_LISTED = 200
# Messages from before there were states have none; they are shown.
SHOWN = {"$in": [None, MessageState.SHOWN]}


class ChatStore:
    """Collections `chat` and `likes`."""

    def __init__(self, database: Database) -> None:
        self._chat = database["chat"]
        self._likes = database["likes"]

    async def make_indexes(self) -> None:
        """The newest messages of a room, those that wait, those of one author."""
        await self._chat.create_index([("room_id", 1), ("at", DESCENDING), ("_id", DESCENDING)])
        await self._chat.create_index(
            [("room_id", 1), ("_id", 1)], partialFilterExpression={"state": MessageState.HELD}, name="held"
        )
        await self._chat.create_index([("room_id", 1), ("author_id", 1)])

    async def add(self, message: ChatMessage) -> None:
        """Keep a message."""
        await self._chat.insert_one(
            {
                "_id": message.id,
                "room_id": message.room_id,
                "author_id": message.author_id,
                "author_name": message.author_name,
                "author_role": message.author_role,
                "text": message.text,
                "at": message.at,
                "state": message.state,
            }
        )

    async def newest(self, room_id: str, count: int) -> list[ChatMessage]:
        """The newest messages of a room, oldest first."""
        found = (
            self._chat.find({"room_id": room_id, "state": SHOWN})
            .sort([("at", DESCENDING), ("_id", DESCENDING)])
            .limit(count)
        )
        return [_message(document) async for document in found][::-1]

    async def get(self, room_id: str, message_id: str) -> ChatMessage | None:
        """A message of a room that is not gone."""
        query = {"_id": message_id, "room_id": room_id, "state": {"$ne": MessageState.GONE}}
        document = await self._chat.find_one(query)
        return None if document is None else _message(document)

    async def shown_of(self, message_ids: Sequence[str]) -> set[str]:
        """Those of these messages that everybody may see."""
        found = self._chat.find({"_id": {"$in": list(message_ids)}, "state": SHOWN}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def held(self, room_id: str) -> list[ChatMessage]:
        """Messages that wait for staff, oldest first."""
        found = self._chat.find({"room_id": room_id, "state": MessageState.HELD}).sort("_id", 1).limit(HELD_LISTED)
        return [_message(document) async for document in found]

    async def release(self, room_id: str, message_id: str, at: datetime) -> ChatMessage | None:
        """Let a message that waits be seen from now on; None when it does not wait."""
        document = await self._chat.find_one_and_update(
            {"_id": message_id, "room_id": room_id, "state": MessageState.HELD},
            {"$set": {"state": MessageState.SHOWN, "at": at}},
            return_document=ReturnDocument.AFTER,
        )
        return None if document is None else _message(document)

    async def remove(self, room_id: str, message_id: str) -> bool:
        """Take a message away; False when there is none. Its words stay for those who look into a complaint."""
        result = await self._chat.update_one(
            {"_id": message_id, "room_id": room_id, "state": {"$ne": MessageState.GONE}},
            {"$set": {"state": MessageState.GONE}},
        )
        return result.modified_count == 1

    async def remove_of(self, room_id: str, author_id: str) -> int:
        """Take all messages of one author away; answers how many."""
        result = await self._chat.update_many(
            {"room_id": room_id, "author_id": author_id, "state": {"$ne": MessageState.GONE}},
            {"$set": {"state": MessageState.GONE}},
        )
        return result.modified_count

    async def add_likes(self, room_id: str, count: int) -> int:
        """Add likes; answers the total."""
        document = await self._likes.find_one_and_update(
            {"_id": room_id}, {"$inc": {"total": count}}, upsert=True, return_document=ReturnDocument.AFTER
        )
        return int(document["total"]) if document else count

    async def likes(self, room_id: str) -> int:
        """How many likes a room has."""
        document = await self._likes.find_one({"_id": room_id})
        return int(document["total"]) if document else 0


def _message(document: Document) -> ChatMessage:
    return ChatMessage(
        id=document["_id"],
        room_id=document["room_id"],
        author_id=document["author_id"],
        author_name=document["author_name"],
        author_role=RoomRole(document["author_role"]),
        text=document["text"],
        at=document["at"],
        state=MessageState(document.get("state", MessageState.SHOWN)),
    )
