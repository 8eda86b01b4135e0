"""What is known of one take: runs, parts, gaps; built up from journal records, written out as `take.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from media.hls.playlist import Segment

_MS = 1_000_000
MERGE_GAPS_NS = 200 * _MS  # gaps closer than this are one
FILL = "fill-"  # names of what a host's own recording filled in begin like this

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TakeSummary:
    """What others need to know of a finished take."""

    duration_ms: int
    has_video: bool
    has_audio: bool


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of parts with one codec set-up."""

    init: str
    video_codec: str | None
    audio_codec: str | None
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Part:
    """A file of whole fragments that begins with a keyframe where there is video, unless none came for long."""

    name: str
    run: int
    start_ns: int
    end_ns: int
    bytes: int
    keyframe: bool

    @property
    def start_ms(self) -> int:
        """Its start, rounded."""
        return round(self.start_ns / _MS)

    @property
    def duration_ms(self) -> int:
        """From its rounded start to its rounded end, so that rounding never adds up."""
        return round(self.end_ns / _MS) - self.start_ms


@dataclass(frozen=True, slots=True)
class Zero:
    """What 0 ms of a take is on the monotonic clock of a machine: one for all its processes until it is booted."""

    boot: str
    at_ns: int


@dataclass(slots=True)
class Take:
    """One take. `apply` is the only way in which it changes, so that a journal read again gives the same take."""

    stream_id: str
    room_id: str
    began_at: datetime | None = None  # the wall clock of 0 ms
    zero: Zero | None = None  # the same, for who goes on with the take on the same machine
    runs: list[Run] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)  # ns
    replaced: list[tuple[int, int]] = field(default_factory=list)  # ns; recorded, but a fill stands there
    open_part: bool = False
    uploaded: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)  # files that were written, and are nowhere any more
    # Nobody could say yet whether the object store holds an earlier take of this stream. Until then `first_number`
    # keeps this one's names apart from that one's.
    is_unasked: bool = False
    first_number: int = 0

    @property
    def next_part(self) -> str:
        """The name of the part that comes next."""
        return part_name(self.first_number + len(self.parts))

    @property
    def next_init(self) -> str:
        """The name of the init segment that comes next."""
        return init_name(self.first_number + len(self.runs))

    @property
    def end_ns(self) -> int:
        """The end of what is recorded."""
        return max((part.end_ns for part in self.parts), default=0)

    def apply(self, record: Record) -> None:
        """Change by one record. Raises ValueError if it does not fit."""
        try:
            match record["what"]:
                case "began":
                    self.began_at = datetime.fromtimestamp(record["wall_ms"] / 1000, UTC)
                    self.zero = Zero(*record["zero"]) if record.get("zero") else None
                case "run":
                    self.runs.append(Run(**record["run"]))
                case "part":
                    self._begin_part(record["start_ns"], record["keyframe"])
                case "fragment":
                    part = self.parts[-1]
                    end_ns = max(part.end_ns, record["end_ns"])
                    self.parts[-1] = replace(part, end_ns=end_ns, bytes=part.bytes + record["bytes"])
                case "closed":
                    self._close_part(record["end_ns"])
                case "gap":
                    self._add_gap(record["start_ns"], record["end_ns"])
                case "earlier":
                    self._put_before(record["take"])
                case "uploaded" | "lost" as where:
                    (self.uploaded if where == "uploaded" else self.lost).add(record["name"])
                case other:
                    raise ValueError(f"unknown record {other}")
        except (KeyError, IndexError, TypeError, OverflowError, OSError) as error:
            raise ValueError(f"record does not fit: {type(error).__name__}") from None

    def _begin_part(self, start_ns: int, keyframe: bool) -> None:
        if self.open_part:  # a full disk took no note of its end
            self._close_part(self.parts[-1].end_ns)
        self.parts.append(Part(self.next_part, len(self.runs) - 1, start_ns, start_ns, 0, keyframe))
        self.open_part = True

    def _close_part(self, end_ns: int) -> None:
        self.open_part = False
        part = self.parts.pop()
        if part.bytes:  # else a crash or a full disk left an empty file, whose number is used again
            self.parts.append(replace(part, end_ns=end_ns))

    def _add_gap(self, start_ns: int, end_ns: int) -> None:
        self.gaps[-1:] = _joined([*self.gaps[-1:], (start_ns, end_ns)])

    def _put_before(self, body: Any) -> None:
        """What the object store has of this stream from an earlier recording comes first; None: it has nothing."""
        earlier = None if body is None else take_from_json(body)
        self.is_unasked = False
        if not self.runs and (earlier is None or earlier.tells_all_names):
            self.first_number = 0  # it goes on counting where the earlier one ended
        own = {run.init for run in self.runs}
        if earlier is None or any(run.init in own for run in earlier.runs):
            return  # nothing, or this very take, from before a crash
        shift_ns = earlier.end_ns
        if earlier.began_at and self.began_at:
            shift_ns = max(shift_ns, round((self.began_at - earlier.began_at).total_seconds() * 1000) * _MS)
        later = [
            replace(
                part,
                run=part.run + len(earlier.runs),
                start_ns=part.start_ns + shift_ns,
                end_ns=part.end_ns + shift_ns,
            )
            for part in self.parts
        ]
        between = [(earlier.end_ns, shift_ns)] if later and shift_ns > earlier.end_ns else []
        self.gaps = [*earlier.gaps, *between, *((start + shift_ns, end + shift_ns) for start, end in self.gaps)]
        self.replaced = [*earlier.replaced, *self.replaced]
        self.zero = replace(self.zero, at_ns=self.zero.at_ns - shift_ns) if self.zero and self.began_at else None
        self.runs, self.parts = earlier.runs + self.runs, earlier.parts + later
        self.began_at = earlier.began_at or self.began_at
        self.uploaded |= earlier.uploaded

    @property
    def tells_all_names(self) -> bool:
        """Whether no file ever had the number of its parts, or a later one: no part is missing, not after the last
        one either."""
        end_ns = self.end_ns
        is_cut_off = any(gap_end_ns > end_ns for _, gap_end_ns in self.gaps)
        return not is_cut_off and all(part.name == part_name(number) for number, part in enumerate(self.parts))

    def is_done(self, name: str) -> bool:
        """Whether nothing is to be done about a file any more: the object store has it, or nobody has."""
        return name in self.uploaded or name in self.lost

    def without_lost(self) -> Take:
        """What can be had of it; what was lost is a gap."""
        if not self.lost:
            return self
        inits = [run.init for run in self.runs]
        kept: list[Part] = []
        gaps = list(self.gaps)
        for part in self.parts:
            if part.name in self.lost or inits[part.run] in self.lost:
                gaps.append((part.start_ns, part.end_ns))
            else:
                kept.append(part)
        return replace(self, parts=kept, gaps=_joined(sorted(gaps)))

    def summary(self) -> TakeSummary:
        """Length and tracks."""
        recorded = {part.run for part in self.parts}
        runs = [run for number, run in enumerate(self.runs) if number in recorded]
        return TakeSummary(
            duration_ms=round(self.end_ns / _MS),
            has_video=any(run.video_codec for run in runs),
            has_audio=any(run.audio_codec for run in runs),
        )

    def segments(self) -> list[Segment]:
        """The parts as a playlist names them."""
        found = []
        for part in self.parts:
            run = self.runs[part.run]
            is_independent = part.keyframe or run.video_codec is None
            found.append(Segment(part.name, run.init, part.start_ms, part.duration_ms, is_independent))
        return found

    def as_json(self) -> dict[str, Any]:
        """The body of `take.json`."""
        return {
            "stream_id": self.stream_id,
            "room_id": self.room_id,
            "first_picture_at": self.began_at.isoformat(timespec="milliseconds") if self.began_at else None,
            "duration_ms": self.summary().duration_ms,
            "parts": [
                {
                    "name": part.name,
                    "run": part.run,
                    "start_ms": part.start_ms,
                    "duration_ms": part.duration_ms,
                    "bytes": part.bytes,
                    "keyframe": part.keyframe,
                }
                for part in self.parts
            ],
            "runs": [asdict(run) for run in self.runs],
            "gaps": _spans(self.gaps),
            "replaced": _spans(self.replaced),
        }


