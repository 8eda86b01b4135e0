"""A node's turn at recording a stream that several nodes record one after the other: pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from config.bus import Payload

# How many segments a node may have listed since it last told of them, when it died: it tells every three seconds.
UNTOLD_SEGMENTS = 10
# When nobody knows how far the node before has counted: more than it can have listed in two days.
SEGMENTS_PER_TURN = 100_000


class Turn(NamedTuple):
    """Numbers go on from node to node, so that players who follow the playlist in place stay where they are."""

    number: int = 0  # how many nodes had the stream before
    first_sequence: int = 0  # with which number the playlist begins here, if what was recorded here before is listed
    next_sequence: int = 0  # and if it begins anew


UNKNOWN = Turn(1, SEGMENTS_PER_TURN, SEGMENTS_PER_TURN)  # nobody could be asked


def take_turn(known: Mapping[str, Any] | None, node_id: str) -> Turn:
    """The turn of a node that begins to record, by what the lease `recorded:` says."""
    if known is None:
        return Turn()
    number = _number(known, "turn")
    told = known.get("next_sequence")
    if known.get("node_id") == node_id:
        first = _number(known, "first_sequence")
        return Turn(number, first, first if told is None else int(told) + UNTOLD_SEGMENTS)
    if told is None:
        begin = SEGMENTS_PER_TURN * (number + 1)
    else:
        begin = int(told) + (0 if known.get("is_left") is True else UNTOLD_SEGMENTS)
    return Turn(number + 1, begin, begin)


def lease_of(turn: Turn, known: Mapping[str, Any] | None, node_id: str, *, is_left: bool = False) -> Payload:
    """What the lease says from now on. `is_left`: nothing more is recorded there."""
    known = known or {}
    is_ours = known.get("node_id") == node_id
    # A stream that began here while nobody could be asked comes after whoever had it.
    number = turn.number if is_ours or not known else max(turn.number, _number(known, "turn") + 1)
    return {
        "node_id": node_id,
        "turn": number,
        "first_sequence": turn.first_sequence,
        "next_sequence": max(turn.next_sequence, _number(known, "next_sequence")),
        "is_left": is_left,
        "before": known.get("before" if is_ours else "node_id", ""),  # who recorded it until then
    }


def _number(value: Mapping[str, Any], name: str) -> int:
    found = value.get(name)
    return found if isinstance(found, int) else 0
