"""A pass says who watches which room; a ban voids those that were written before it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.passes import ALL_ROOMS, CLOCKS_APART_SECONDS, GOOD_FOR_SECONDS, MOST_BANS, Pass, Passes, PassWriter
from media.problems import Problem

NOW = 1_795_348_800.0
SECRET = "s" * 32
LIMING = Pass("room-1", "liming", NOW)


def written(shown: Pass = LIMING, secret: str = SECRET) -> str:
    return PassWriter(secret).write(shown)


def ban(room_id: str = "room-1", person: str = "liming", at: float = NOW) -> dict[str, object]:
    return {"command": "void_passes", "room_id": room_id, "person": person, "at": at}


def test_a_node_knows_who_shows_a_pass() -> None:
    assert Passes(SECRET).check(written(), "room-1", NOW + 10) == LIMING


@pytest.mark.parametrize(
    ("text", "room_id", "now"),
    [
        ("", "room-1", NOW),
        (written(), "room-2", NOW),
        (written(), "room-1", NOW + GOOD_FOR_SECONDS),
        (written(secret="t" * 32), "room-1", NOW),
        (written().replace("liming", "zhang"), "room-1", NOW),
    ],
    ids=["none", "another room's", "an old one", "another platform's", "a changed one"],
)
def test_what_is_no_pass_for_this_room_says_nothing(text: str, room_id: str, now: float) -> None:
    assert Passes(SECRET).check(text, room_id, now) is None


@given(st.text(max_size=300) | st.integers(0, len(written())).map(lambda end: written()[:end]))
def test_nobody_breaks_a_node_with_a_pass(text: str) -> None:
    if text != written():
        assert Passes(SECRET).check(text, "room-1", NOW) is None


@pytest.mark.parametrize("room_id", ["room-1", ALL_ROOMS])
def test_a_ban_voids_what_was_written_before_it_and_not_what_comes_after(room_id: str) -> None:
    # given
    passes = Passes(SECRET)
    passes.void(ban(room_id))
    later = replace(LIMING, at=NOW + CLOCKS_APART_SECONDS + 1)

    # when
    with pytest.raises(Problem) as refused:
        passes.check(written(), "room-1", NOW)

    # then
    assert (refused.value.status, refused.value.code) == (403, "banned")
    assert passes.check(written(later), "room-1", later.at) == later


def test_a_ban_is_one_persons_in_one_room() -> None:
    passes = Passes(SECRET)
    passes.void(ban())
    for other in (replace(LIMING, person="wangfang"), replace(LIMING, room_id="room-2")):
        assert passes.check(written(other), other.room_id, NOW) == other


def test_an_older_ban_that_is_said_again_does_not_undo_a_newer_one() -> None:
    passes = Passes(SECRET)
    passes.void(ban(at=NOW + 60))
    passes.void(ban())
    assert passes.is_void(replace(LIMING, at=NOW + 30))


@pytest.mark.parametrize("told", [{}, {"room_id": "room-1"}, ban() | {"at": "now"}, ban() | {"person": None}])
def test_a_malformed_command_voids_nothing(told: dict[str, object]) -> None:
    passes = Passes(SECRET)
    passes.void(told)
    assert not passes.is_void(LIMING)


def test_of_too_many_bans_the_oldest_is_forgotten() -> None:
    passes = Passes(SECRET)
    passes.void(ban())
    for number in range(MOST_BANS):
        passes.void(ban(person=f"somebody {number}"))
    assert not passes.is_void(LIMING)
    assert passes.is_void(replace(LIMING, person="somebody 0"))
