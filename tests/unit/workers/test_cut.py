"""Where clips are cut."""

from __future__ import annotations

import pytest

from workers.transcode.cut import Cuts, Seen, choose_cuts

# Keyframes every two seconds, ten pictures a second; and the same with every second picture decoded before its turn.
ORDERED = [Seen(number * 100.0, number % 20 == 0) for number in range(80)]
REORDERED = [
    picture
    for number in range(0, 80, 20)
    for picture in (
        Seen(number * 100.0, True),
        *(Seen((number + place) * 100.0, False) for pair in range(1, 19, 2) for place in (pair + 1, pair)),
        Seen((number + 19) * 100.0, False),
    )
]


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "cuts"),
    [
        (1000, 5000, Cuts(1000, 2000, 5000, 5000)),  # what follows in the last group is just left out
        (2000, 5000, Cuts(2000, 2000, 5000, 5000)),
        (1999.5, 5000, Cuts(2000, 2000, 5000, 5000)),  # times are rounded
        (1950, 5000, Cuts(2000, 2000, 5000, 5000)),
        (2050, 3950, None),
        (7000, 8000, None),
        (9000, 9500, None),
    ],
)
def test_pictures_in_order(start_ms: float, end_ms: float, cuts: Cuts | None) -> None:
    assert choose_cuts(ORDERED, start_ms, end_ms) == cuts


@pytest.mark.parametrize(
    ("start_ms", "end_ms", "cuts"),
    [
        (1000, 5000, Cuts(1000, 2000, 4000, 5000)),  # a picture that stays may need one that goes
        (1000, 6000, Cuts(1000, 2000, 6000, 6000)),
        (1000, 3000, None),  # nothing whole is left
        (1000, 8000, Cuts(1000, 2000, 8000, 8000)),
    ],
)
def test_pictures_in_another_order(start_ms: float, end_ms: float, cuts: Cuts | None) -> None:
    assert choose_cuts(REORDERED, start_ms, end_ms) == cuts
