"""A room: the place that a host owns, its address and its stream key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from server.accounts.model import Role, User
from server.errors import BadRequest

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
TITLE_LENGTH = range(1, 41)
KEY_BYTES = 24
SLOW_MODE_SECONDS = range(301)
MOST_HELPERS = 20
ANNOUNCEMENT_LENGTH = range(1, 121)


class RoomRole(StrEnum):
    """What somebody is in one room. A helper (场控) is named by the room's host."""

    VIEWER = "viewer"
    HELPER = "helper"
    HOST = "host"
    OPERATOR = "operator"


STAFF = frozenset({RoomRole.HELPER, RoomRole.HOST, RoomRole.OPERATOR})


@dataclass(frozen=True, slots=True)
class ChatRules:
    """What holds for everybody in a room but its staff."""

    slow_mode_seconds: int = 0  # between two messages of one person; 0: no such rule
    followers_only: bool = False
    review_first: bool = False  # staff lets messages through before others see them
    links_from_staff_only: bool = True


@dataclass(frozen=True, slots=True)
class Helper:
    """Somebody who keeps order in a room for its host."""

    user_id: str
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Announcement:
    """One line that stays above the chat."""

    text: str
    at: datetime


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
    created_at: datetime
    rules: ChatRules = field(default_factory=ChatRules)
    helpers: tuple[Helper, ...] = ()
    announcement: Announcement | None = None


def role_in(room: Room, user: User | None) -> RoomRole:
    """What somebody is in a room; its own host is always the host."""
    if user is None:
        return RoomRole.VIEWER
    if user.id == room.host_id:
        return RoomRole.HOST
    if Role.OPERATOR in user.roles:
        return RoomRole.OPERATOR
    return RoomRole.HELPER if any(helper.user_id == user.id for helper in room.helpers) else RoomRole.VIEWER


def check_announcement(text: str) -> str:
    """One line without control characters. Raises BadRequest."""
    cleaned = " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())
    if len(cleaned) not in ANNOUNCEMENT_LENGTH:
        raise BadRequest("text: 1 to 120 characters")
    return cleaned


def staff_channel(room_id: str) -> str:
    """Those who keep order in a room."""
    return f"staff:{room_id}"


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
