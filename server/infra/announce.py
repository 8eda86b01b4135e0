"""Telling browsers over Socket.IO, from any process: servers and workers alike, through Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import socketio

from config.logs import logger
from config.tasks import Tasks

log = logger(__name__)

NAMESPACE = "/room"
TELL_SECONDS = 1.0  # events are hints: no order and no sweep waits longer for a Redis that hangs
Build = Callable[[], Awaitable[dict[str, Any] | None]]


class Announcer:
    """Sends events to rooms, to one person or to those who watch a lesson.

    `tell_soon` gathers: however often it is called for one event in its window, one message goes out, built when it
    goes; at most one is pending per room and event, so there is nothing to bound.
    """

    def __init__(self, manager: socketio.AsyncManager, tasks: Tasks) -> None:
        self._manager = manager
        self._tasks = tasks
        self._pending: set[tuple[str, str]] = set()

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None:
        """Send an event to everybody in a channel now. A failure is logged: events are hints."""
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._manager.emit(event, data, namespace=NAMESPACE, room=channel)
        except Exception as error:  # noqa: BLE001 -- Redis or the socket layer is away; clients re-read on reconnect
            log.warning("announcement lost", sio_event=event, error=type(error).__name__)

    def tell_soon(self, channel: str, event: str, window_seconds: float, build: Build) -> None:
        """Send what `build` makes at the end of the window; `None` from it sends nothing."""
        key = (channel, event)
        if key not in self._pending:
            self._pending.add(key)
            self._tasks.start(f"announce {event}", self._tell_later(key, window_seconds, build))

    async def _tell_later(self, key: tuple[str, str], window_seconds: float, build: Build) -> None:
        try:
            await asyncio.sleep(window_seconds)
        finally:
            self._pending.discard(key)
        data = await build()
        if data is not None:
            await self.tell(key[0], key[1], data)


class RedisManager(socketio.AsyncRedisManager):  # type: ignore[misc]  # the library has no types
    """The library's manager with one Redis client for its whole life.

    The library makes a new client whenever it sends or listens for the first time or again, and leaves the one
    before open. A client mends its connections by itself; only the subscription must be made anew.
    """

    def _redis_connect(self) -> None:
        if self.redis is None:
            super()._redis_connect()
        else:
            self.pubsub = self.redis.pubsub(ignore_subscribe_messages=True)
            self.connected = True


async def close_sio_manager(manager: RedisManager) -> None:
    """Close the manager's Redis client, which the library leaves open."""
    for client in (manager.pubsub, manager.redis):
        if client is not None:
            await client.aclose()


def room_channel(room_id: str) -> str:
    """Everybody in a room."""
    return f"room:{room_id}"


def user_channel(user_id: str) -> str:
    """Every open page of one person."""
    return f"user:{user_id}"


def lesson_channel(lesson_id: str) -> str:
    """Everybody who waits for a lesson."""
    return f"lesson:{lesson_id}"
