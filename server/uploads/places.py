"""Who sends a video to this server right now: few at once, few of one teacher, one to an upload, none too slowly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager, suppress

from server.errors import TooManyRequests, Unavailable
from server.uploads.model import TakenOver, UploadStopped

RECEIVED_AT_ONCE = 16  # by one server; each holds up to two parts in memory
OF_ONE_TEACHER = 3
WINDOW_SECONDS = 30.0  # of waiting for a client, in which it must send as much as this:
WINDOW_BYTES = 32 * 1024  # 9 kbit/s; who has less goes on later, and takes no place meanwhile
TAKE_OVER_SECONDS = 5.0  # in which a request that lost its upload keeps what has come; else it hangs, or is dead


class Place:
    """What one request has while it sends."""

    def __init__(self, teacher_id: str, before: Place | None, window_seconds: float) -> None:
        """`before`: the request that loses the same upload to this one."""
        self.teacher_id = teacher_id
        self._before = before
        self._window_seconds = window_seconds
        self._is_lost = False
        self._waiting: asyncio.Timeout | None = None
        self.is_over = asyncio.Event()  # what could be kept is kept

    def lose(self) -> None:
        """Another request goes on with the same upload: this one waits for no more."""
        self._is_lost = True
        if self._waiting is not None and not self._waiting.expired():
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def wait_for_before(self, seconds: float = TAKE_OVER_SECONDS) -> bool:
        """Until the request before has kept what has come; False: it has had time enough. Raises TakenOver."""
        before, self._before = self._before, None
        if before is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await before.is_over.wait()
        self._check()
        return before is None or before.is_over.is_set()

    def _check(self) -> None:
        if self._is_lost:
            raise TakenOver("another request goes on with this upload")

    async def read(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A body piece by piece, as long as it comes fast enough: only the waiting counts.

        Raises UploadStopped, TakenOver.
        """
        left_seconds, missing = self._window_seconds, WINDOW_BYTES
        while True:
            self._check()
            began = time.monotonic()
            try:
                async with asyncio.timeout(left_seconds) as self._waiting:
                    chunk = await anext(body, b"")
            except TimeoutError:
                self._check()
                raise UploadStopped("the upload comes too slowly") from None
            finally:
                self._waiting = None
            if not chunk:
                return
            left_seconds -= time.monotonic() - began
            missing -= len(chunk)
            if missing <= 0:
                left_seconds, missing = self._window_seconds, WINDOW_BYTES
            yield chunk


class Places:
    """The places of one server. A request that lost its upload has its place until it is over: it may hang in S3,
    with all that it has in memory."""

    def __init__(self, window_seconds: float = WINDOW_SECONDS) -> None:
        self._window_seconds = window_seconds
        self._newest: dict[str, Place] = {}  # of each upload
        self._taken: set[Place] = set()

    @contextmanager
    def take(self, teacher_id: str, upload_id: str) -> Iterator[Place]:
        """A place for a request; one that was sending the same upload is ended, and may be waited for.

        Raises:
            TooManyRequests, Unavailable
        """
        before = self._newest.get(upload_id)
        self._check(teacher_id, [place for place in self._taken if place is not before])
        place = self._newest[upload_id] = Place(teacher_id, before, self._window_seconds)
        self._taken.add(place)
        if before is not None:
            before.lose()
        try:
            yield place
        finally:
            place.is_over.set()
            self._taken.remove(place)
            if self._newest.get(upload_id) is place:
                del self._newest[upload_id]

    @staticmethod
    def _check(teacher_id: str, others: Collection[Place]) -> None:
        if sum(place.teacher_id == teacher_id for place in others) >= OF_ONE_TEACHER:
            raise TooManyRequests("you are sending other videos just now; please wait a little")
        if len(others) >= RECEIVED_AT_ONCE:
            raise Unavailable("many videos are coming in; please wait a little")
