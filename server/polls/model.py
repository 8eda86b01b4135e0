"""A poll, and which questions and options are acceptable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from server.errors import BadRequest

QUESTION_LENGTH = range(1, 61)
OPTION_LENGTH = range(1, 21)
OPTIONS = range(2, 7)
SHOWN_AFTER_CLOSING = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Poll:
    """One question with its options; open until `closed_at`."""

    id: str
    room_id: str
    question: str
    options: tuple[str, ...]
    opened_at: datetime
    closed_at: datetime | None = None

    def is_shown(self, now: datetime) -> bool:
        """Whether somebody who joins now sees it."""
        return self.closed_at is None or now < self.closed_at + SHOWN_AFTER_CLOSING


def check_poll(question: str, options: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """A question and different options, each on one line. Raises BadRequest."""
    asked, *offered = (
        " ".join("".join(ch if ch.isprintable() else " " for ch in text).split()) for text in (question, *options)
    )
    if len(asked) not in QUESTION_LENGTH:
        raise BadRequest("question: 1 to 60 characters")
    if len(offered) not in OPTIONS or len(set(offered)) != len(offered):
        raise BadRequest("options: 2 to 6 different ones")
    if any(len(option) not in OPTION_LENGTH for option in offered):
        raise BadRequest("options: each 1 to 20 characters")
    return asked, tuple(offered)
