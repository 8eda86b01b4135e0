"""Nodes that record a stream one after the other count its segments on, and never back."""

from __future__ import annotations

from media.cluster.turns import SEGMENTS_PER_TURN, UNTOLD_SEGMENTS, Turn, lease_of, take_turn


def test_whoever_goes_on_with_a_stream_counts_on_from_the_last_segment_of_the_node_before() -> None:
    begun = lease_of(take_turn(None, "a"), None, "a")
    left = lease_of(Turn(0, 0, 731), begun, "a", is_left=True)
    assert take_turn(left, "b") == Turn(1, 731, 731)


def test_after_a_death_some_numbers_are_left_out() -> None:
    told = lease_of(Turn(0, 0, 731), None, "a")
    assert take_turn(told, "b") == Turn(1, 731 + UNTOLD_SEGMENTS, 731 + UNTOLD_SEGMENTS)
    assert take_turn(told, "a") == Turn(0, 0, 731 + UNTOLD_SEGMENTS)


def test_after_a_node_that_tells_nothing_the_numbers_are_higher_than_it_can_have_used() -> None:
    assert take_turn({"node_id": "a", "turn": 1}, "b") == Turn(2, 2 * SEGMENTS_PER_TURN, 2 * SEGMENTS_PER_TURN)


def test_a_stream_that_began_while_nobody_could_be_asked_comes_after_whoever_had_it() -> None:
    # given
    before = lease_of(Turn(3, 10, 90), None, "a")
    # when
    found = lease_of(Turn(1, 50, 60), before, "b")
    # then
    assert (found["turn"], found["before"], found["next_sequence"]) == (4, "a", 90)
    again = lease_of(Turn(1, 50, 95), found, "b")
    assert (again["before"], again["next_sequence"]) == ("a", 95)
