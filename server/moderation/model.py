"""Mutes and bans, what staff may do to whom, and the entries of the moderation log."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from server.errors import BadRequest, NotAllowed
from server.moderation.words import ForbiddenWord
from server.rooms.model import STAFF, RoomRole

EVERYWHERE = "*"  # stands for all rooms in a sanction, for the platform in word lists
MINUTES = range(1, 60 * 24 * 366)
REASON_LENGTH = range(101)
WORD_LENGTH = range(1, 41)
MOST_WORDS = 2_000


class SanctionKind(StrEnum):
    """What somebody must not do any more."""

    MUTE = "mute"  # hears, and says nothing
    BAN = "ban"  # is out of the room


class Act(StrEnum):
    """What staff did; the log's words."""

    DELETE = "delete"
    MUTE = "mute"
    BAN = "ban"
    LIFT_MUTE = "lift_mute"
    LIFT_BAN = "lift_ban"
    SHOW = "show"
    REJECT = "reject"
    RULES = "rules"
    WORDS = "words"
    NAME_HELPER = "name_helper"
    DROP_HELPER = "drop_helper"
    ANNOUNCE = "announce"
    DELETE_QUESTION = "delete_question"
    OPEN_POLL = "open_poll"
    CLOSE_POLL = "close_poll"
    DROP_COUPONS = "drop_coupons"
    OPEN_DRAW = "open_draw"
    DRAW = "draw"


@dataclass(frozen=True, slots=True)
class Sanction:
    """A mute or a ban in one room, or in all of them (`EVERYWHERE`); `until` None: for good."""

    room_id: str
    user_id: str
    user_name: str
    kind: SanctionKind
    until: datetime | None
    reason: str
    by_id: str
    by_name: str
    at: datetime

    def holds(self, now: datetime) -> bool:
        """Whether it is not over."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Who did what to whom, when and why. `subject`: the words of a message, what a rule became."""

    id: str
    room_id: str
    act: Act
    actor_id: str
    actor_name: str
    actor_role: RoomRole
    at: datetime
    target_id: str | None = None
    target_name: str | None = None
    subject: str = ""
    reason: str = ""
    until: datetime | None = None


def strongest(sanctions: Iterable[Sanction], now: datetime) -> Sanction | None:
    """Of the sanctions that hold the one that matters: a ban before a mute, then the longest."""
    end = datetime.max.replace(tzinfo=now.tzinfo)
    holding = [sanction for sanction in sanctions if sanction.holds(now)]
    return max(holding, key=lambda it: (it.kind is SanctionKind.BAN, it.until or end), default=None)


def check_may_sanction(actor: RoomRole, target: RoomRole) -> None:
    """Staff is not muted or banned by staff: a host first takes the helper's role away. Raises NotAllowed."""
    if actor not in STAFF:
        raise NotAllowed("only the room's staff may do this")
    if target in STAFF:
        raise NotAllowed("the room's staff can't be muted or banned", code="target_is_staff")


def sanction_end(now: datetime, minutes: int | None) -> datetime | None:
    """When a sanction ends; None minutes: never. Raises BadRequest."""
    if minutes is None:
        return None
    if minutes not in MINUTES:
        raise BadRequest(f"minutes: {MINUTES.start} to {MINUTES.stop - 1}, or none for good")
    return now + timedelta(minutes=minutes)


def check_reason(text: str) -> str:
    """One line, or nothing. Raises BadRequest."""
    cleaned = " ".join("".join(ch if ch.isprintable() else " " for ch in text).split())
    if len(cleaned) not in REASON_LENGTH:
        raise BadRequest("reason: at most 100 characters")
    return cleaned


def check_words(words: Iterable[ForbiddenWord]) -> tuple[ForbiddenWord, ...]:
    """A word list without doubles and empty entries. Raises BadRequest."""
    by_word: dict[str, ForbiddenWord] = {}
    for entry in words:
        cleaned = " ".join(entry.word.split())
        if len(cleaned) not in WORD_LENGTH:
            raise BadRequest("words: each 1 to 40 characters")
        by_word[cleaned] = ForbiddenWord(cleaned, entry.action)
    if len(by_word) > MOST_WORDS:
        raise BadRequest(f"words: at most {MOST_WORDS}")
    return tuple(by_word.values())
