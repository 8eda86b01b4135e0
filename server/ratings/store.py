"""Ratings in MongoDB: one for each learner and lesson."""

from __future__ import annotations

from datetime import datetime

from server.infra.mongo import Database
from server.ratings.model import Rating


class RatingStore:
    """Collection `ratings`."""

    def __init__(self, database: Database) -> None:
        self._ratings = database["ratings"]

    async def make_indexes(self) -> None:
        """The ratings of a lesson."""
        await self._ratings.create_index([("lesson_id", 1), ("stars", 1)])

    async def put(self, user_id: str, lesson_id: str, stars: int, at: datetime) -> None:
        """Keep somebody's stars; those before are gone."""
        fields = {"user_id": user_id, "lesson_id": lesson_id, "stars": stars, "at": at}
        await self._ratings.replace_one({"_id": f"{user_id}:{lesson_id}"}, fields, upsert=True)

    async def get(self, user_id: str, lesson_id: str) -> int | None:
        """Somebody's stars."""
        document = await self._ratings.find_one({"_id": f"{user_id}:{lesson_id}"})
        return None if document is None else document["stars"]

    async def of_lesson(self, lesson_id: str) -> Rating:
        """All of a lesson."""
        found = await self._ratings.aggregate(
            [
                {"$match": {"lesson_id": lesson_id}},
                {"$group": {"_id": None, "average": {"$avg": "$stars"}, "count": {"$sum": 1}}},
            ]
        )
        async for document in found:
            return Rating(round(document["average"], 2), document["count"])
        return Rating(0, 0)

    async def forget(self, lesson_id: str) -> None:
        """A lesson goes."""
        await self._ratings.delete_many({"lesson_id": lesson_id})
