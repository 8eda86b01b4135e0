"""Lucky draws: who wins follows from the seed that was promised and the tickets, and from nothing else."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.draws.model import check_draw, commitment_of, entries_hash, new_seed, ticket_of, winning_tickets
from server.errors import BadRequest

TICKETS = st.lists(st.text(alphabet="0123456789abcdef", min_size=16, max_size=16), max_size=30)


def test_a_draw_can_be_checked_by_hand() -> None:
    # given what anybody can read, and only the words of PROTOCOL.md
    seed, tickets = "ab" * 32, ["1111111111111111", "2222222222222222", "3333333333333333"]
    entries = sha256("\n".join(tickets).encode()).hexdigest()
    scores = {ticket: sha256(f"{seed}:{entries}:{ticket}".encode()).hexdigest() for ticket in tickets}

    # then
    assert commitment_of(seed) == sha256(seed.encode()).hexdigest()
    assert entries_hash(reversed(tickets)) == entries
    assert winning_tickets(seed, tickets, 2) == sorted(tickets, key=scores.__getitem__)[:2]
    assert ticket_of("d1", "u1") == sha256(b"d1:u1").hexdigest()[:16]


@given(TICKETS, st.integers(1, 5))
def test_the_order_of_arrival_changes_nothing(tickets: list[str], places: int) -> None:
    shuffled = sorted(tickets, key=lambda ticket: sha256(ticket.encode()).digest())
    won = winning_tickets("seed", tickets, places)
    assert won == winning_tickets("seed", shuffled, places)
    assert len(won) == min(places, len(set(tickets))) == len(set(won))
    assert set(won) <= set(tickets)


def test_every_ticket_wins_about_as_often() -> None:
    tickets = [ticket_of("d", f"u{number}") for number in range(10)]
    won = Counter(winning_tickets(f"seed-{number}", tickets, 1)[0] for number in range(5000))
    assert len(won) == 10
    assert all(400 < count < 600 for count in won.values())


def test_nobody_guesses_a_seed() -> None:
    assert len({new_seed() for _ in range(100)}) == 100
    assert len(new_seed()) == 64


@pytest.mark.parametrize(
    ("title", "places", "minutes"), [("", 1, 5), ("橙子" * 16, 1, 5), ("橙", 0, 5), ("橙", 1, 121)]
)
def test_a_draw_has_a_title_places_and_an_end(title: str, places: int, minutes: int) -> None:
    with pytest.raises(BadRequest):
        check_draw(title, places, minutes)
