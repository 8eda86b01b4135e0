"""What a host's page does about the gaps of his replay: asks for them, brings files, has them filled in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from config.objects import ObjectNotFound, ObjectsUnavailable
from server.accounts.model import User
from server.courses.model import Lesson
from server.errors import Conflict, NotAllowed, NotFound
from server.fills.model import (
    KEPT,
    Fill,
    FillState,
    FillView,
    Hole,
    HostFile,
    check_room,
    holes_of,
    is_wanted,
    may_try_again,
    state_of,
    walls_of,
)
from server.making.model import WorkState, begin
from server.making.service import Queue
from server.recordings.inserts import Inserts
from server.recordings.take import Take, fill_prefix, inserts_of, read_take, take_prefix
from server.streams.model import Stream, StreamState

log = logger(__name__)


class Store(Protocol):
    """What this service keeps."""

    async def get(self, thing_id: str) -> Fill | None: ...
    async def add(self, fill: Fill) -> Fill: ...
    async def files_of(self, stream_id: str, *, with_expected: bool = False) -> list[HostFile]: ...
    async def expect_file(self, file: HostFile) -> None: ...
    async def expect_no_more(self, file: HostFile) -> None: ...
    async def put_file(self, file: HostFile) -> None: ...
    async def forget_files(self, stream_id: str) -> None: ...
    async def streams_with_files_before(self, moment: datetime) -> list[str]: ...


class Objects(Protocol):
    """Where takes and files are."""

    async def get(self, key: str) -> bytes: ...
    async def put_file(self, key: str, path: Path, content_type: str) -> None: ...
    async def delete_prefix(self, prefix: str) -> int: ...


class Streams(Protocol):
    """Knows whose stream it was."""

    async def get(self, stream_id: str) -> Stream: ...


class Recordings(Protocol):
    """Makes the replay again."""

    async def take_ready(self, stream: Stream, duration_ms: int, *, has_video: bool, has_audio: bool) -> None: ...
    async def replay_of(self, stream_id: str) -> Lesson: ...
    async def is_removed(self, stream_id: str) -> bool: ...


class Lessons(Protocol):
    """Keeps what has a place in a lesson."""

    async def stretch(self, lesson_id: str, mark: str, inserts: Inserts) -> None: ...


class Fills:
    """The filling of all streams."""

    def __init__(
        self,
        store: Store,
        queue: Queue[Fill],
        objects: Objects,
        streams: Streams,
        recordings: Recordings,
        lessons: Lessons,
        clock: Clock,
    ) -> None:
        self._store = store
        self.queue = queue
        self._objects = objects
        self._streams = streams
        self._recordings = recordings
        self._lessons = lessons
        self._clock = clock
        queue.ask_about_losses(self._is_filled)

    async def look(self, host: User, stream_id: str) -> FillView:
        """How the filling of a stream stands. Raises NotFound, NotAllowed."""
        stream = await self._own(host, stream_id)
        fill = await self._store.get(stream_id)
        if fill is not None:
            return FillView(state_of(fill.work))
        take = await self._take(stream)
        if take is None:
            return FillView(FillState.WAITING)
        holes = _holes_of(take, stream)
        if not holes or take.first_picture_at is None:
            return FillView(FillState.WHOLE)
        files = await self._store.files_of(stream_id)
        walls = walls_of(holes, take.first_picture_at)
        return FillView(FillState.OPEN, walls, tuple(file.name for file in files))

    @asynccontextmanager
    async def place_for(self, host: User, file: HostFile) -> AsyncGenerator[None]:
        """A place for a file, taken before it comes, so that those that come at the same moment are no more than may
        be kept; given back if it does not come.

        Raises NotFound, NotAllowed, Conflict (`not_ready`, `not_wanted`: at no gap, `fill_begun`, `too_many_files`).
        """
        stream = await self._own(host, file.stream_id)
        if await self._store.get(file.stream_id) is not None:
            raise Conflict("the gaps are being filled, or are filled", code="fill_begun")
        take = await self._take(stream)
        if take is None:
            raise _not_ready()
        if take.first_picture_at is None or not is_wanted(file, take, _holes_of(take, stream)):
            raise Conflict("nothing is missing there", code="not_wanted")
        await self._store.expect_file(file)
        try:
            check_room(await self._store.files_of(file.stream_id, with_expected=True), file)
            yield
        except BaseException:
            await self._store.expect_no_more(file)
            raise

    async def put_file(self, file: HostFile, path: Path) -> None:
        """Keep a file that has its place; the same one again changes nothing."""
        await self._objects.put_file(fill_prefix(file.stream_id) + file.name, path, "application/octet-stream")
        await self._store.put_file(file)

    async def begin(self, host: User, stream_id: str) -> FillView:
        """All files are here: have them filled in. Twice is fine; what has failed is tried again, a few times.

        Raises NotFound, NotAllowed, Conflict (`not_ready`, `no_files`).
        """
        stream = await self._own(host, stream_id)
        fill = await self._store.get(stream_id)
        if fill is None:
            fill = await self._add(host, stream)
        elif may_try_again(fill.work):
            fill = await self.queue.remake(fill) or fill  # None: another page was first
        if fill.work.state is WorkState.WAITING:
            await self.queue.send(fill)
        return FillView(state_of(fill.work))

    async def _add(self, host: User, stream: Stream) -> Fill:
        if await self._take(stream) is None:
            raise _not_ready()
        if not await self._store.files_of(stream.id):
            raise Conflict("no file has been brought", code="no_files")
        now = self._clock.now()
        return await self._store.add(Fill(stream.id, host.id, now, begin(now)))

    async def holes_in(self, take: Take) -> tuple[Hole, ...]:
        """What the take of a stream that is over lacks. Raises NotFound."""
        return _holes_of(take, await self._streams.get(take.stream_id))

    async def files_of(self, stream_id: str) -> list[HostFile]:
        """What was brought for a stream."""
        return await self._store.files_of(stream_id)

    async def finish(self, fill: Fill, take: Take) -> bool:
        """The take has what was missing: make its replay again; False: another worker has the fill meanwhile.

        Each step may be done again, so a crash in between costs nothing.
        """
        stream = await self._streams.get(fill.id)
        await self._recordings.take_ready(
            stream, round(take.duration_ms), has_video=take.has_video, has_audio=take.has_audio
        )
        lesson = await self._recordings.replay_of(fill.id)
        await self._lessons.stretch(lesson.id, fill.id, inserts_of(take))
        if await self.queue.finish(fill) is None:
            return False
        await self._forget_files(fill.id)
        log.info("gaps filled from the host's recording", stream=fill.id, places=len(take.filled))
        return True

    async def sweep(self) -> None:
        """The queue's sweep; files that nobody asked to fill in for a week go."""
        await self.queue.sweep()
        for stream_id in await self._store.streams_with_files_before(self._clock.now() - KEPT):
            await self._forget_files(stream_id)

    async def _forget_files(self, stream_id: str) -> None:
        await self._objects.delete_prefix(fill_prefix(stream_id))
        await self._store.forget_files(stream_id)

    async def _is_filled(self, fill: Fill) -> bool:
        """Whether its take is longer already, so that no worker needs to decode anything any more. Also while nobody
        can say: whoever has the fill next finds out."""
        try:
            return bool(read_take(await self._objects.get(take_prefix(fill.id) + "take.json")).filled)
        except ObjectsUnavailable:
            return True
        except (ObjectNotFound, ValueError):
            return False

    async def _own(self, host: User, stream_id: str) -> Stream:
        stream = await self._streams.get(stream_id)
        if stream.host_id != host.id:
            raise NotAllowed("this is another host's broadcast")
        if await self._recordings.is_removed(stream_id):
            raise NotFound("this broadcast's replay was taken away")
        return stream

    async def _take(self, stream: Stream) -> Take | None:
        """None: the stream is not over, or its recording is not complete yet. Raises NotFound.

        That a take.json is there proves nothing: of a stream that moved, the first node has brought its part, in
        silence, and the last one may still be bringing its own. Whoever ended it tells, and a lesson is made.
        """
        if stream.state is not StreamState.ENDED or stream.lesson_id is None:
            return None
        try:
            return read_take(await self._objects.get(take_prefix(stream.id) + "take.json"))
        except ObjectNotFound:
            return None
        except ValueError:
            raise NotFound("the recording of this broadcast cannot be read") from None


def _holes_of(take: Take, stream: Stream) -> tuple[Hole, ...]:
    return holes_of(take, stream.ended_at, is_on_purpose=stream.was_ended_on_purpose)


def _not_ready() -> Conflict:
    return Conflict("the recording of this broadcast is not complete yet", code="not_ready")
