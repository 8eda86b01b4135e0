"""Who sends a video to this server right now: few at once, few of one teacher, one to an upload, none too slowly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from server.errors import TooManyRequests, Unavailable
from server.uploads.model import UploadStopped

RECEIVED_AT_ONCE = 16  # by one server; each holds up to two parts in memory
OF_ONE_TEACHER = 3
WINDOW_SECONDS = 30.0  # of waiting for a client, in which it must send as much as this:
WINDOW_BYTES = 32 * 1024  # 9 kbit/s; who has less goes on later, and takes no place meanwhile


class Place:
    """What one request has while it sends."""

    def __init__(self, teacher_id: str, window_seconds: float) -> None:
        self.teacher_id = teacher_id
        self._window_seconds = window_seconds
        self._is_lost = False
        self._waiting: asyncio.Timeout | None = None

    def lose(self) -> None:
        """Another request goes on with the same upload: this one waits for no more."""
        self._is_lost = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def read(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A body piece by piece, as long as it comes fast enough: only the waiting counts. Raises UploadStopped."""
        left_seconds, missing = self._window_seconds, WINDOW_BYTES
        while not self._is_lost:
            began = time.monotonic()
            try:
                async with asyncio.timeout(left_seconds) as self._waiting:
                    chunk = await anext(body, b"")
            except TimeoutError:
                break
            finally:
                self._waiting = None
            if not chunk:
                return
            left_seconds -= time.monotonic() - began
            missing -= len(chunk)
            if missing <= 0:
                left_seconds, missing = self._window_seconds, WINDOW_BYTES
            yield chunk
        raise UploadStopped("the upload comes too slowly, or another request goes on with it")


class Places:
    """The places of one server."""

    def __init__(self, window_seconds: float = WINDOW_SECONDS) -> None:
        self._window_seconds = window_seconds
        self._taken: dict[str, Place] = {}

    def check(self, teacher_id: str, upload_id: str) -> None:
        """Whether there is a place for a request. Raises TooManyRequests, Unavailable."""
        if upload_id in self._taken:
            return
        if sum(place.teacher_id == teacher_id for place in self._taken.values()) >= OF_ONE_TEACHER:
            raise TooManyRequests("you are sending other videos just now; please wait a little")
        if len(self._taken) >= RECEIVED_AT_ONCE:
            raise Unavailable("many videos are coming in; please wait a little")

    @contextmanager
    def take(self, teacher_id: str, upload_id: str) -> Iterator[Place]:
        """A place for a request; one that was sending the same upload loses its own.

        Raises:
            TooManyRequests, Unavailable
        """
        self.check(teacher_id, upload_id)
        before = self._taken.get(upload_id)
        place = self._taken[upload_id] = Place(teacher_id, self._window_seconds)
        if before is not None:
            before.lose()
        try:
            yield place
        finally:
            if self._taken.get(upload_id) is place:
                del self._taken[upload_id]
