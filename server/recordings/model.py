"""An asset: a watchable video in the library, made from a take or an upload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from server.cards.model import Moment
from server.making.model import ENDED, Work, WorkState
from server.recordings.inserts import Insert
from server.recordings.ladder import Chunk, Ladder
from server.recordings.take import Span, Take, Timeline

SIGNATURE_BYTES = 512
MPEG_TS_PACKET = 188
SIGNATURES = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"OggS",
    b"\x00\x00\x01\xba",  # MPEG programme stream
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF
)
MOST_GAPS = 1000  # a line that loses more in one broadcast is not listed to its end
EDITION_KEPT = timedelta(hours=6)  # longer than somebody watches one lesson
MIN_REPLAY_MS = 1  # shorter than this nothing was recorded


class SourceKind(StrEnum):
    """What an asset is made from."""

    TAKE = "take"  # ref: the stream's id
    UPLOAD = "upload"  # ref: the object's key


@dataclass(frozen=True, slots=True)
class Source:
    """Where the video comes from."""

    kind: SourceKind
    ref: str


@dataclass(frozen=True, slots=True)
class Rendition:
    """One size of the ladder; `bandwidth` is the peak in bit/s, `bytes` what watching all of it costs."""

    name: str
    width: int
    height: int
    bandwidth: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Sound:
    """The sound alone, for those who only listen: its playlist, the peak in bit/s, what all of it costs."""

    name: str
    playlist_key: str
    bandwidth: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Chapter:
    """A span of the video that has a name, on the video's own timeline."""

    start_ms: int
    end_ms: int
    title: str
    product_id: str | None


@dataclass(frozen=True, slots=True)
class Gap:
    """What is (or was) missing of a stream, on its own timeline; `at_ms`: where that is in the replay."""

    start_ms: int
    end_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Asset:
    """`playlist_key` names the take's own playlist until the ladder is made, then the ladder's.

    `edition` is the attempt that planned `ladder`: all that is made of that plan has names below its prefix.
    `untidy`: objects of plans that came to nothing may lie beside those that are wanted. `was_ready`: it was made
    anew after it could be watched. `inserts`: what filling has put into it, at places of the replay before.
    `removed`: its host wants it no more, and all that belongs to it goes.
    """

    id: str
    source: Source
    host_id: str
    created_at: datetime
    work: Work
    duration_ms: int = 0
    bytes: int = 0
    chapters: tuple[Chapter, ...] = ()
    renditions: tuple[Rendition, ...] = ()
    playlist_key: str | None = None
    poster_key: str | None = None
    thumbs_key: str | None = None
    waveform_key: str | None = None
    ladder: Ladder | None = None
    edition: int = 0
    gaps: tuple[Gap, ...] = ()
    filled: tuple[Gap, ...] = ()
    inserts: tuple[Insert, ...] = ()
    untidy: bool = False
    was_ready: bool = False
    removed: bool = False
    sounds: tuple[Sound, ...] = ()


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A video that lies in the object store as a whole, and what is to become of it."""

    asset_id: str
    host_id: str
    host_name: str
    title: str
    course_id: str | None
    size: int
    chapters: tuple[Chapter, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What workers made of a source: objects (keys too) below the edition's prefix."""

    duration_ms: int
    bytes: int
    renditions: tuple[Rendition, ...]
    playlist: str
    poster: str | None
    thumbs: str | None
    waveform: str | None
    sounds: tuple[Sound, ...] = ()


class Stage(StrEnum):
    """Which step of the making is under way."""

    LOOK = "look"
    ENCODE = "encode"
    JOIN = "join"


# How much of the whole each stage is, as a person waits for it.
STAGE_SHARES = {Stage.LOOK: (0.0, 0.04), Stage.ENCODE: (0.04, 0.98), Stage.JOIN: (0.98, 1.0)}


def stage_of(asset: Asset) -> Stage | None:
    """Where the making of an asset is; None: it is over."""
    if asset.work.state in ENDED:
        return None
    if asset.work.state is WorkState.SPREAD:
        return Stage.ENCODE
    return Stage.LOOK if asset.ladder is None else Stage.JOIN


