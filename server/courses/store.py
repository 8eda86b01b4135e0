"""Courses, lessons and learners' progress in MongoDB."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime

from pymongo import DESCENDING, ReturnDocument
from pymongo.errors import DuplicateKeyError

from server.courses.model import Course, CourseChapter, CourseState, Lesson, Progress, Tags
from server.infra.mongo import Database, Document
from server.infra.transactions import Session, Transactions
from server.recordings.inserts import Inserts
from server.recordings.model import asset_prefix

LISTED = 200
TEXT_FORM = 2  # raised when something else of a lesson goes into the search: all are read again
LEARNERS_COUNTED = 5_000
MOVED_AT_ONCE = 500


class CourseStore:
    """Collections `courses`, `lessons` and `lesson_progress`."""

    def __init__(self, database: Database, transactions: Transactions) -> None:
        self._transactions = transactions
        self._courses = database["courses"]
        self._lessons = database["lessons"]
        self._progress = database["lesson_progress"]

    async def make_indexes(self) -> None:
        """One lesson per asset, one course of replays per teacher, lists by age; records of earlier versions grow."""
        await self._complete_old_records()
        await self._courses.create_index(
            "teacher_id", unique=True, partialFilterExpression={"is_replays": True}, name="one_of_replays"
        )
        await self._courses.create_index([("state", 1), ("created_at", DESCENDING)])
        await self._courses.create_index([("teacher_id", 1), ("created_at", DESCENDING)])
        await self._lessons.create_index("asset_id", unique=True)
        await self._lessons.create_index([("course_id", 1), ("created_at", 1)])
        await self._lessons.create_index([("created_at", DESCENDING)])
        await self._lessons.create_index([("host_id", 1), ("created_at", DESCENDING)])
        await self._lessons.create_index("indexed_at")  # null: its text is not in the search
        await self._lessons.update_many({"indexed_form": {"$ne": TEXT_FORM}}, {"$set": {"indexed_at": None}})
        await self._progress.create_index("lesson_id")

    async def _complete_old_records(self) -> None:
        """Give courses of earlier versions what they lack."""
        await self._courses.update_many(
            {"state": {"$exists": False}},
            {
                "$set": {
                    "state": CourseState.PUBLISHED,
                    "chapters": [],
                    "tags": asdict(Tags()),
                    "no_skip": False,
                    "version": 0,
                }
            },
        )
        replays = [document["_id"] async for document in self._courses.find({"is_replays": True}, {"_id": 1})]
        for course, is_replay in (({"course_id": {"$in": replays}}, True), ({}, False)):
            await self._lessons.update_many(
                {**course, "is_replay": {"$exists": False}}, {"$set": {"is_replay": is_replay}}
            )

    async def add_course(self, course: Course) -> Course:
        """Add a course; if it is there already (by id, or the teacher's replays), answer that."""
        document = _course_document(course)
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
        """Published courses, newest first."""
        found = self._courses.find({"state": CourseState.PUBLISHED}).sort("created_at", DESCENDING).limit(LISTED)
        return [_course(document) async for document in found]

    async def courses_of(self, teacher_id: str) -> list[Course]:
        """A teacher's courses, newest first."""
        found = self._courses.find({"teacher_id": teacher_id}).sort("created_at", DESCENDING).limit(LISTED)
        return [_course(document) async for document in found]

    async def many_courses(self, course_ids: list[str]) -> dict[str, Course]:
        """Courses by id."""
        found = self._courses.find({"_id": {"$in": course_ids}})
        return {course.id: course async for document in found if (course := _course(document))}

    async def change_course(self, course: Course, version: int) -> bool:
        """Keep a changed course if it is still the version that was read."""
        return await self._replace(course, version, None)

    async def arrange(self, course: Course, version: int, home_id: str | None) -> bool:
        """The same, and let exactly the lessons in its chapters belong to it; other replays go to `home_id`."""

        async def work(session: Session) -> bool:
            if not await self._replace(course, version, session):
                return False
            named = [lesson_id for chapter in course.chapters for lesson_id in chapter.lesson_ids]
            out = {"course_id": course.id, "_id": {"$nin": named}}
            for is_replay, home in ((True, home_id), (False, None)):
                away = {**out, "is_replay": is_replay}
                await self._lessons.update_many(away, {"$set": {"course_id": home}}, session=session)
            mine = {"_id": {"$in": named}, "host_id": course.teacher_id}
            await self._lessons.update_many(mine, {"$set": {"course_id": course.id}}, session=session)
            return True

        return await self._transactions.run(work)

    async def _replace(self, course: Course, version: int, session: Session | None) -> bool:
        changed = await self._courses.replace_one(
            {"_id": course.id, "version": version}, _course_document(course), session=session
        )
        return changed.modified_count > 0

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
        """Add a lesson, which changes its course; if its asset has one already, answer that."""
        fields_of = asdict(lesson)
        document = {"_id": fields_of.pop("id"), **fields_of, "indexed_at": None}

        async def work(session: Session) -> None:
            await self._lessons.insert_one(document, session=session)
            if lesson.course_id is not None:
                await self._courses.update_one({"_id": lesson.course_id}, {"$inc": {"version": 1}}, session=session)

        try:
            await self._transactions.run(work)
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

    async def newest_lessons(self) -> list[Lesson]:
        """Lessons, newest first."""
        found = self._lessons.find().sort("created_at", DESCENDING).limit(LISTED)
        return [lesson async for document in found if (lesson := _lesson(document))]

    async def lessons_of(self, host_id: str) -> list[Lesson]:
        """A host's lessons, newest first."""
        found = self._lessons.find({"host_id": host_id}).sort("created_at", DESCENDING).limit(LISTED)
        return [lesson async for document in found if (lesson := _lesson(document))]

    async def many_lessons(self, lesson_ids: list[str]) -> dict[str, Lesson]:
        """Lessons by id."""
        found = self._lessons.find({"_id": {"$in": lesson_ids}})
        return {lesson.id: lesson async for document in found if (lesson := _lesson(document))}

    async def rename_lesson(self, lesson_id: str, title: str, title_was: str | None) -> bool:
        """Give a lesson another title; False when it is not called `title_was` any more."""
        query = {"_id": lesson_id} if title_was is None else {"_id": lesson_id, "title": title_was}
        return (await self._lessons.update_one(query, {"$set": {"title": title}})).matched_count == 1

    async def set_subtitles(self, lesson_id: str, version: int) -> None:
        """Which subtitles a lesson has; 0: none."""
        await self._lessons.update_one({"_id": lesson_id}, {"$set": {"subtitles": version}})

    async def text_changes(self, lesson_ids: list[str]) -> None:
        """What is said about these lessons is not in the search as it is now."""
        await self._lessons.update_many(
            {"_id": {"$in": lesson_ids}}, {"$set": {"indexed_at": None}, "$inc": {"text_version": 1}}
        )

    async def not_indexed(self, count: int) -> list[tuple[str, int | None]]:
        """Lessons whose text is not in the search, with the version of their text."""
        found = self._lessons.find({"indexed_at": None}, {"text_version": 1}).limit(count)
        return [(document["_id"], document.get("text_version")) async for document in found]

    async def text_indexed(self, lesson_id: str, text_version: int | None, at: datetime) -> None:
        """The text is in the search, unless it has changed since it was read."""
        await self._lessons.update_one(
            {"_id": lesson_id, "text_version": text_version},
            {"$set": {"indexed_at": at, "indexed_form": TEXT_FORM}},
        )

    async def lessons_in(self, course_id: str) -> list[Lesson]:
        """The lessons of a course, oldest first."""
        found = self._lessons.find({"course_id": course_id}).sort("created_at", 1).limit(LISTED)
        return [lesson async for document in found if (lesson := _lesson(document))]

    async def delete_lesson(self, lesson_id: str) -> None:
        """Forget a lesson, how far learners have come in it, and that its poster is a course's cover."""
        lesson = await self.get_lesson(lesson_id)
        if lesson is not None:
            posters = f"^/files/{asset_prefix(lesson.asset_id)}"
            await self._courses.update_many(
                {"teacher_id": lesson.host_id, "cover_url": {"$regex": posters}}, {"$set": {"cover_url": None}}
            )
        await self._lessons.delete_one({"_id": lesson_id})
        await self._progress.delete_many({"lesson_id": lesson_id})

    async def progress_of(self, user_id: str, lesson_ids: list[str]) -> dict[str, Progress]:
        """How far somebody has come, by lesson."""
        found = self._progress.find({"_id": {"$in": [f"{user_id}:{lesson_id}" for lesson_id in lesson_ids]}})
        return {document["lesson_id"]: _progress(document) async for document in found}

    async def progress_in(self, lesson_id: str) -> list[Progress]:
        """How far learners have come in a lesson; of very many, some."""
        found = self._progress.find({"lesson_id": lesson_id}).limit(LEARNERS_COUNTED)
        return [_progress(document) async for document in found]

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None:
        """Move what learners have watched; who had watched over a cut is not asked for what is there now."""
        not_moved = {"lesson_id": lesson_id, "stretched": {"$ne": mark}}
        while moving := await self._progress.find(not_moved).limit(MOVED_AT_ONCE).to_list():
            for document in moving:  # one that a page changed meanwhile comes again
                await self._progress.update_one(
                    {"_id": document["_id"], "version": document["version"], "stretched": {"$ne": mark}},
                    {"$set": {**_moved(document, inserts), "stretched": mark}, "$inc": {"version": 1}},
                )

    async def is_stretched(self, lesson_id: str, mark: str) -> bool:
        """Whether all that has a place in a lesson was moved for this mark."""
        return await self._lessons.find_one({"_id": lesson_id, "stretched": mark}, {"_id": 1}) is not None

    async def set_stretched(self, lesson_id: str, mark: str) -> None:
        """All that has a place in a lesson was moved for this mark; what comes from now on has its new place."""
        await self._lessons.update_one({"_id": lesson_id}, {"$set": {"stretched": mark}})

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
            "began_at": after.began_at,
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


LESSON_FIELDS = frozenset(field.name for field in fields(Lesson))


def _course_document(course: Course) -> Document:
    plain = asdict(course)
    return {"_id": plain.pop("id"), **plain}


def _course(document: Document) -> Course:
    plain = {**document, "id": document["_id"]}
    del plain["_id"]
    plain["state"] = CourseState(plain["state"])
    plain["chapters"] = tuple(
        CourseChapter(chapter["title"], tuple(chapter["lesson_ids"])) for chapter in plain["chapters"]
    )
    plain["tags"] = Tags(**{kind: tuple(words) for kind, words in plain["tags"].items()})
    return Course(**plain)


def _lesson(document: Document | None) -> Lesson | None:
    if document is None:
        return None
    known = {name: value for name, value in document.items() if name in LESSON_FIELDS}
    return Lesson(id=document["_id"], **known)


def _moved(document: Document, inserts: Inserts) -> Document:
    return {
        "position_ms": inserts.place(document["position_ms"]),
        "intervals": [[inserts.place(start), inserts.end(end)] for start, end in document["intervals"]],
    }


def _progress(document: Document) -> Progress:
    return Progress(
        position_ms=document["position_ms"],
        intervals=tuple((start, end) for start, end in document["intervals"]),
        is_done=document["is_done"],
        version=document["version"],
        began_at=document.get("began_at"),
    )