def _joined(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """In the order in which they were noted; what is close to the one before is one with it."""
    joined: list[tuple[int, int]] = []
    for start_ns, end_ns in gaps:
        if joined and start_ns - joined[-1][1] < MERGE_GAPS_NS:
            before = joined.pop()
            start_ns, end_ns = min(start_ns, before[0]), max(end_ns, before[1])
        joined.append((start_ns, end_ns))
    return joined


def _spans(spans: list[tuple[int, int]]) -> list[dict[str, int]]:
    return [{"start_ms": round(start / _MS), "end_ms": round(end / _MS)} for start, end in spans]


def part_name(number: int) -> str:
    """The file and object name of a part."""
    return f"part-{number:06}.m4s"


def init_name(run: int) -> str:
    """The file and object name of a run's init segment."""
    return f"init-{run}.mp4"


def take_from_json(body: Any) -> Take:
    """The take that a `take.json` tells of; all of it is in the object store. Raises ValueError."""
    try:
        began_at = body["first_picture_at"]
        take = Take(body["stream_id"], body["room_id"], datetime.fromisoformat(began_at) if began_at else None)
        take.runs = [Run(**run) for run in body["runs"]]
        take.parts = [
            Part(
                part["name"],
                part["run"],
                part["start_ms"] * _MS,
                (part["start_ms"] + part["duration_ms"]) * _MS,
                part["bytes"],
                part["keyframe"],
            )
            for part in body["parts"]
        ]
        take.gaps = [(gap["start_ms"] * _MS, gap["end_ms"] * _MS) for gap in body["gaps"]]
        take.replaced = [(span["start_ms"] * _MS, span["end_ms"] * _MS) for span in body.get("replaced", ())]
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a take.json: {type(error).__name__}") from None
    take.uploaded = {part.name for part in take.parts} | {run.init for run in take.runs}
    return take