def progress_of(asset: Asset) -> float:
    """How much of everything is done."""
    stage = stage_of(asset)
    if stage is None:
        return asset.work.progress
    begin, end = STAGE_SHARES[stage]
    return begin + (end - begin) * asset.work.progress


def asset_prefix(asset_id: str) -> str:
    """Where the objects of an asset are."""
    return f"public/assets/{asset_id}/"


def edition_prefix(asset_id: str, edition: int) -> str:
    """Where the objects of one plan are; each plan has a place where no other writes."""
    return f"{asset_prefix(asset_id)}{edition}/"


def waits_for(asset: Asset, chunk: Chunk) -> bool:
    """Whether an asset waits for a chunk."""
    return asset.edition == chunk.edition and asset.work.state is WorkState.SPREAD


def is_waste(asset: Asset, chunk: Chunk) -> bool:
    """Whether a chunk is of a plan that was given up, or that its asset can't adopt any more."""
    if asset.edition == chunk.edition:
        return asset.ladder is None or asset.work.state in ENDED
    is_being_planned = asset.work.state is WorkState.WORKING and asset.work.attempt == chunk.edition
    return not is_being_planned


def wasted_editions(asset: Asset) -> list[int]:
    """The plans of an asset that is ready or failed, of which no object is named any more."""
    named = [key for key in (asset.playlist_key, asset.poster_key, asset.thumbs_key, asset.waveform_key) if key]
    return [
        edition
        for edition in range(1, asset.work.attempt + 1)
        if not any(key.startswith(edition_prefix(asset.id, edition)) for key in named)
    ]


def watched_until(asset: Asset) -> datetime | None:
    """How long pages that were opened before it was made anew may still be reading the edition before."""
    return asset.work.ended_at + EDITION_KEPT if asset.was_ready and asset.work.ended_at is not None else None


def upload_key(asset_id: str) -> str:
    """Where an uploaded source is."""
    return f"uploads/{asset_id}"


def looks_like_video(head: bytes) -> bool:
    """Whether the first bytes are those of a container that can hold video; only decoding tells for sure."""
    return (
        head[4:8] in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}  # MP4, QuickTime
        or head.startswith(SIGNATURES)
        or (head.startswith(b"RIFF") and head[8:12] == b"AVI ")
        or (head[:1] == b"G" and head[MPEG_TS_PACKET : MPEG_TS_PACKET + 1] == b"G")
    )


def is_worth_a_lesson(duration_ms: int, *, has_video: bool, has_audio: bool) -> bool:
    """Whether a take becomes a lesson: however short, and with sound alone too, as long as something was recorded."""
    return duration_ms >= MIN_REPLAY_MS and (has_video or has_audio)


def gaps_of(take: Take) -> tuple[Gap, ...]:
    """What the recorder says is missing, in order."""
    return _placed(take, take.gaps[:MOST_GAPS])


def filled_of(take: Take) -> tuple[Gap, ...]:
    """What was missing and is filled in from the host's own recording, in order."""
    return _placed(take, take.filled[:MOST_GAPS])


def _placed(take: Take, spans: Sequence[Span]) -> tuple[Gap, ...]:
    timeline = Timeline(take.parts)
    return tuple(
        Gap(round(span.start_ms), round(span.end_ms), round(timeline.replay_time(span.start_ms))) for span in spans
    )


def chapters_of(moments: Sequence[Moment], take: Take, duration_ms: int) -> tuple[Chapter, ...]:
    """The moments as spans of the replay; those that fall into a gap or beyond the end are left out."""
    timeline = Timeline(take.parts)
    chapters = []
    for moment in moments:
        end = take.duration_ms if moment.end_ms is None else moment.end_ms
        start_ms = round(timeline.replay_time(moment.start_ms)) if take.parts else moment.start_ms
        end_ms = min(duration_ms, round(timeline.replay_time(end)) if take.parts else round(end))
        if start_ms < end_ms:
            chapters.append(Chapter(start_ms, end_ms, moment.title, moment.product_id))
    return tuple(chapters)
