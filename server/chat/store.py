"""Chat messages and like totals in MongoDB."""

from __future__ import annotations

from pymongo import DESCENDING, ReturnDocument

from server.accounts.model import Role
from server.chat.model import ChatMessage
from server.infra.mongo import Database, Document


class ChatStore:
    """Collections `chat` and `likes`."""

    def __init__(self, database: Database) -> None:
        self._chat = database["chat"]
        self._likes = database["likes"]

    async def make_indexes(self) -> None:
        """The newest messages of a room."""
        await self._chat.create_index([("room_id", 1), ("at", DESCENDING), ("_id", DESCENDING)])

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
            }
        )

    async def newest(self, room_id: str, count: int) -> list[ChatMessage]:
        """The newest messages of a room, oldest first."""
        found = self._chat.find({"room_id": room_id}).sort([("at", DESCENDING), ("_id", DESCENDING)]).limit(count)
        return [_message(document) async for document in found][::-1]

    async def delete(self, room_id: str, message_id: str) -> bool:
        """Delete a message of a room; False when there is none."""
        result = await self._chat.delete_one({"_id": message_id, "room_id": room_id})
        return result.deleted_count == 1

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
        author_role=Role(document["author_role"]),
        text=document["text"],
        at=document["at"],
    )
