"""Telling browsers over Socket.IO, from any process: servers and workers alike, through Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic_core import to_json

from config.logs import logger
from config.tasks import Tasks
from server.infra.room_log import ROOM, RoomLog, Told

log = logger(__name__)

TELL_SECONDS = 1.0  # events are hints: no order and no sweep waits longer for a Redis that hangs
Build = Callable[[], Awaitable[dict[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class Word:
    """What one channel is told; `page` need not hear it, for it has been answered."""

    channel: str
    data: dict[str, Any]
    page: str | None = None


class Here(Protocol):
    """The pages of this process."""

    async def tell(self, told: Told) -> None: ...


class Announcer:
    """Sends events to rooms, to one person or to those who watch a lesson.

    What a room is told gets the room's next number, and all servers tell it in that order. While Redis is away the
    pages of this process (`here`, if it has any) are told directly, without a number.
    `tell_soon` gathers: however often it is called for one event in its window, one message goes out, built when it
    goes; at most one is pending per room and event, so there is nothing to bound. `tell_newest` tells the first of
    them at once, and gathers those that follow.
    """

    def __init__(self, room_log: RoomLog, tasks: Tasks, here: Here | None = None) -> None:
        self._log = room_log
        self._tasks = tasks
        self._here = here
        self._pending: set[tuple[str, str]] = set()
        self._newest: dict[tuple[str, str], Build | None] = {}

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None:
        """Send an event to everybody in a channel now. A failure is logged: events are hints."""
        await self.tell_each(event, [Word(channel, data)])

    async def tell_each(self, event: str, words: Sequence[Word]) -> None:
        """Tell many channels something of their own, persons and lessons with one message to Redis; as `tell`."""
        told = [Told(word.channel, event, to_json(word.data), page=word.page) for word in words]
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._send(told)
        except Exception as error:  # noqa: BLE001 -- Redis is away; clients re-read on reconnect
            log.warning("announcement stays here", sio_event=event, error=type(error).__name__)
            if self._here is not None:
                for one in told:
                    await self._here.tell(one)

    async def _send(self, told: list[Told]) -> None:
        others = []
        for one in told:
            if one.channel.startswith(ROOM):
                await self._log.append(one)
            else:
                others.append(one)
        if others:
            await self._log.publish(others)

    def tell_soon(self, channel: str, event: str, window_seconds: float, build: Build) -> None:
        """Send what `build` makes at the end of the window; `None` from it sends nothing."""
        key = (channel, event)
        if key not in self._pending:
            self._pending.add(key)
            self._tasks.start(f"announce {event}", self._tell_later(key, window_seconds, build))

    def tell_newest(self, channel: str, event: str, window_seconds: float, build: Build) -> None:
        """Send what `build` makes now; what follows in the window once at its end, and so on."""
        key = (channel, event)
        is_telling = key in self._newest
        self._newest[key] = build
        if not is_telling:
            self._tasks.start(f"announce {event}", self._tell_while_it_changes(key, window_seconds))

    async def _tell_while_it_changes(self, key: tuple[str, str], window_seconds: float) -> None:
        try:
            while (build := self._newest[key]) is not None:
                self._newest[key] = None
                try:
                    if (data := await build()) is not None:
                        await self.tell(key[0], key[1], data)
                except Exception:  # what changed meanwhile is told all the same
                    log.exception("not announced", told=key[1])
                else:
                    await asyncio.sleep(window_seconds)
        finally:
            del self._newest[key]

    async def _tell_later(self, key: tuple[str, str], window_seconds: float, build: Build) -> None:
        try:
            await asyncio.sleep(window_seconds)
        finally:
            self._pending.discard(key)
        data = await build()
        if data is not None:
            await self.tell(key[0], key[1], data)


def room_channel(room_id: str) -> str:
    """Everybody in a room."""
    return f"{ROOM}{room_id}"


def user_channel(user_id: str) -> str:
    """Every open page of one person."""
    return f"user:{user_id}"


def user_of(channel: str) -> str:
    """Whose channel it is."""
    return channel.partition(":")[2]


def lesson_channel(lesson_id: str) -> str:
    """Everybody who waits for a lesson."""
    return f"lesson:{lesson_id}"
