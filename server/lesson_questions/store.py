"""Questions about lessons in MongoDB."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING, ReturnDocument

from server.infra.mongo import Database, Document
from server.lesson_questions.model import LessonQuestion, Notices
from server.recordings.inserts import Inserts

AT_ONCE = 50


class LessonQuestionStore:
    """Collection `lesson_questions`."""

    def __init__(self, database: Database) -> None:
        self._questions = database["lesson_questions"]

    async def make_indexes(self) -> None:
        """A lesson's, a teacher's that wait, somebody's own."""
        await self._questions.create_index([("lesson_id", 1), ("_id", DESCENDING)])
        await self._questions.create_index([("teacher_id", 1), ("answered_at", 1), ("_id", DESCENDING)])
        await self._questions.create_index([("author_id", 1), ("is_seen", 1), ("_id", DESCENDING)])

    async def add(self, question: LessonQuestion) -> None:
        """Keep a question."""
        plain = asdict(question)
        await self._questions.insert_one({"_id": plain.pop("id"), **plain})

    async def get(self, question_id: str) -> LessonQuestion | None:
        """One question."""
        return _question(await self._questions.find_one({"_id": question_id}))

    async def of_lesson(self, lesson_id: str, before: str) -> list[LessonQuestion]:
        """A lesson's questions, newest first; before that id, if there is one."""
        return await self._list({"lesson_id": lesson_id, **({"_id": {"$lt": before}} if before else {})})

    async def open_for(self, teacher_id: str) -> list[LessonQuestion]:
        """What a teacher has not answered, newest first."""
        return await self._list({"teacher_id": teacher_id, "answered_at": None})

    async def of_author(self, author_id: str) -> list[LessonQuestion]:
        """What somebody asked, newest first."""
        return await self._list({"author_id": author_id})

    async def answer(self, question_id: str, text: str, at: datetime) -> LessonQuestion | None:
        """Answer a question, or answer it anew."""
        return _question(
            await self._questions.find_one_and_update(
                {"_id": question_id},
                {"$set": {"answer": text, "answered_at": at, "is_seen": False}},
                return_document=ReturnDocument.AFTER,
            )
        )

    async def see_answers(self, author_id: str) -> None:
        """Somebody has looked at all his answers."""
        await self._questions.update_many(
            {"author_id": author_id, "is_seen": False, "answered_at": {"$ne": None}}, {"$set": {"is_seen": True}}
        )

    async def notices(self, user_id: str) -> Notices:
        """How much waits for somebody."""
        answered = {"author_id": user_id, "is_seen": False, "answered_at": {"$ne": None}}
        return Notices(
            await self._questions.count_documents({"teacher_id": user_id, "answered_at": None}),
            await self._questions.count_documents(answered),
        )

    async def delete(self, question_id: str) -> None:
        """Forget a question."""
        await self._questions.delete_one({"_id": question_id})

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None:
        """Move the places that a lesson's questions are about."""
        found = self._questions.find({"lesson_id": lesson_id, "at_ms": {"$ne": None}, "stretched": {"$ne": mark}})
        async for document in found:
            await self._questions.update_one(
                {"_id": document["_id"], "stretched": {"$ne": mark}},
                {"$set": {"at_ms": inserts.place(document["at_ms"]), "stretched": mark}},
            )

    async def forget(self, lesson_id: str) -> None:
        """A lesson goes."""
        await self._questions.delete_many({"lesson_id": lesson_id})

    async def _list(self, query: Document) -> list[LessonQuestion]:
        found = self._questions.find(query).sort("_id", DESCENDING).limit(AT_ONCE)
        return [question async for document in found if (question := _question(document))]


def _question(document: Document | None) -> LessonQuestion | None:
    if document is None:
        return None
    plain = {**document, "id": document["_id"]}
    del plain["_id"]
    plain.pop("stretched", None)
    return LessonQuestion(**plain)
