"""What may be read, and which bytes of it: keys, content types, ranges and conditions (RFC 9110)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from server.errors import NotFound, RangeOutside

PUBLIC = "public/"
KEY_LENGTH = 512
CONTENT_TYPES = {
    "m3u8": "application/vnd.apple.mpegurl",
    "m4s": "video/iso.segment",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "webp": "image/webp",
    "avif": "image/avif",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "vtt": "text/vtt; charset=utf-8",
    "json": "application/json",
    "pdf": "application/pdf",
}
UNKNOWN_TYPE = "application/octet-stream"
IMMUTABLE = "public, max-age=31536000, immutable"
CHANGING = "no-cache"
CHANGING_KINDS = frozenset({"m3u8", "json"})
# RFC 9110, 14.1.2: "bytes=500-999", "bytes=500-", "bytes=-500".
RANGE = re.compile(r"bytes\s*=\s*(\d{0,15})\s*-\s*(\d{0,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """`length` bytes from `offset`."""

    offset: int
    length: int

    def header(self, size: int) -> str:
        """The value of Content-Range."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{size}"


def check_key(key: str) -> str:
    """A key that anybody may read. Raises NotFound, also for keys that exist but are not public."""
    segments = key.split("/")
    is_safe = (
        key.startswith(PUBLIC)
        and len(key) <= KEY_LENGTH
        and key.isprintable()
        and "\\" not in key
        and not any(segment in {"", ".", ".."} for segment in segments)
    )
    if not is_safe:
        raise NotFound("there is no such file")
    return key


def _kind(key: str) -> str:
    return key.rsplit("/", 1)[-1].rpartition(".")[2].lower()


def content_type(key: str) -> str:
    """By the key's ending; nothing that a browser would run as a page or a script."""
    return CONTENT_TYPES.get(_kind(key), UNKNOWN_TYPE)


def cache_control(key: str) -> str:
    """Objects never change under their key, lists of them do."""
    return CHANGING if _kind(key) in CHANGING_KINDS else IMMUTABLE


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The one range that is asked for; None for all: several ranges, and what cannot be read, mean everything.

    Raises:
        RangeOutside: nothing of the range is inside the object.
    """
    match = RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":  # the last so many bytes
        offset, end = max(0, size - int(last)), size
    else:
        offset, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if offset >= end:
        raise RangeOutside("the range lies outside the file")
    return ByteRange(offset, end - offset)


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this version already (weak comparison)."""
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or etag in tags
