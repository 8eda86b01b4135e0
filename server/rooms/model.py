"""A room: the place that a host owns, its address and its stream key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from server.errors import BadRequest

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
TITLE_LENGTH = range(1, 41)
KEY_BYTES = 24


@dataclass(frozen=True, slots=True)
class Room:
    """A place with an address (`slug`). `key_version` counts how often the stream key was renewed."""

    id: str
    slug: str
    title: str
    host_id: str
    host_name: str
    merchant_id: str
    cover_url: str | None
    scheduled_at: datetime | None
    key_version: int
    slow_mode_seconds: int
    created_at: datetime


def check_slug(slug: str) -> str:
    """A room's address. Raises BadRequest."""
    if not SLUG.fullmatch(slug):
        raise BadRequest("slug: 2 to 40 small letters, digits or -")
    return slug


def check_title(title: str) -> str:
    """A title, one line. Raises BadRequest."""
    cleaned = " ".join("".join(ch for ch in title if ch.isprintable()).split())
    if len(cleaned) not in TITLE_LENGTH:
        raise BadRequest("title: 1 to 40 characters")
    return cleaned


def stream_key(secret: str, room: Room) -> str:
    """The key that lets somebody publish into a room.

    It is an HMAC of the room and its key version, so no key is kept anywhere and a renewed version voids the old key.
    """
    digest = hmac.new(secret.encode(), f"stream-key:{room.id}:{room.key_version}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:KEY_BYTES]).decode()


def is_stream_key(secret: str, room: Room, key: str) -> bool:
    """Whether a key opens this room, compared in constant time."""
    return hmac.compare_digest(stream_key(secret, room).encode(), key.encode())
