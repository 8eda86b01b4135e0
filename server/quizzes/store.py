"""Quizzes, attempts and who has passed, in MongoDB."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from server.ids import first_id_at
from server.infra.mongo import Database, Document
from server.quizzes.model import Attempt, AttemptKind, Question, Quiz, Standing
from server.recordings.inserts import Inserts

COMPLETED = {"_id": "completed"}  # among the standings: those of earlier versions' attempts are all written


class QuizStore:
    """Collections `quizzes`, `quiz_attempts`, `quiz_standings` (what attempts have gained) and `quiz_passes`."""

    def __init__(self, database: Database) -> None:
        self._quizzes = database["quizzes"]
        self._attempts = database["quiz_attempts"]
        self._standings = database["quiz_standings"]
        self._passes = database["quiz_passes"]

    async def make_indexes(self) -> None:
        """Somebody's attempts, a lesson's attempts; what attempts of earlier versions have gained."""
        await self._complete_old_records()
        await self._standings.create_index("lesson_id")
        await self._attempts.create_index([("lesson_id", 1), ("user_id", 1), ("_id", DESCENDING)])
        await self._passes.create_index("lesson_id")

    async def _complete_old_records(self) -> None:
        """Write the standings that attempts of earlier versions have led to; once, but as a whole.

        Done twice, or while somebody gains more, it takes nothing away.
        """
        if await self._standings.find_one(COMPLETED) is not None:
            return
        right = {"$and": [{"$eq": ["$kind", AttemptKind.ONE]}, "$answers.is_right"]}
        end = {"$and": [{"$eq": ["$kind", AttemptKind.END]}, "$is_passed"]}
        both = {
            "right_ids": {"$setUnion": ["$right_ids", "$$new.right_ids"]},
            "has_passed_end": {"$or": ["$has_passed_end", "$$new.has_passed_end"]},
        }
        await self._attempts.aggregate(
            [
                {"$unwind": {"path": "$answers", "preserveNullAndEmptyArrays": True}},
                {
                    "$group": {
                        "_id": {"$concat": ["$user_id", ":", "$lesson_id"]},
                        "user_id": {"$first": "$user_id"},
                        "lesson_id": {"$first": "$lesson_id"},
                        "right_ids": {"$addToSet": {"$cond": [right, "$answers.question_id", None]}},
                        "has_passed_end": {"$max": end},
                    }
                },
                {"$set": {"right_ids": {"$setDifference": ["$right_ids", [None]]}}},
                {"$merge": {"into": self._standings.name, "whenMatched": [{"$set": both}]}},
            ],
            allowDiskUse=True,
        )
        await self._standings.update_one(COMPLETED, {"$setOnInsert": COMPLETED}, upsert=True)

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
        fields = asdict(quiz)
        key = {"_id": fields.pop("lesson_id")}
        if version == 0:
            try:
                await self._quizzes.insert_one({**key, **fields})
            except DuplicateKeyError:
                return False
            return True
        changed = await self._quizzes.update_one({**key, "version": version}, {"$set": fields})
        return changed.matched_count > 0

    async def add_attempt(self, attempt: Attempt) -> None:
        """Keep answers."""
        plain = asdict(attempt)
        await self._attempts.insert_one({"_id": plain.pop("id"), **plain})

    async def ends_since(self, user_id: str, lesson_id: str, since: datetime) -> int:
        """How often somebody has tried the end of a lesson since then."""
        newer = {"_id": {"$gte": first_id_at(since)}, "at": {"$gt": since}}
        return await self._attempts.count_documents({**_ends(user_id, lesson_id), **newer})

    async def gain(self, user_id: str, lesson_id: str, right_ids: frozenset[str], *, end: bool) -> None:
        """Add to what somebody has reached; it is never taken away."""
        await self._standings.update_one(
            {"_id": f"{user_id}:{lesson_id}"},
            {
                "$setOnInsert": {"user_id": user_id, "lesson_id": lesson_id},
                "$addToSet": {"right_ids": {"$each": sorted(right_ids)}},
                "$max": {"has_passed_end": end},
            },
            upsert=True,
        )

    async def standing(self, user_id: str, lesson_id: str) -> Standing:
        """How far somebody is."""
        key = {"_id": f"{user_id}:{lesson_id}"}
        kept = await self._standings.find_one(key) or {"right_ids": (), "has_passed_end": False}
        passed = await self._passes.find_one(key)
        return Standing(
            frozenset(kept["right_ids"]),
            kept["has_passed_end"],
            await self._attempts.count_documents(_ends(user_id, lesson_id)),
            None if passed is None else passed["at"],
        )

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
        not_moved = {"_id": lesson_id, "stretched": {"$ne": mark}}
        while (document := await self._quizzes.find_one(not_moved)) is not None:
            moved = [
                question if question["at_ms"] is None else {**question, "at_ms": inserts.place(question["at_ms"])}
                for question in document["questions"]
            ]
            await self._quizzes.update_one(  # one that its teacher changed meanwhile comes again
                {**not_moved, "version": document["version"]},
                {"$set": {"questions": moved, "stretched": mark}, "$inc": {"version": 1}},
            )

    async def forget(self, lesson_id: str) -> None:
        """A lesson goes, with all that was asked in it."""
        await self._quizzes.delete_one({"_id": lesson_id})
        await self._attempts.delete_many({"lesson_id": lesson_id})
        await self._standings.delete_many({"lesson_id": lesson_id})
        await self._passes.delete_many({"lesson_id": lesson_id})


def _quiz(document: Document) -> Quiz:
    questions = tuple(
        Question(**{**question, "options": tuple(question["options"]), "right": tuple(question["right"])})
        for question in document["questions"]
    )
    return Quiz(document["_id"], questions, document["pass_percent"], document["version"])


def _ends(user_id: str, lesson_id: str) -> Document:
    return {"lesson_id": lesson_id, "user_id": user_id, "kind": AttemptKind.END}
