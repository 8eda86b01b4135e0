"""Questions in MongoDB; at most one is pinned in a room."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.infra.mongo import Database, Document
from server.questions.model import Question, QuestionState

SEEN = [QuestionState.OPEN, QuestionState.ANSWERED]


class QuestionStore:
    """Collection `questions`."""

    def __init__(self, database: Database) -> None:
        self._questions = database["questions"]

    async def make_indexes(self) -> None:
        """Lists by age; one pinned question per room."""
        await self._questions.create_index([("room_id", 1), ("_id", DESCENDING)])
        await self._questions.create_index(
            "room_id", unique=True, partialFilterExpression={"is_pinned": True}, name="one_pinned"
        )

    async def add(self, question: Question) -> None:
        """Keep a question."""
        fields = asdict(question)
        await self._questions.insert_one({"_id": fields.pop("id"), **fields})

    async def get(self, room_id: str, question_id: str) -> Question | None:
        """A question of a room that is not gone."""
        query = {"_id": question_id, "room_id": room_id, "state": {"$ne": QuestionState.GONE}}
        return _question(await self._questions.find_one(query))

    async def newest(self, room_id: str, since: datetime, count: int, *, with_held: bool) -> list[Question]:
        """The newest questions and the pinned one, oldest first."""
        states = [*SEEN, QuestionState.HELD] if with_held else SEEN
        fresh = {"$or": [{"at": {"$gte": since}}, {"is_pinned": True}]}
        found = self._questions.find({"room_id": room_id, "state": {"$in": states}, **fresh})
        newest = found.sort("_id", DESCENDING).limit(count)
        return [question async for document in newest if (question := _question(document))][::-1]

    async def answer(self, room_id: str, question_id: str, text: str, by: str, at: datetime) -> Question | None:
        """Answer a question; who sees it then is everybody."""
        return await self._change(
            room_id,
            question_id,
            {"state": QuestionState.ANSWERED, "answer": text, "answered_by": by, "answered_at": at},
        )

    async def show(self, room_id: str, question_id: str) -> Question | None:
        """Let a question that waits be seen."""
        return await self._change(room_id, question_id, {"state": QuestionState.OPEN}, state=QuestionState.HELD)

    async def remove(self, room_id: str, question_id: str) -> Question | None:
        """Take a question away; nobody pins it any more."""
        return await self._change(room_id, question_id, {"state": QuestionState.GONE, "is_pinned": False})

    async def pinned(self, room_id: str) -> Question | None:
        """The pinned question."""
        return _question(await self._questions.find_one({"room_id": room_id, "is_pinned": True}))

    async def unpin(self, room_id: str, question_id: str) -> Question | None:
        """Pin a question no more."""
        return await self._change(room_id, question_id, {"is_pinned": False})

    async def pin(self, room_id: str, question_id: str) -> Question | None:
        """Pin a question; None while another one is pinned."""
        try:
            return await self._change(room_id, question_id, {"is_pinned": True})
        except DuplicateKeyError:
            return None

    async def _change(
        self, room_id: str, question_id: str, fields: Document, state: QuestionState | None = None
    ) -> Question | None:
        query = {"_id": question_id, "room_id": room_id, "state": state or {"$ne": QuestionState.GONE}}
        return _question(
            await self._questions.find_one_and_update(query, {"$set": fields}, return_document=ReturnDocument.AFTER)
        )


def _question(document: Document | None) -> Question | None:
    if document is None:
        return None
    fields = {name: value for name, value in document.items() if name != "_id"}
    return Question(id=document["_id"], **{**fields, "state": QuestionState(fields["state"])})
