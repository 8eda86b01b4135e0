"""A question of a viewer, and what can become of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from server.errors import BadRequest

ANSWER_LENGTH = range(1, 301)


class QuestionState(StrEnum):
    """Where a question is."""

    HELD = "held"  # staff has not let it through
    OPEN = "open"
    ANSWERED = "answered"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is empty when the host answered by voice."""

    id: str
    room_id: str
    author_id: str
    author_name: str
    text: str
    at: datetime
    state: QuestionState = QuestionState.OPEN
    is_pinned: bool = False
    answer: str = ""
    answered_by: str | None = None
    answered_at: datetime | None = None


def check_answer(text: str | None) -> str:
    """One line; nothing for an answer by voice. Raises BadRequest."""
    if text is None:
        return ""
    cleaned = " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())
    if len(cleaned) not in ANSWER_LENGTH:
        raise BadRequest("text: 1 to 300 characters, or null for an answer by voice")
    return cleaned
