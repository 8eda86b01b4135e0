"""A clip: a piece of a broadcast as a video of its own, and which piece it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from server.cards.model import Moment
from server.catalog.model import check_line
from server.errors import BadRequest
from server.making.model import Work, WorkState
from server.recordings.take import Take, Timeline

LONGEST_MOMENT_MS = 60_000
SHORTEST_MOMENT_MS = 3_000  # a card that was pinned and taken away at once still shows its product
LENGTHS_MS = range(1_000, 180_001)  # of what a host cuts himself
TITLE_LENGTH = range(1, 61)
GROWN_MS = 500  # by so much what is shown is shorter than its span when something was filled in
NOT_RECORDED = "not_recorded"  # the error of a clip of which the take has nothing
MOST_CLIPS = 60  # of one broadcast, those of moments not counted


@dataclass(frozen=True, slots=True)
class Shown:
    """What is there to be watched: the objects of this edition.

    `at_ms`: where it begins in the replay; `start_ms`: on the stream's timeline, also while its clip is cut anew from
    elsewhere.
    """

    edition: int
    duration_ms: int
    has_poster: bool
    at_ms: int
    start_ms: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A piece of a stream; `start_ms` and `end_ms` are on the stream's timeline.

    It shows a product, a lesson that was pinned, or just what its host found worth it. `edition` counts how often it
    was cut anew; what was made before is shown until the new one is there. `untidy`: objects of other editions may
    lie beside it. `removed`: nobody sees it any more, its objects go once no worker can be writing them, and so does
    its record, unless it is a moment's, which would have it made again.
    """

    id: str
    stream_id: str
    lesson_id: str
    product_id: str | None
    merchant_id: str | None
    title: str
    start_ms: int
    end_ms: int
    created_at: datetime
    work: Work
    pinned_lesson_id: str | None = None
    by_host: bool = False
    edition: int = 1
    shown: Shown | None = None
    untidy: bool = True
    removed: bool = False


@dataclass(frozen=True, slots=True)
class OwnClip:
    """A clip as its host sees it, with its span in the replay."""

    clip: Clip
    start_ms: int
    end_ms: int


def clip_span(moment: Moment, duration_ms: int) -> tuple[int, int] | None:
    """Which part of a stream the clip of a moment shows; None if the moment is not in the recording."""
    end_ms = duration_ms if moment.end_ms is None else min(moment.end_ms, duration_ms)
    end_ms = min(max(end_ms, moment.start_ms + SHORTEST_MOMENT_MS), moment.start_ms + LONGEST_MOMENT_MS, duration_ms)
    return (moment.start_ms, end_ms) if moment.start_ms < end_ms else None


def check_span(start_ms: int, end_ms: int, replay_ms: int) -> None:
    """Whether a host may cut this out of a replay. Raises BadRequest (`clip_length`, `outside_replay`)."""
    if end_ms - start_ms not in LENGTHS_MS:
        raise BadRequest("a clip lasts from one second to three minutes", code="clip_length")
    if not 0 <= start_ms < end_ms <= replay_ms:
        raise BadRequest("this is not in the replay", code="outside_replay")


def check_title(title: str) -> str:
    """The same title in its normal form. Raises BadRequest."""
    return check_line("title", title, TITLE_LENGTH)


def in_replay(clip: Clip, timeline: Timeline) -> OwnClip:
    """A clip with its place in the replay."""
    return OwnClip(clip, round(timeline.replay_time(clip.start_ms)), round(timeline.replay_time(clip.end_ms)))


def lacks_filled(clip: Clip, take: Take) -> bool:
    """Whether something was filled in within a clip since it was cut, or maybe while it is being cut."""
    if clip.removed or not any(span.start_ms < clip.end_ms and clip.start_ms < span.end_ms for span in take.filled):
        return False
    match clip.work.state:
        case WorkState.WORKING:
            return True
        case WorkState.READY:
            own = in_replay(clip, Timeline(take.parts))
            return clip.shown is not None and clip.shown.duration_ms + GROWN_MS < own.end_ms - own.start_ms
        case WorkState.FAILED:
            return clip.work.error == NOT_RECORDED
        case _:
            return False


def clip_prefix(clip_id: str, edition: int) -> str:
    """Where the objects of an edition are; those of edition 0 were made before clips had any."""
    return f"public/clips/{clip_id}/{edition}/" if edition else f"public/clips/{clip_id}/"


def wasted_prefixes(clip: Clip) -> list[str]:
    """Where objects of a clip may be of which nobody watches anything."""
    if clip.removed:
        return [clip_prefix(clip.id, 0)]
    editions = range(1, clip.edition + 1)
    return [clip_prefix(clip.id, edition) for edition in editions if not clip.shown or edition != clip.shown.edition]
