"""A chat message, and what makes its text acceptable."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.errors import BadRequest
from server.rooms.model import RoomRole

TEXT_LENGTH = range(1, 201)


class MessageState(StrEnum):
    """Who sees a message."""

    SHOWN = "shown"
    HELD = "held"  # its author and staff, until staff has decided
    GONE = "gone"  # nobody


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One line in a room."""

    id: str
    room_id: str
    author_id: str
    author_name: str
    author_role: RoomRole
    text: str
    at: datetime
    state: MessageState = MessageState.SHOWN


def check_text(text: str) -> str:
    """A chat text on one line, without control and formatting characters. Raises BadRequest."""
    kept = "".join(" " if ch in "\r\n\t" else ch for ch in text if unicodedata.category(ch) != "Cc" or ch in "\r\n\t")
    cleaned = " ".join(kept.split())
    if len(cleaned) not in TEXT_LENGTH:
        raise BadRequest("text: 1 to 200 characters")
    return cleaned
