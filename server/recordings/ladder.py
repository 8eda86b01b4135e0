"""A ladder: what is made of a video, the chunks it is made in, and what came out of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from server.making.model import Work
from server.recordings.take import LONGEST_MS

NAME = r"^[a-z0-9-]{1,20}$"
FILE = r"^[a-z0-9.-]{1,40}$"


class _Kept(BaseModel):
    """Kept in MongoDB and said between a worker and its child."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PicturePlan(_Kept):
    """One rendition of the pictures. `every_ms`: a picture so often (slides), 0: all; `sound` goes with it."""

    name: str = Field(pattern=NAME)
    width: int
    height: int
    bits: int
    crf: int
    every_ms: int = 0
    sound: str | None = None


class SoundPlan(_Kept):
    """One rendition of the sound."""

    name: str = Field(pattern=NAME)
    bits: int
    channels: int = Field(ge=1, le=2)


class Ladder(_Kept):
    """Renditions, the largest pictures first, and where chunks begin (the first at 0)."""

    duration_ms: float = Field(gt=0, le=LONGEST_MS)
    pictures: tuple[PicturePlan, ...] = ()
    sounds: tuple[SoundPlan, ...] = ()
    cuts: tuple[float, ...] = (0.0,)
    thumb_every_ms: int = 0

    @property
    def spans(self) -> list[tuple[float, float]]:
        """Begin and end of each chunk of pictures."""
        if not self.pictures:
            return []
        return list(zip(self.cuts, (*self.cuts[1:], self.duration_ms), strict=True))

    def length_of(self, number: int) -> float:
        """How long a chunk is; the one after the pictures is all of the sound."""
        spans = self.spans
        return spans[number][1] - spans[number][0] if number < len(spans) else self.duration_ms


class Segment(_Kept):
    """One file of a rendition."""

    name: str = Field(pattern=FILE)
    duration_ms: float
    bytes: int


class Track(_Kept):
    """What a chunk gives to one rendition. `init_digest`: chunks with the same one are joined without a seam."""

    name: str = Field(pattern=NAME)
    codec: str
    init: str = Field(pattern=FILE)
    init_digest: str
    begins_ms: float
    frames: int
    segments: tuple[Segment, ...]

    @property
    def duration_ms(self) -> float:
        """How long it is."""
        return sum(segment.duration_ms for segment in self.segments)


class Sheet(_Kept):
    """Small pictures of a chunk side by side, for the seek bar."""

    name: str = Field(pattern=FILE)
    width: int
    height: int
    columns: int
    count: int


class MadeChunk(_Kept):
    """What came out of a chunk. `poster_score`: how much there is to see in its poster."""

    tracks: tuple[Track, ...]
    sheet: Sheet | None = None
    poster: str | None = None
    poster_score: float = 0.0
    waveform: str | None = None
    loudness_lufs: float | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an asset's ladder that one worker makes: a span of the pictures, or all of the sound.

    `edition` is the asset's attempt that planned it: chunks of an older one are waste.
    """

    id: str
    asset_id: str
    edition: int
    number: int
    is_sound: bool
    priority: int
    created_at: datetime
    work: Work
    made: MadeChunk | None = None


def chunk_id(asset_id: str, edition: int, number: int) -> str:
    """The same piece of the same plan has the same id, whoever writes it down."""
    return f"{asset_id}-{edition}-{number}"
