"""A chat message, and what makes its text acceptable."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from server.accounts.model import Role, User
from server.errors import BadRequest

TEXT_LENGTH = range(1, 201)


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One line in a room."""

    id: str
    room_id: str
    author_id: str
    author_name: str
    author_role: Role
    text: str
    at: datetime


def check_text(text: str) -> str:
    """A chat text on one line, without control and formatting characters. Raises BadRequest."""
    kept = "".join(" " if ch in "\r\n\t" else ch for ch in text if unicodedata.category(ch) != "Cc" or ch in "\r\n\t")
    cleaned = " ".join(kept.split())
    if len(cleaned) not in TEXT_LENGTH:
        raise BadRequest("text: 1 to 200 characters")
    return cleaned


def role_in_room(user: User, room_host_id: str | None) -> Role:
    """How a room shows somebody: its own host, an operator, else a viewer."""
    if user.id == room_host_id:
        return Role.HOST
    return Role.OPERATOR if Role.OPERATOR in user.roles else Role.VIEWER
