"""What people do with the search: type a few words. And how it learns what lessons say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.courses.model import LessonView
from server.infra.searching import Limits, count_search
from server.search.model import Hit, LessonText, Passage, PassageKind, Pieces, Word, pieces_of, query_of

READ_AT_ONCE = 50


class Store(Protocol):
    """What this service keeps."""

    async def put(self, text: LessonText) -> None: ...
    async def delete(self, lesson_id: str) -> None: ...
    async def find(self, words: tuple[Word, ...]) -> list[Hit]: ...


class Unread(Protocol):
    """Knows which lessons say something else than the search knows."""

    async def not_indexed(self, count: int) -> list[tuple[str, int | None]]: ...
    async def text_indexed(self, lesson_id: str, text_version: int | None, at: datetime) -> None: ...


class Lessons(Protocol):
    """The lessons themselves."""

    async def read(self, lesson_id: str) -> LessonView | None: ...
    async def look_many(self, lesson_ids: list[str], user: User | None) -> list[LessonView]: ...


class Subtitles(Protocol):
    """What is said in lessons, and when."""

    async def lines_of(self, lesson_id: str) -> Sequence[tuple[int, str]]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """A lesson that was found, and where in it: passages with what was looked for marked."""

    view: LessonView
    title: Pieces
    passages: tuple[tuple[Passage, Pieces], ...]


class Search:
    """The full-text search over titles, chapters, tags and subtitles."""

    def __init__(
        self, store: Store, unread: Unread, lessons: Lessons, subtitles: Subtitles, limits: Limits, clock: Clock
    ) -> None:
        self._store = store
        self._limits = limits
        self._unread = unread
        self._lessons = lessons
        self._subtitles = subtitles
        self._clock = clock

    async def find(self, text: str, user: User | None, address: str) -> list[Found]:
        """Lessons with these words that somebody may see, best first. Raises TooManyRequests."""
        words = query_of(text)
        if not words:
            return []
        await count_search(self._limits, "search", user.id if user else None, address)
        hits = {hit.lesson_id: hit for hit in await self._store.find(words)}
        views = await self._lessons.look_many([*hits], user)
        return [_found(view, hits[view.lesson.id], words) for view in views]

    async def refresh(self) -> None:
        """Read the lessons that say something else now. Safe to call by several servers at once."""
        for lesson_id, text_version in await self._unread.not_indexed(READ_AT_ONCE):
            view = await self._lessons.read(lesson_id)
            if view is not None:
                lines = await self._subtitles.lines_of(lesson_id)
                await self._store.put(text_of(view, lines))
            await self._unread.text_indexed(lesson_id, text_version, self._clock.now())

    async def forget(self, lesson_id: str) -> None:
        """A lesson goes."""
        await self._store.delete(lesson_id)


def text_of(view: LessonView, lines: Sequence[tuple[int, str]]) -> LessonText:
    """What can be found in a lesson."""
    passages = []
    if view.course is not None:
        tags = view.course.tags
        about = " · ".join([view.course.title, *tags.crops, *tags.seasons, *tags.counties])
        passages.append(Passage(PassageKind.ABOUT, None, about))
        chapters = [one.title for one in view.course.chapters if view.lesson.id in one.lesson_ids]
        passages += [Passage(PassageKind.ABOUT, None, title) for title in chapters]
    passages += [Passage(PassageKind.CHAPTER, chapter.start_ms, chapter.title) for chapter in view.asset.chapters]
    passages += [Passage(PassageKind.SAID, start_ms, text) for start_ms, text in lines]
    return LessonText(view.lesson.id, view.lesson.title, tuple(passages))


def _found(view: LessonView, hit: Hit, words: tuple[Word, ...]) -> Found:
    passages = tuple((passage, pieces_of(passage.text, words)) for passage in hit.passages)
    return Found(view, pieces_of(hit.title, words), passages)
