"""A take as the media node describes it in take.json, and how its timeline becomes that of the replay."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from media.recording.take import FILL
from server.recordings.inserts import Insert, Inserts

LONGEST_MS = 24 * 3_600_000


class _Described(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Part(_Described):
    """One recorded piece, beginning with a keyframe where it has video, unless its publisher sent none for long."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")
    run: int = Field(ge=0)
    start_ms: float = Field(ge=0, le=LONGEST_MS)
    duration_ms: float = Field(ge=0, le=LONGEST_MS)
    bytes: int = Field(ge=0)
    keyframe: bool = True


class Run(_Described):
    """A stretch with one codec configuration."""

    init: str = Field(pattern=r"^[A-Za-z0-9._-]{1,80}$")
    video_codec: str | None = None
    audio_codec: str | None = None
    width: int | None = Field(None, ge=0)
    height: int | None = Field(None, ge=0)

    @property
    def is_fill(self) -> bool:
        """Whether it was made from the host's own recording."""
        return self.init.startswith(FILL)


class Span(_Described):
    """From here to there on the stream's timeline."""

    start_ms: float = Field(ge=0, le=LONGEST_MS)
    end_ms: float = Field(ge=0, le=LONGEST_MS)


class Take(_Described):
    """The recording of a stream. Its replay leaves the gaps out: what follows a gap moves up, as in its playlist."""

    stream_id: str
    duration_ms: float = Field(ge=0)
    parts: tuple[Part, ...] = ()
    runs: tuple[Run, ...] = ()
    gaps: tuple[Span, ...] = ()
    replaced: tuple[Span, ...] = ()  # was recorded, but what was filled in stands there
    first_picture_at: datetime | None = None  # the wall clock of 0 ms

    @property
    def has_video(self) -> bool:
        """Whether there are pictures."""
        return any(self.runs[part.run].video_codec for part in self.parts)

    @property
    def has_audio(self) -> bool:
        """Whether there is sound."""
        return any(self.runs[part.run].audio_codec for part in self.parts)

    @property
    def filled(self) -> tuple[Span, ...]:
        """What was filled in from the host's own recording."""
        spans = []
        for run, group in groupby(self.parts, key=lambda part: part.run):
            of_run = list(group)
            if self.runs[run].is_fill:
                spans.append(Span(start_ms=of_run[0].start_ms, end_ms=of_run[-1].start_ms + of_run[-1].duration_ms))
        return tuple(spans)

    @property
    def replay_ms(self) -> int:
        """How long the replay is."""
        return round(sum(part.duration_ms for part in self.parts))

    @property
    def is_playable(self) -> bool:
        """Whether browsers play the recorded parts as they are; none of them plays VP8 in MP4."""
        return not any((run.video_codec or "").startswith("vp08") for run in self.runs)

    @property
    def bytes(self) -> int:
        """What watching the recorded parts costs."""
        return sum(part.bytes for part in self.parts)


class Timeline:
    """Maps the stream's timeline to the replay's; a moment inside a gap is where the gap was."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._starts = [part.start_ms for part in parts]
        self._durations = [part.duration_ms for part in parts]
        self._before = [0.0]
        for duration in self._durations:
            self._before.append(self._before[-1] + duration)

    def stream_time(self, replay_ms: float) -> float:
        """A place in the replay as a place on the stream's timeline; where a gap was, that is its end."""
        if not self._starts:
            return replay_ms
        index = max(0, min(bisect_right(self._before, replay_ms) - 1, len(self._starts) - 1))
        return self._starts[index] + replay_ms - self._before[index]

    def replay_time(self, stream_ms: float) -> float:
        """A place on the stream's timeline as a place in the replay."""
        index = bisect_right(self._starts, stream_ms) - 1
        if index < 0:
            return 0.0
        return self._before[index] + min(stream_ms - self._starts[index], self._durations[index])


def inserts_of(take: Take) -> Inserts:
    """What filling has put into the replay; what only took the place of something worse put in nothing."""
    recorded = [part for part in take.parts if not take.runs[part.run].is_fill]
    recorded += [
        Part(name="replaced", run=0, start_ms=span.start_ms, duration_ms=span.end_ms - span.start_ms, bytes=0)
        for span in take.replaced
    ]
    before = Timeline(sorted(recorded, key=lambda part: part.start_ms))
    inserts = []
    for span in take.filled:
        was_ms = before.replay_time(span.end_ms) - before.replay_time(span.start_ms)
        length_ms = round(span.end_ms - span.start_ms - was_ms)
        if length_ms > 0:
            inserts.append(Insert(round(before.replay_time(span.start_ms)), length_ms))
    return Inserts(tuple(inserts))


def read_take(raw: bytes) -> Take:
    """Parse take.json. Raises ValueError."""
    try:
        take = Take.model_validate_json(raw)
    except ValidationError as error:
        raise ValueError(f"take.json is malformed in {error.error_count()} places") from None
    if any(part.run >= len(take.runs) for part in take.parts):
        raise ValueError("take.json names a run that is not there")
    if any(later.start_ms < earlier.start_ms for earlier, later in zip(take.parts, take.parts[1:], strict=False)):
        raise ValueError("take.json has parts out of order")
    return take.model_copy(update={"parts": tuple(part for part in take.parts if part.bytes)})


def take_prefix(stream_id: str) -> str:
    """Where the objects of a take are."""
    return f"public/takes/{stream_id}/"


def fill_prefix(stream_id: str) -> str:
    """Where the files of the host's own recording wait until they are filled in; not for everybody."""
    return f"uploads/fills/{stream_id}/"
