"""What people do with ratings: give stars, see them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.courses.model import LessonView
from server.ratings.model import Rating, has_seen_enough, require_rater


class Store(Protocol):
    """What this service keeps."""

    async def put(self, user_id: str, lesson_id: str, stars: int, at: datetime) -> None: ...
    async def get(self, user_id: str, lesson_id: str) -> int | None: ...
    async def of_lesson(self, lesson_id: str) -> Rating: ...
    async def forget(self, lesson_id: str) -> None: ...


class Lessons(Protocol):
    """The lessons."""

    async def look(self, lesson_id: str, user: User | None) -> LessonView: ...


class Door(Protocol):
    """Knows who may take part."""

    async def require_not_banned(self, user: User) -> None: ...


class Ratings:
    """Stars for lessons."""

    def __init__(self, store: Store, lessons: Lessons, door: Door, clock: Clock) -> None:
        self._store = store
        self._lessons = lessons
        self._door = door
        self._clock = clock

    async def look(self, lesson_id: str, user: User | None) -> tuple[Rating, int | None, bool]:
        """The stars of a lesson, one's own, and whether one may give some. Raises NotFound."""
        view = await self._lessons.look(lesson_id, user)
        rating = await self._store.of_lesson(lesson_id)
        if user is None:
            return rating, None, False
        may_rate = has_seen_enough(view) and view.lesson.host_id != user.id
        return rating, await self._store.get(user.id, lesson_id), may_rate

    async def give(self, user: User, lesson_id: str, stars: int) -> Rating:
        """Give stars, or give others. Raises NotFound, NotAllowed (`watch_first`, `banned`)."""
        require_rater(await self._lessons.look(lesson_id, user), user.id)
        await self._door.require_not_banned(user)
        await self._store.put(user.id, lesson_id, stars, self._clock.now())
        return await self._store.of_lesson(lesson_id)

    async def of_lesson(self, lesson_id: str) -> Rating:
        """The stars of a lesson."""
        return await self._store.of_lesson(lesson_id)

    async def forget(self, lesson_id: str) -> None:
        """A lesson goes."""
        await self._store.forget(lesson_id)
