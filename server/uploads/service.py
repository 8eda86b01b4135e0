"""What a teacher does with uploads: begin one, send of it what a line allows, go on later, drop it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from config.objects import ObjectNotFound, ObjectStat
from server.accounts.model import User
from server.courses.model import Lesson, check_title
from server.errors import BodyTooLarge, Conflict, DomainError, NotFound, Unavailable, UnsupportedType
from server.ids import new_id
from server.recordings.model import Uploaded, upload_key
from server.uploads import model
from server.uploads.handover import Handover
from server.uploads.model import PART_BYTES, Upload, UploadState, UploadStopped, rest_key, rest_prefix
from server.uploads.places import Places

log = logger(__name__)

FINISH_AGAIN = timedelta(seconds=60)  # the server that had the last part of it must be dead by then


class Store(Protocol):
    """What this service keeps."""

    async def add(self, upload: Upload, places: int) -> bool: ...
    async def get(self, upload_id: str) -> Upload | None: ...
    async def move(self, before: Upload, after: Upload) -> bool: ...
    async def want(self, upload: Upload) -> None: ...
    async def hear(self, upload: Upload) -> bool: ...
    async def is_heard(self, upload: Upload) -> bool: ...
    async def unfinished_of(self, teacher_id: str) -> list[Upload]: ...
    async def unfinished_bytes(self) -> int: ...
    async def expiring_before(self, state: UploadState, moment: datetime) -> list[Upload]: ...
    async def in_state(self, state: UploadState) -> list[Upload]: ...
    async def delete(self, upload_id: str) -> None: ...


class Objects(Protocol):
    """Where videos are kept, in parts until they are whole."""

    async def get(self, key: str) -> bytes: ...
    async def put(self, key: str, data: bytes, content_type: str) -> None: ...
    async def stat(self, key: str) -> ObjectStat: ...
    async def delete_prefix(self, prefix: str) -> int: ...
    async def begin_parts(self, key: str) -> str: ...
    async def put_part(self, key: str, multipart_id: str, number: int, data: bytes) -> str: ...
    async def join_parts(self, key: str, multipart_id: str, parts: Sequence[tuple[int, str]]) -> None: ...
    async def drop_parts(self, key: str) -> None: ...
    async def drop_attempt(self, key: str, multipart_id: str) -> None: ...


class Courses(Protocol):
    """Says who may add a lesson to a course."""

    async def check_upload(self, host_id: str, title: str, course_id: str | None) -> None: ...


class Library(Protocol):
    """Makes lessons of videos."""

    async def take_upload(self, uploaded: Uploaded) -> Lesson: ...


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """`total_bytes`: of all unfinished ones; `places`: how many of one teacher; `idle`: until one is dropped."""

    upload_bytes: int
    total_bytes: int
    places: int
    idle: timedelta


class Uploads:
    """Videos on their way in. Every change is a compare-and-set: who comes too late lets go."""

    def __init__(
        self, store: Store, objects: Objects, courses: Courses, library: Library, clock: Clock, limits: UploadLimits
    ) -> None:
        self._store = store
        self._objects = objects
        self._courses = courses
        self._library = library
        self._clock = clock
        self.limits = limits
        self._places = Places()
        self._handover = Handover(store)

    async def begin(self, teacher: User, title: str, course_id: str | None, size: int) -> Upload:
        """Announce a video.

        Raises:
            BadRequest, NotFound, NotAllowed, BodyTooLarge, UnsupportedType, Conflict (`too_many_uploads`),
            Unavailable (`no_room`)
        """
        await self._courses.check_upload(teacher.id, title, course_id)
        model.check_size(size, self.limits.upload_bytes)
        if await self._store.unfinished_bytes() + size > self.limits.total_bytes:
            raise Unavailable("too much is being uploaded; please try again later", code="no_room")
        now = self._clock.now()
        upload = Upload(
            id=new_id(),
            teacher_id=teacher.id,
            teacher_name=teacher.display_name,
            title=check_title(title),
            course_id=course_id,
            size=size,
            state=UploadState.RECEIVING,
            created_at=now,
            expires_at=now + self.limits.idle,
        )
        if not await self._store.add(upload, self.limits.places):
            raise Conflict(f"at most {self.limits.places} videos at once", code="too_many_uploads")
        return upload

    async def look(self, teacher: User, upload_id: str) -> Upload:
        """How far an upload is; one that is whole is a lesson after this. Raises NotFound."""
        upload = await self._find(teacher, upload_id)
        if upload.state is not UploadState.WHOLE:
            return upload
        try:
            return await self._finish(upload)
        except Conflict:  # another request is making the lesson
            return await self._find(teacher, upload_id)

    async def unfinished(self, teacher: User) -> list[Upload]:
        """What a teacher can go on with, newest first."""
        return await self._store.unfinished_of(teacher.id)

    async def append(self, teacher: User, upload_id: str, offset: int, body: AsyncIterator[bytes]) -> Upload:
        """Take in more of a video. What has come of a body that breaks off is kept, also when this request takes over
        from one that still runs: that one is ended first.

        Raises:
            NotFound, Conflict (`wrong_offset`), BodyTooLarge, UnsupportedType (`not_a_video`), UploadStopped,
            TooManyRequests, Unavailable
        """
        model.taken(await self._find(teacher, upload_id), offset, *self._now())  # who is wrong anyway ends nobody
        with self._places.take(teacher.id, upload_id) as place:
            if await place.wait_for_before():
                await self._handover.wait(await self._find(teacher, upload_id))
            found = await self._find(teacher, upload_id)  # what the one before has kept has moved it
            upload = await self._keep(found, model.taken(found, offset, *self._now()))
            async with self._handover.watched(upload, place.lose):
                upload = await self._receive(upload, place.read(body))
        return await self._finish(upload) if upload.state is UploadState.WHOLE else upload

    async def drop(self, teacher: User, upload_id: str) -> None:
        """Want it no more. Raises NotFound, Conflict (`step_not_allowed`)."""
        upload = await self._find(teacher, upload_id)
        if upload.state is not UploadState.RECEIVING:
            raise Conflict("it is a lesson already", code="step_not_allowed")
        await self._drop(upload)

    async def sweep(self) -> None:
        """Finish what a dead server could not, drop what nobody goes on with; several servers may do it at once."""
        now, state = self._clock.now(), UploadState
        whole = await self._store.expiring_before(state.WHOLE, now + self.limits.idle - FINISH_AGAIN)
        idle = await self._store.expiring_before(state.RECEIVING, now)
        for work, uploads in (
            (self._finish, whole),
            (self._drop, idle),
            (self._clear, await self._store.in_state(state.DROPPED)),
            (self._forget, await self._store.expiring_before(state.DONE, now)),
        ):
            for upload in uploads:
                try:
                    await work(upload)
                except DomainError as error:  # somebody was first, or its course is gone
                    log.warning("an upload was passed by", upload=upload.id, code=error.code)
                except Exception:  # whatever is wrong with one must not keep the others from their turn
                    log.exception("an upload was passed by", upload=upload.id)

    async def _receive(self, upload: Upload, body: AsyncIterator[bytes]) -> Upload:
        """Keep a body part by part, and what is left of it at its end."""
        buffer = bytearray(await self._rest_of(upload))
        is_looked_at = bool(upload.parts)
        try:
            async for chunk in body:
                buffer += chunk
                if upload.part_bytes + len(buffer) > upload.size:
                    raise BodyTooLarge("this is more than was announced")
                is_looked_at = is_looked_at or model.check_beginning(buffer, upload.size)
                while len(buffer) >= PART_BYTES:
                    upload = await self._add_part(upload, bytes(buffer[:PART_BYTES]))
                    del buffer[:PART_BYTES]
        except UploadStopped:
            if upload.part_bytes + len(buffer) < upload.size:  # else only the end of the request is missing
                await self._add_rest(upload, bytes(buffer))
                raise
        except UnsupportedType:
            await self._drop(upload)
            raise
        if buffer and upload.part_bytes + len(buffer) == upload.size:
            return await self._add_part(upload, bytes(buffer))
        return upload if upload.state is UploadState.WHOLE else await self._add_rest(upload, bytes(buffer))

    async def _add_part(self, upload: Upload, data: bytes) -> Upload:
        key, old_rest = upload_key(upload.id), upload.rest
        if upload.multipart_id is None:
            upload = await self._open(upload)
        try:
            etag = await self._objects.put_part(key, upload.multipart_id or "", upload.next_number, data)
        except ObjectNotFound:
            raise await self._lost(upload) from None
        upload = await self._keep(upload, model.with_part(upload, etag, len(data), *self._now()))
        if old_rest is not None:
            await self._objects.delete_prefix(rest_key(upload.id, old_rest.number))
        return upload

    async def _open(self, upload: Upload) -> Upload:
        key = upload_key(upload.id)
        multipart_id = await self._objects.begin_parts(key)
        try:
            return await self._keep(upload, model.opened(upload, multipart_id, *self._now()))
        except Conflict:  # dropped, or taken over: nobody knows of this attempt, whoever took over makes his own
            with suppress(ObjectNotFound):
                await self._objects.drop_attempt(key, multipart_id)
            raise

    async def _add_rest(self, upload: Upload, data: bytes) -> Upload:
        old_rest, after = upload.rest, model.with_rest(upload, len(data), *self._now())
        new_rest = after.rest if after.rest != old_rest else None
        if new_rest is not None:
            await self._objects.put(rest_key(upload.id, new_rest.number), data, "application/octet-stream")
        try:
            upload = await self._keep(upload, after)
        except Conflict:  # dropped, or taken over: nobody knows of this rest
            if new_rest is not None:
                await self._objects.delete_prefix(rest_key(upload.id, new_rest.number))
            raise
        if old_rest is not None and old_rest != upload.rest:
            await self._objects.delete_prefix(rest_key(upload.id, old_rest.number))
        return upload

    async def _rest_of(self, upload: Upload) -> bytes:
        if upload.rest is None:
            return b""
        try:
            return await self._objects.get(rest_key(upload.id, upload.rest.number))
        except ObjectNotFound:
            raise await self._lost(upload) from None

    async def _finish(self, upload: Upload) -> Upload:
        """Make the lesson of what is whole. Each step may be done twice, also by two servers at once."""
        upload = await self._keep(upload, model.finishing(upload, *self._now()))
        key = upload_key(upload.id)
        try:
            await self._objects.join_parts(
                key, upload.multipart_id or "", [(part.number, part.etag) for part in upload.parts]
            )
        except ObjectNotFound:
            log.info("an upload was joined before", upload=upload.id)
        if await self._size_of(key) != upload.size:
            raise await self._lost(upload)
        uploaded = Uploaded(
            upload.id, upload.teacher_id, upload.teacher_name, upload.title, upload.course_id, upload.size
        )
        try:
            lesson = await self._library.take_upload(uploaded)
        except DomainError:  # its course is gone, or another's now
            await self._drop(upload)
            raise
        await self._clear_parts(upload)
        finished = model.done(upload, lesson.id, *self._now())
        await self._store.move(upload, finished)  # or another server has said so
        return finished

    async def _size_of(self, key: str) -> int | None:
        try:
            return (await self._objects.stat(key)).size
        except ObjectNotFound:
            return None

    async def _lost(self, upload: Upload) -> NotFound:
        """The object store has lost what it had: whoever sends it must begin again."""
        log.error("the object store has lost an upload", upload=upload.id)
        await self._drop(upload)
        return NotFound("the upload is lost; please begin again")

    async def _drop(self, upload: Upload) -> None:
        gone = model.dropped(upload)
        await self._keep(upload, gone)
        await self._clear(gone)

    async def _clear(self, upload: Upload) -> None:
        await self._clear_parts(upload)
        await self._objects.delete_prefix(upload_key(upload.id))
        await self._store.delete(upload.id)

    async def _clear_parts(self, upload: Upload) -> None:
        await self._objects.drop_parts(upload_key(upload.id))
        await self._objects.delete_prefix(rest_prefix(upload.id))

    async def _forget(self, upload: Upload) -> None:
        await self._store.delete(upload.id)

    async def _find(self, teacher: User, upload_id: str) -> Upload:
        upload = await self._store.get(upload_id)
        if upload is None or upload.teacher_id != teacher.id or upload.state is UploadState.DROPPED:
            raise NotFound("there is no such upload (any more)")
        return upload

    async def _keep(self, before: Upload, after: Upload) -> Upload:
        if not await self._store.move(before, after):
            raise Conflict("another request goes on with this upload", code="wrong_offset")
        return after

    def _now(self) -> tuple[datetime, timedelta]:
        return self._clock.now(), self.limits.idle
