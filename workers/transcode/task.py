"""What a transcoding child is told and what it answers, as JSON lines."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from server.recordings.take import Part


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourcePiece(_Line):
    """One file of the source."""

    path: str
    begins_ms: float = 0.0


class Task(_Line):
    """`parts`: those of the take, from which the asset's timeline follows; none for an upload.

    `start_ms` and `end_ms`, on the stream's timeline, are those of a clip.
    """

    kind: Literal["ladder", "clip"]
    pieces: tuple[SourcePiece, ...]
    parts: tuple[Part, ...] = ()
    start_ms: float = 0.0
    end_ms: float = 0.0
    folder: str
    threads: int = Field(ge=1)


class MadeRendition(_Line):
    """A rendition that lies ready."""

    name: str
    width: int
    height: int
    bandwidth: int
    bytes: int


class Progressed(_Line):
    """How far the child is."""

    what: Literal["progress"] = "progress"
    progress: float


class Refused(_Line):
    """The source can't be used."""

    what: Literal["refused"] = "refused"
    code: str


class Done(_Line):
    """Everything lies in the folder."""

    what: Literal["done"] = "done"
    duration_ms: int
    renditions: tuple[MadeRendition, ...]
    has_poster: bool


Answer = Progressed | Refused | Done
