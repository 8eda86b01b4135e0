"""Shows a take while it grows: what the spool has taken is told to who sends it on, over LL-HLS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from media.recording.segment import Sink
from media.recording.take import Part, Run, Take
from media.recording.take_spool import TakeSpool


class Onlooker(Protocol):
    """Who watches a take grow; everything is called on the event loop, in order."""

    @property
    def listed(self) -> range: ...
    def opened(self, take: Take) -> None: ...
    def run_began(self, run: Run, init: bytes) -> None: ...
    def part_began(self, part: Part) -> None: ...
    def fragment_written(self, data: bytes, end_ns: int) -> None: ...
    def part_closed(self, end_ns: int) -> None: ...
    def ended(self, *, is_over: bool) -> None: ...


Tell = Callable[..., None]


class MirroredSpool(Sink):
    """A spool for the writing thread; `tell` calls the onlooker on the loop, after the bytes are in the file."""

    def __init__(self, spool: TakeSpool, onlooker: Onlooker, tell: Tell) -> None:
        self._spool = spool
        self._onlooker = onlooker
        self._tell = tell

    def begin_run(self, init: bytes, video_codec: str | None, audio_codec: str | None, size: tuple[int, int]) -> None:
        """Begin a run with its init segment."""
        self._spool.begin_run(init, video_codec, audio_codec, size)
        self._tell(self._onlooker.run_began, self._spool.take.runs[-1], init)

    def begin_part(self, start_ns: int, keyframe: bool) -> None:
        """Begin the next part of the run."""
        self._spool.begin_part(start_ns, keyframe)
        self._tell(self._onlooker.part_began, self._spool.take.parts[-1])

    def write_fragment(self, data: bytes, end_ns: int) -> None:
        """Append a fragment to the open part."""
        self._spool.write_fragment(data, end_ns)
        self._tell(self._onlooker.fragment_written, data, end_ns)

    def close_part(self, end_ns: int) -> None:
        """Close the open part."""
        self._spool.close_part(end_ns)
        self._tell(self._onlooker.part_closed, end_ns)

    def note_gap(self, start_ns: int, end_ns: int) -> None:
        """Note that something is missing."""
        self._spool.note_gap(start_ns, end_ns)
