"""Subtitles in MongoDB."""

from __future__ import annotations

from collections.abc import Sequence

from server.infra.mongo import Database
from server.recordings.inserts import Inserts
from server.subtitles.model import Line


class SubtitleStore:
    """Collection `subtitles`: one document per lesson."""

    def __init__(self, database: Database) -> None:
        self._subtitles = database["subtitles"]

    async def put(self, lesson_id: str, lines: Sequence[Line]) -> None:
        """Keep the lines of a lesson; those before are gone."""
        packed = [[line.start_ms, line.end_ms, line.text] for line in lines]
        await self._subtitles.update_one({"_id": lesson_id}, {"$set": {"lines": packed}}, upsert=True)

    async def get(self, lesson_id: str) -> tuple[Line, ...]:
        """The lines of a lesson."""
        document = await self._subtitles.find_one({"_id": lesson_id})
        return tuple(Line(*line) for line in document["lines"]) if document else ()

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None:
        """Move the lines of a lesson."""
        not_moved = {"_id": lesson_id, "stretched": {"$ne": mark}}
        while (document := await self._subtitles.find_one(not_moved)) is not None:
            moved = [[*inserts.line(start, end), text] for start, end, text in document["lines"]]
            await self._subtitles.update_one(  # those that their teacher replaced meanwhile come again
                {**not_moved, "lines": document["lines"]}, {"$set": {"lines": moved, "stretched": mark}}
            )

    async def delete(self, lesson_id: str) -> None:
        """Forget the lines of a lesson."""
        await self._subtitles.delete_one({"_id": lesson_id})
