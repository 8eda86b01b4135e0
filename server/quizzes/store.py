"""Quizzes, attempts and who has passed, in MongoDB."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from server.infra.mongo import Database, Document
from server.quizzes.model import Answer, Attempt, AttemptKind, Question, Quiz
from server.recordings.inserts import Inserts

READ = 500  # attempts of one person and kind in one lesson, the newest


class QuizStore:
    """Collections `quizzes`, `quiz_attempts` and `quiz_passes`."""

    def __init__(self, database: Database) -> None:
        self._quizzes = database["quizzes"]
        self._attempts = database["quiz_attempts"]
        self._passes = database["quiz_passes"]

    async def make_indexes(self) -> None:
        """Somebody's attempts, a lesson's attempts."""
        await self._attempts.create_index([("lesson_id", 1), ("user_id", 1), ("_id", DESCENDING)])
        await self._passes.create_index("lesson_id")

    async def get(self, lesson_id: str) -> Quiz | None:
        """The quiz of a lesson."""
        document = await self._quizzes.find_one({"_id": lesson_id})
        return None if document is None else _quiz(document)

    async def with_quiz(self, lesson_ids: list[str]) -> set[str]:
        """Which of these lessons have a quiz."""
        found = self._quizzes.find({"_id": {"$in": lesson_ids}, "questions.0": {"$exists": True}}, {"_id": 1})
        return {document["_id"] async for document in found}

    async def put(self, quiz: Quiz, version: int) -> bool:
        """Keep a quiz if the one before has this version; 0: there is none."""
        plain = asdict(quiz)
        document = {"_id": plain.pop("lesson_id"), **plain}
        if version == 0:
            try:
                await self._quizzes.insert_one(document)
            except DuplicateKeyError:
                return False
            return True
        changed = await self._quizzes.replace_one({"_id": quiz.lesson_id, "version": version}, document)
        return changed.matched_count > 0

    async def add_attempt(self, attempt: Attempt) -> None:
        """Keep answers."""
        plain = asdict(attempt)
        await self._attempts.insert_one({"_id": plain.pop("id"), **plain})

    async def attempts_of(self, user_id: str, lesson_id: str, kind: AttemptKind) -> list[Attempt]:
        """What somebody answered in a lesson, newest first."""
        asked = {"lesson_id": lesson_id, "user_id": user_id, "kind": kind}
        found = self._attempts.find(asked).sort("_id", DESCENDING).limit(READ)
        return [_attempt(document) async for document in found]

    async def passed_at(self, user_id: str, lesson_id: str) -> datetime | None:
        """When somebody passed."""
        document = await self._passes.find_one({"_id": f"{user_id}:{lesson_id}"})
        return None if document is None else document["at"]

    async def passed(self, user_id: str, lesson_ids: list[str]) -> set[str]:
        """Which of these lessons somebody has passed."""
        keys = [f"{user_id}:{lesson_id}" for lesson_id in lesson_ids]
        return {document["lesson_id"] async for document in self._passes.find({"_id": {"$in": keys}})}

    async def set_passed(self, user_id: str, lesson_id: str, at: datetime) -> None:
        """Somebody has passed; the first time counts."""
        fields = {"user_id": user_id, "lesson_id": lesson_id, "at": at}
        await self._passes.update_one({"_id": f"{user_id}:{lesson_id}"}, {"$setOnInsert": fields}, upsert=True)

    async def count_passed(self, lesson_id: str) -> int:
        """How many have passed."""
        return await self._passes.count_documents({"lesson_id": lesson_id})

    async def answered(self, lesson_id: str) -> dict[str, tuple[int, int]]:
        """How often each question was answered, and how often rightly."""
        found = await self._attempts.aggregate(
            [
                {"$match": {"lesson_id": lesson_id}},
                {"$unwind": "$answers"},
                {
                    "$group": {
                        "_id": "$answers.question_id",
                        "asked": {"$sum": 1},
                        "right": {"$sum": {"$cond": ["$answers.is_right", 1, 0]}},
                    }
                },
            ]
        )
        return {document["_id"]: (document["asked"], document["right"]) async for document in found}

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None:
        """Move the questions of a lesson."""
        document = await self._quizzes.find_one({"_id": lesson_id, "stretched": {"$ne": mark}})
        if document is None:
            return
        moved = [
            question if question["at_ms"] is None else {**question, "at_ms": inserts.place(question["at_ms"])}
            for question in document["questions"]
        ]
        await self._quizzes.update_one(
            {"_id": lesson_id, "version": document["version"]},
            {"$set": {"questions": moved, "stretched": mark}, "$inc": {"version": 1}},
        )

    async def forget(self, lesson_id: str) -> None:
        """A lesson goes, with all that was asked in it."""
        await self._quizzes.delete_one({"_id": lesson_id})
        await self._attempts.delete_many({"lesson_id": lesson_id})
        await self._passes.delete_many({"lesson_id": lesson_id})


def _quiz(document: Document) -> Quiz:
    questions = tuple(
        Question(**{**question, "options": tuple(question["options"]), "right": tuple(question["right"])})
        for question in document["questions"]
    )
    return Quiz(document["_id"], questions, document["pass_percent"], document["version"])


def _attempt(document: Document) -> Attempt:
    return Attempt(
        id=document["_id"],
        user_id=document["user_id"],
        lesson_id=document["lesson_id"],
        kind=AttemptKind(document["kind"]),
        version=document["version"],
        answers=tuple(
            Answer(answer["question_id"], tuple(answer["chosen"]), answer["is_right"])
            for answer in document["answers"]
        ),
        is_passed=document["is_passed"],
        at=document["at"],
    )
