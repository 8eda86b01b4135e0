"""Socket.IO events: watch a lesson being made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pydantic import Field

from server.courses.service import Courses
from server.courses.shape import lesson_shape
from server.http import Body
from server.infra.announce import lesson_channel
from server.sio import Event, Peer, Reply


class WatchLesson(Body):
    """`watch_lesson`"""

    lesson_id: str = Field(max_length=40)


class Channels(Protocol):
    """Lets a page hear a channel."""

    async def enter(self, peer: Peer, channel: str) -> None: ...


def course_events(courses: Courses, channels: Callable[[], Channels]) -> list[Event[Any]]:
    """Events of this noun; `channels` answers the socket server, which is built after its events."""

    async def watch(peer: Peer, fields: WatchLesson) -> Reply:
        await courses.look(fields.lesson_id, peer.user)
        # Listening begins before the reading, so that no change falls in between.
        await channels().enter(peer, lesson_channel(fields.lesson_id))
        return {"lesson": lesson_shape(await courses.look(fields.lesson_id, peer.user), peer.user)}

    return [Event("watch_lesson", WatchLesson, watch)]
