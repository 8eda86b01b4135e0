"""A lucky draw: a seed is promised by its hash before anybody takes part, and who wins follows from seed and tickets.

How to check one, with what `GET /api/draws/{id}` answers:

1. `commitment` (shown when the draw opened) is the SHA-256 of `seed`, in hex.
2. Everybody's ticket is the first 16 hex digits of SHA-256("{draw id}:{user id}"): nobody could choose it.
3. `entries` is the SHA-256 of all tickets, sorted and joined by line feeds.
4. A ticket's score is SHA-256("{seed}:{entries}:{ticket}"); the tickets with the lowest scores win, in that order.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from server.errors import BadRequest

TITLE_LENGTH = range(1, 31)
WINNERS = range(1, 101)
MINUTES = range(1, 121)
TICKET_DIGITS = 16
SHOWN_AFTER_DRAWING = timedelta(minutes=30)


class DrawState(StrEnum):
    """Where a draw is."""

    OPEN = "open"
    CLOSING = "closing"  # nobody enters any more; the tickets are being read
    DRAWN = "drawn"


@dataclass(frozen=True, slots=True)
class Winner:
    """Whose ticket won."""

    ticket: str
    user_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Draw:
    """`seed` is told to nobody before the draw is drawn."""

    id: str
    room_id: str
    title: str
    places: int
    seed: str
    commitment: str
    opened_at: datetime
    closes_at: datetime
    state: DrawState = DrawState.OPEN
    drawn_at: datetime | None = None
    tickets: tuple[str, ...] = ()
    winners: tuple[Winner, ...] = ()

    def is_shown(self, now: datetime) -> bool:
        """Whether somebody who joins now sees it."""
        return self.drawn_at is None or now < self.drawn_at + SHOWN_AFTER_DRAWING


def new_seed() -> str:
    """A seed that nobody can guess: 256 bits."""
    return secrets.token_hex(32)


def commitment_of(seed: str) -> str:
    """What is shown of a seed before the draw."""
    return _hash(seed)


def ticket_of(draw_id: str, user_id: str) -> str:
    """Somebody's ticket."""
    return _hash(f"{draw_id}:{user_id}")[:TICKET_DIGITS]


def entries_hash(tickets: Iterable[str]) -> str:
    """Stands for all tickets: with one more or less it is another."""
    return _hash("\n".join(sorted(tickets)))


def winning_tickets(seed: str, tickets: Iterable[str], places: int) -> list[str]:
    """Which tickets win, first prize first; a function of its arguments and nothing else."""
    entered = sorted(set(tickets))
    entries = entries_hash(entered)
    return sorted(entered, key=lambda ticket: (_hash(f"{seed}:{entries}:{ticket}"), ticket))[:places]


def check_draw(title: str, places: int, minutes: int) -> str:
    """The title on one line. Raises BadRequest."""
    cleaned = " ".join("".join(ch if ch.isprintable() else " " for ch in title).split())
    if len(cleaned) not in TITLE_LENGTH:
        raise BadRequest("title: 1 to 30 characters")
    if places not in WINNERS:
        raise BadRequest("places: 1 to 100")
    if minutes not in MINUTES:
        raise BadRequest("minutes: 1 to 120")
    return cleaned


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
