"""An upload: what of a video has come in, as parts of an S3 multipart upload and a rest too small for one."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from server.errors import BadRequest, BodyTooLarge, Conflict, DomainError, UnsupportedType
from server.recordings.model import SIGNATURE_BYTES, looks_like_video

PART_BYTES = 5 * 1024 * 1024  # the least that S3 takes for a part that is not the last one
MAX_METADATA = 4_000


class UploadStopped(DomainError):
    """The line broke, is too slow, or the page paused: what has come until then is kept."""

    status = 408
    code = "too_slow"


class TakenOver(UploadStopped):
    """Another request goes on with the upload; what has come until then is kept, so the offset has moved."""

    status = 409
    code = "wrong_offset"


class UploadState(StrEnum):
    """Where an upload is."""

    RECEIVING = "receiving"
    WHOLE = "whole"  # all of it has come, its lesson is being made
    DONE = "done"  # it is a lesson
    DROPPED = "dropped"  # nobody wants it any more; what is left of it is being taken away


@dataclass(frozen=True, slots=True)
class Part:
    """A part that S3 has. Numbers grow, but some may be missing."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class Rest:
    """What is too small for a part, kept as an object of its own; `number`: the version that it came with."""

    number: int
    size: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A video on its way in.

    `version` counts changes; whoever changes it names the one that he saw. `is_taken`: a request is writing, or died
    while it was. `last_number`: of the last part that was, or may have been, written.
    """

    id: str
    teacher_id: str
    teacher_name: str
    title: str
    course_id: str | None
    size: int
    state: UploadState
    created_at: datetime
    expires_at: datetime
    version: int = 0
    is_taken: bool = False
    last_number: int = 0
    multipart_id: str | None = None
    parts: tuple[Part, ...] = ()
    rest: Rest | None = None
    lesson_id: str | None = None  # what it has become

    @property
    def part_bytes(self) -> int:
        """How much of it is in parts."""
        return sum(part.size for part in self.parts)

    @property
    def offset(self) -> int:
        """How much of it is kept."""
        if self.state is UploadState.DONE:
            return self.size
        return self.part_bytes + (self.rest.size if self.rest else 0)

    @property
    def next_number(self) -> int:
        """The number of the next part."""
        return self.last_number + 1


def check_size(size: int, limit_bytes: int) -> int:
    """A size that is taken. Raises BodyTooLarge, UnsupportedType (`not_a_video`)."""
    if size > limit_bytes:
        raise BodyTooLarge("the video is too large")
    if size == 0:
        raise UnsupportedType("this is not a video that we know", code="not_a_video")
    return size


def check_beginning(received: bytes | bytearray, size: int) -> bool:
    """Whether enough of the beginning is there to tell that it is a video. Raises UnsupportedType (`not_a_video`)."""
    if len(received) < min(SIGNATURE_BYTES, size):
        return False
    if not looks_like_video(bytes(received[:SIGNATURE_BYTES])):
        raise UnsupportedType("this is not a video that we know", code="not_a_video")
    return True


def taken(upload: Upload, offset: int, now: datetime, idle: timedelta) -> Upload:
    """A request begins to write here; one that was writing, and could not be ended (its server died, or it hangs in
    S3), finds itself too late with its next change.

    That one may still be writing the next part, so its number is left out. Raises Conflict (`wrong_offset`).
    """
    if offset != upload.offset or upload.state is not UploadState.RECEIVING:
        raise Conflict(f"the upload is at {upload.offset}", code="wrong_offset")
    skipped = 1 if upload.is_taken else 0
    return _changed(upload, now, idle, is_taken=True, last_number=upload.last_number + skipped)


def opened(upload: Upload, multipart_id: str, now: datetime, idle: timedelta) -> Upload:
    """S3 knows of it."""
    return _changed(upload, now, idle, multipart_id=multipart_id)


def with_part(upload: Upload, etag: str, size: int, now: datetime, idle: timedelta) -> Upload:
    """One more part is kept; it begins with the rest of before."""
    part = Part(upload.next_number, etag, size)
    kept = _changed(upload, now, idle, parts=(*upload.parts, part), rest=None, last_number=part.number)
    whole = kept.offset == kept.size
    return replace(kept, state=UploadState.WHOLE, is_taken=False) if whole else kept


def with_rest(upload: Upload, size: int, now: datetime, idle: timedelta) -> Upload:
    """The request is over; so much that is no part yet is kept."""
    rest = upload.rest if has_rest(upload, size) else Rest(upload.version + 1, size) if size else None
    return _changed(upload, now, idle, rest=rest, is_taken=False)


def has_rest(upload: Upload, size: int) -> bool:
    """Whether nothing has come since the last rest was kept."""
    return upload.rest is not None and upload.rest.size == size


def finishing(upload: Upload, now: datetime, idle: timedelta) -> Upload:
    """Somebody makes its lesson now."""
    return _changed(upload, now, idle)


def done(upload: Upload, lesson_id: str, now: datetime, idle: timedelta) -> Upload:
    """It is a lesson; the record stays for a while, for a page that has not heard it."""
    return _changed(upload, now, idle, state=UploadState.DONE, lesson_id=lesson_id, parts=(), rest=None)


def dropped(upload: Upload) -> Upload:
    """Nobody wants it any more."""
    return replace(upload, state=UploadState.DROPPED, version=upload.version + 1)


def _changed(upload: Upload, now: datetime, idle: timedelta, **fields: object) -> Upload:
    return replace(upload, version=upload.version + 1, expires_at=now + idle, **fields)  # type: ignore[arg-type]


def rest_prefix(upload_id: str) -> str:
    """Where rests of an upload are."""
    return f"unfinished/{upload_id}/"


def rest_key(upload_id: str, number: int) -> str:
    """Where a rest is."""
    return f"{rest_prefix(upload_id)}{number:08}"


def read_metadata(header: str) -> dict[str, str]:
    """`Upload-Metadata`: names with values in Base64. Raises BadRequest."""
    if len(header) > MAX_METADATA:
        raise BadRequest("Upload-Metadata: too long")
    pairs = [pair.split() for pair in header.split(",") if pair.strip()]
    if any(len(pair) not in {1, 2} for pair in pairs) or len({pair[0] for pair in pairs}) < len(pairs):
        raise BadRequest("Upload-Metadata: each name once, with one value")
    try:
        return {pair[0]: base64.b64decode(pair[1], validate=True).decode() if pair[1:] else "" for pair in pairs}
    except (binascii.Error, ValueError):
        raise BadRequest("Upload-Metadata: values are UTF-8 in Base64") from None
