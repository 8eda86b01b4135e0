"""What people do with subtitles: a teacher uploads them, learners read them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.courses.model import LessonView
from server.errors import NotFound
from server.recordings.inserts import Inserts
from server.subtitles.model import Line, fit, read_subtitles


class Store(Protocol):
    """What this service keeps."""

    async def put(self, lesson_id: str, lines: Sequence[Line]) -> None: ...
    async def get(self, lesson_id: str) -> tuple[Line, ...]: ...
    async def delete(self, lesson_id: str) -> None: ...
    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None: ...


class Lessons(Protocol):
    """The lessons, which must know that they have subtitles."""

    async def look(self, lesson_id: str, user: User | None) -> LessonView: ...
    async def look_own(self, lesson_id: str, teacher: User) -> LessonView: ...
    async def subtitles_changed(self, lesson_id: str, version: int) -> None: ...


class Subtitles:
    """The lines of lessons."""

    def __init__(self, store: Store, lessons: Lessons, clock: Clock) -> None:
        self._store = store
        self._lessons = lessons
        self._clock = clock

    async def read(self, lesson_id: str, user: User | None) -> tuple[Line, ...]:
        """The lines of a lesson. Raises NotFound."""
        await self._lessons.look(lesson_id, user)
        lines = await self._store.get(lesson_id)
        if not lines:
            raise NotFound("this lesson has no subtitles")
        return lines

    async def upload(self, teacher: User, lesson_id: str, raw: bytes) -> tuple[Line, ...]:
        """Take a file in. Raises BadRequest (`bad_subtitles`), NotFound, NotAllowed."""
        view = await self._lessons.look_own(lesson_id, teacher)
        lines = fit(await asyncio.to_thread(read_subtitles, raw), view.asset.duration_ms)
        await self._store.put(lesson_id, lines)
        await self._lessons.subtitles_changed(lesson_id, self._new_version())
        return lines

    async def remove(self, teacher: User, lesson_id: str) -> None:
        """Take the lines away. Raises NotFound, NotAllowed."""
        await self._lessons.look_own(lesson_id, teacher)
        await self._store.delete(lesson_id)
        await self._lessons.subtitles_changed(lesson_id, 0)

    async def lines_of(self, lesson_id: str) -> list[tuple[int, str]]:
        """When what is said, for the search."""
        return [(line.start_ms, line.text) for line in await self._store.get(lesson_id)]

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None:
        """Something was put into the lesson's video."""
        if not await self._store.get(lesson_id):
            return
        await self._store.stretch(lesson_id, mark, inserts)
        await self._lessons.subtitles_changed(lesson_id, self._new_version())

    async def forget(self, lesson_id: str) -> None:
        """A lesson goes."""
        await self._store.delete(lesson_id)

    def _new_version(self) -> int:
        return round(self._clock.now().timestamp() * 1000)  # grows, also after they were taken away
