"""What a transcoding child is told and what it answers, as JSON lines."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from server.recordings.ladder import Ladder, MadeChunk, Segment
from server.recordings.take import Part


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourcePiece(_Line):
    """One file of the source."""

    path: str
    begins_ms: float = 0.0


class Task(_Line):
    """`parts`: those of the take, from which the asset's timeline follows; none for an upload.

    `chunk_ms`: how long chunks shall be, for a plan. `number`: which chunk of `ladder`.
    `start_ms` and `end_ms`, on the stream's timeline, are those of a clip or a fill. `beside`: what was recorded
    around a gap that is filled; the names of what fills it begin with `prefix`.
    """

    kind: Literal["plan", "pictures", "sound", "clip", "fill"]
    pieces: tuple[SourcePiece, ...]
    beside: tuple[SourcePiece, ...] = ()
    parts: tuple[Part, ...] = ()
    ladder: Ladder | None = None
    number: int = 0
    chunk_ms: float = 0.0
    start_ms: float = 0.0
    end_ms: float = 0.0
    folder: str
    prefix: str = ""
    threads: int = Field(ge=1)


class Progressed(_Line):
    """How far the child is."""

    what: Literal["progress"] = "progress"
    progress: float


class Refused(_Line):
    """The source can't be used."""

    what: Literal["refused"] = "refused"
    code: str


class Planned(_Line):
    """What will be made of a file."""

    what: Literal["planned"] = "planned"
    ladder: Ladder


class Encoded(_Line):
    """A chunk lies in the folder."""

    what: Literal["encoded"] = "encoded"
    chunk: MadeChunk


class Cut(_Line):
    """A clip lies in the folder. `at_ms`: where it begins in the replay."""

    what: Literal["cut"] = "cut"
    at_ms: int
    duration_ms: int
    has_poster: bool


class Filled(_Line):
    """A run that fills a gap lies in the folder. `lag_ms`: how far the host's clock was off, if that was found.

    `start_ms`: where it begins on the stream's timeline; later than asked for if the files hold less than was said.
    """

    what: Literal["filled"] = "filled"
    start_ms: float
    init: str
    video_codec: str
    audio_codec: str | None
    width: int
    height: int
    segments: tuple[Segment, ...]
    lag_ms: float | None


Result = Planned | Encoded | Cut | Filled
Answer = Progressed | Refused | Result
