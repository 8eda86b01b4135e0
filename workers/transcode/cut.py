"""Where a clip is cut: which pictures are copied as they were recorded, which are encoded again; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

EDGE_MS = 1.0  # places are rounded to this: a picture at an edge belongs to what begins there


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture in a source, in the order of decoding: when it is shown, and whether decoding can begin with it."""

    at_ms: float
    is_key: bool


@dataclass(frozen=True, slots=True)
class Cuts:
    """A clip's first picture, the span that is copied, and the end; what is not copied is encoded again."""

    begins_ms: float
    copy_from_ms: float
    copy_until_ms: float
    ends_ms: float

    @property
    def has_head(self) -> bool:
        """Whether the beginning is encoded again."""
        return self.begins_ms < self.copy_from_ms

    @property
    def has_tail(self) -> bool:
        """Whether the end is encoded again."""
        return self.copy_until_ms < self.ends_ms


def choose_cuts(pictures: Sequence[Seen], start_ms: float, end_ms: float) -> Cuts | None:
    """Cut at the first keyframe from the start on; None: no whole group of pictures lies in the span.

    The end needs encoding only where pictures are decoded in another order than they are shown: otherwise nothing
    that stays needs what goes.
    """
    inside = [picture for picture in pictures if start_ms - EDGE_MS <= picture.at_ms < end_ms - EDGE_MS]
    keyframes_ms = [picture.at_ms for picture in inside if picture.is_key]
    if not keyframes_ms:
        return None
    copy_from_ms, copy_until_ms = keyframes_ms[0], end_ms
    if _is_reordered(pictures) and _goes_beyond(pictures, keyframes_ms[-1], end_ms):
        copy_until_ms = keyframes_ms[-1]
    if copy_until_ms <= copy_from_ms:
        return None
    return Cuts(min(picture.at_ms for picture in inside), copy_from_ms, copy_until_ms, end_ms)


def _is_reordered(pictures: Sequence[Seen]) -> bool:
    return any(later.at_ms < earlier.at_ms for earlier, later in pairwise(pictures))


def _goes_beyond(pictures: Sequence[Seen], keyframe_ms: float, end_ms: float) -> bool:
    """Whether the group of a keyframe is shown to its end only after a moment."""
    place = next(place for place, seen in enumerate(pictures) if seen.is_key and seen.at_ms == keyframe_ms)
    group = takewhile(lambda seen: not seen.is_key, pictures[place + 1 :])
    return any(seen.at_ms >= end_ms - EDGE_MS for seen in group)
