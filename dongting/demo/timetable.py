"""What happens when in a broadcast of the demo host: pure arithmetic on the clip's loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dongting.demo.data import Act

SALE_EVERY_LOOPS = 4  # so that somebody who stays for five minutes sees one


@dataclass(frozen=True, slots=True)
class Cue:
    """At this second of the broadcast the product is pinned; perhaps words are said or a flash sale is opened."""

    at_seconds: float
    product: str
    words: str | None
    opens_sale: bool


def cues(acts: Sequence[Act], clip_seconds: float) -> Iterator[Cue]:
    """Every cue of a broadcast that has no end.

    The first loop pins each product when it comes. Each later loop pins one of them, in turn, and leaves it there:
    every pin is cut as a clip by a worker afterwards, and a hundred alike are no use to anybody.
    """
    for act in acts:
        yield Cue(act.from_seconds, act.product, act.words, opens_sale=False)
    loop = 1
    while True:
        act = acts[(loop - 1) % len(acts)]
        yield Cue(loop * clip_seconds + act.from_seconds, act.product, None, loop % SALE_EVERY_LOOPS == 1)
        loop += 1
