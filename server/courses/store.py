"""Courses, lessons and learners' progress in MongoDB."""

from __future__ import annotations

import re

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.courses.model import Course, Lesson, Progress
from server.infra.mongo import Database, Document

LISTED = 200


class CourseStore:
    """Collections `courses`, `lessons` and `lesson_progress`."""

    def __init__(self, database: Database) -> None:
        self._courses = database["courses"]
        self._lessons = database["lessons"]
        self._progress = database["lesson_progress"]

    async def make_indexes(self) -> None:
        """One lesson per asset, one course of replays per teacher, lists by age."""
        await self._courses.create_index(
            "teacher_id", unique=True, partialFilterExpression={"is_replays": True}, name="one_of_replays"
        )
        await self._courses.create_index([("created_at", DESCENDING)])
        await self._lessons.create_index("asset_id", unique=True)
        await self._lessons.create_index([("course_id", 1), ("created_at", 1)])
        await self._lessons.create_index([("created_at", DESCENDING)])
        await self._progress.create_index("lesson_id")

    async def add_course(self, course: Course) -> Course:
        """Add a course; if it is there already (by id, or the teacher's replays), answer that."""
        document = {
            "_id": course.id,
            "title": course.title,
            "summary": course.summary,
            "teacher_id": course.teacher_id,
            "teacher_name": course.teacher_name,
            "is_replays": course.is_replays,
            "created_at": course.created_at,
            "cover_url": course.cover_url,
        }
        try:
            await self._courses.insert_one(document)
        except DuplicateKeyError:
            same = {"teacher_id": course.teacher_id, "is_replays": True} if course.is_replays else {"_id": course.id}
            kept = await self._courses.find_one({"$or": [same, {"_id": course.id}]})
            if kept is None:
                raise
            return _course(kept)
        return course

    async def get_course(self, course_id: str) -> Course | None:
        """One course."""
        document = await self._courses.find_one({"_id": course_id})
        return None if document is None else _course(document)

    async def courses(self) -> list[Course]:
        """Courses, newest first."""
        return [_course(d) async for d in self._courses.find().sort("created_at", DESCENDING).limit(LISTED)]

    async def set_cover_if_missing(self, course_id: str, cover_url: str) -> None:
        """Give a course its first cover."""
        await self._courses.update_one({"_id": course_id, "cover_url": None}, {"$set": {"cover_url": cover_url}})

    async def lesson_counts(self, course_ids: list[str]) -> dict[str, int]:
        """How many lessons each course has."""
        found = await self._lessons.aggregate(
            [{"$match": {"course_id": {"$in": course_ids}}}, {"$group": {"_id": "$course_id", "count": {"$sum": 1}}}]
        )
        return {document["_id"]: document["count"] async for document in found}

    async def add_lesson(self, lesson: Lesson) -> Lesson:
        """Add a lesson; if its asset has one already, answer that."""
        document = {
            "_id": lesson.id,
            "asset_id": lesson.asset_id,
            "course_id": lesson.course_id,
            "title": lesson.title,
            "host_id": lesson.host_id,
            "host_name": lesson.host_name,
            "created_at": lesson.created_at,
        }
        try:
            await self._lessons.insert_one(document)
        except DuplicateKeyError:
            kept = await self.of_asset(lesson.asset_id)
            if kept is None:
                raise
            return kept
        return lesson

    async def get_lesson(self, lesson_id: str) -> Lesson | None:
        """One lesson."""
        return _lesson(await self._lessons.find_one({"_id": lesson_id}))

    async def of_asset(self, asset_id: str) -> Lesson | None:
        """The lesson of an asset."""
        return _lesson(await self._lessons.find_one({"asset_id": asset_id}))

    async def find_lessons(self, text: str) -> list[Lesson]:
        """Lessons whose title contains a text, newest first."""
        query: Document = {"title": {"$regex": re.escape(text), "$options": "i"}} if text else {}
        found = self._lessons.find(query).sort("created_at", DESCENDING).limit(LISTED)
        return [lesson async for document in found if (lesson := _lesson(document))]

    async def lessons_in(self, course_id: str) -> list[Lesson]:
        """The lessons of a course, oldest first."""
        found = self._lessons.find({"course_id": course_id}).sort("created_at", 1).limit(LISTED)
        return [lesson async for document in found if (lesson := _lesson(document))]

    async def delete_lesson(self, lesson_id: str) -> None:
        """Forget a lesson, and how far learners have come in it."""
        await self._lessons.delete_one({"_id": lesson_id})
        await self._progress.delete_many({"lesson_id": lesson_id})

    async def progress_of(self, user_id: str, lesson_ids: list[str]) -> dict[str, Progress]:
        """How far somebody has come, by lesson."""
        found = self._progress.find({"_id": {"$in": [f"{user_id}:{lesson_id}" for lesson_id in lesson_ids]}})
        return {document["lesson_id"]: _progress(document) async for document in found}

    async def set_progress(self, user_id: str, lesson_id: str, before: Progress, after: Progress) -> bool:
        """Keep progress if it is still what was read; False when another page was first."""
        key = f"{user_id}:{lesson_id}"
        fields = {
            "user_id": user_id,
            "lesson_id": lesson_id,
            "position_ms": after.position_ms,
            "intervals": [list(interval) for interval in after.intervals],
            "is_done": after.is_done,
            "version": after.version,
        }
        if before.version == 0:
            try:
                await self._progress.insert_one({"_id": key, **fields})
            except DuplicateKeyError:
                return False
            return True
        changed = await self._progress.find_one_and_update(
            {"_id": key, "version": before.version}, {"$set": fields}, return_document=ReturnDocument.AFTER
        )
        return changed is not None


def _course(document: Document) -> Course:
    fields = {**document, "id": document["_id"]}
    del fields["_id"]
    return Course(**fields)


def _lesson(document: Document | None) -> Lesson | None:
    if document is None:
        return None
    fields = {**document, "id": document["_id"]}
    del fields["_id"]
    return Lesson(**fields)


def _progress(document: Document) -> Progress:
    return Progress(
        position_ms=document["position_ms"],
        intervals=tuple((start, end) for start, end in document["intervals"]),
        is_done=document["is_done"],
        version=document["version"],
    )
