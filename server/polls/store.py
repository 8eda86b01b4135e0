"""Polls and votes in MongoDB: one open poll per room, one vote per person, counts from the votes themselves."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.infra.mongo import Database, Document
from server.polls.model import Poll


class PollStore:
    """Collections `polls` and `poll_votes`."""

    def __init__(self, database: Database) -> None:
        self._polls = database["polls"]
        self._votes = database["poll_votes"]

    async def make_indexes(self) -> None:
        """One open poll per room; votes by poll and option."""
        await self._polls.create_index(
            "room_id", unique=True, partialFilterExpression={"closed_at": {"$type": "null"}}, name="one_open"
        )
        await self._polls.create_index([("room_id", 1), ("_id", DESCENDING)])
        await self._votes.create_index([("poll_id", 1), ("option", 1)])

    async def add(self, poll: Poll) -> bool:
        """Open a poll; False while another one is open in this room."""
        fields = asdict(poll)
        try:
            await self._polls.insert_one({"_id": fields.pop("id"), **fields, "options": list(poll.options)})
        except DuplicateKeyError:
            return False
        return True

    async def get(self, room_id: str, poll_id: str) -> Poll | None:
        """A poll of a room."""
        return _poll(await self._polls.find_one({"_id": poll_id, "room_id": room_id}))

    async def newest(self, room_id: str) -> Poll | None:
        """The newest poll of a room."""
        return _poll(await self._polls.find_one({"room_id": room_id}, sort=[("_id", DESCENDING)]))

    async def close(self, room_id: str, poll_id: str, at: datetime) -> Poll | None:
        """Close an open poll; None when it is not open."""
        return _poll(
            await self._polls.find_one_and_update(
                {"_id": poll_id, "room_id": room_id, "closed_at": None},
                {"$set": {"closed_at": at}},
                return_document=ReturnDocument.AFTER,
            )
        )

    async def vote(self, poll_id: str, user_id: str, option: int) -> bool:
        """Keep a vote; False when this person has voted."""
        vote = {"_id": f"{poll_id}:{user_id}", "poll_id": poll_id, "option": option}
        try:
            await self._votes.insert_one(vote)
        except DuplicateKeyError:
            return False
        return True

    async def vote_of(self, poll_id: str, user_id: str) -> int | None:
        """What somebody voted for."""
        document = await self._votes.find_one({"_id": f"{poll_id}:{user_id}"})
        return int(document["option"]) if document else None

    async def counts(self, poll_id: str) -> dict[int, int]:
        """How many voted for each option."""
        found = await self._votes.aggregate(
            [{"$match": {"poll_id": poll_id}}, {"$group": {"_id": "$option", "count": {"$sum": 1}}}]
        )
        return {document["_id"]: document["count"] async for document in found}


def _poll(document: Document | None) -> Poll | None:
    if document is None:
        return None
    fields = {name: value for name, value in document.items() if name != "_id"}
    return Poll(id=document["_id"], **{**fields, "options": tuple(fields["options"])})
