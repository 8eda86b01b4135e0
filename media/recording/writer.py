"""One take from packets to spool, synchronous: everything the recording thread does, without the thread."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from config.logs import logger
from media.recording.continuity import Break
from media.recording.intake import RunIntake
from media.recording.segment import Segmenter, Sink
from media.recording.take import Zero
from media.recording.take_spool import TakeSpool
from media.recording.timeline import SenderReport
from media.recording.tracks import SECOND_NS, Kind, Sample, TrackFormat

log = logger(__name__)

# With nothing new for so long, what waits for the other track or for a full fragment is written as it is.
IDLE_NS = SECOND_NS * 6 // 10
# A return after less than this is no interruption worth listing.
SMALLEST_GAP_NS = SECOND_NS // 20
# After a jump of the sender's clock for so long another one begins no run.
JUMP_PAUSE_NS = 2 * SECOND_NS
# A stream that is away for longer is over (PUBLISHER_GRACE_SECONDS): if wall clocks tell more, one of them was set.
LONGEST_PAUSE_NS = 600 * SECOND_NS


class Clocks(NamedTuple):
    """One moment on a machine's clocks. `boot`: since when the monotonic one runs, empty where nobody says."""

    monotonic_ns: int
    wall: datetime
    boot: str = ""


class TakeWriter:
    """Turns the packets of a take into parts in its spool. Times are nanoseconds of one monotonic clock.

    Raises OSError when the spool cannot be written; then only `interrupt` and `begin_anew` may be called.
    """

    def __init__(
        self,
        spool: TakeSpool,
        part_seconds: float,
        clocks: Clocks,
        sink: Sink | None = None,
        *,
        is_continued: bool = False,
    ) -> None:
        """`sink`: what passes the parts on to the spool, if they do not go there directly. `is_continued`: another
        node may have recorded what lies between the take's end and now."""
        self._spool = spool
        self._sink: Sink = sink or spool
        self._part_ns = int(part_seconds * SECOND_NS)
        self._segmenter = Segmenter(self._sink, self._part_ns)
        self._intake: RunIntake | None = None
        self._formats: tuple[TrackFormat | None, TrackFormat | None] = (None, None)
        self._wall_of_zero = clocks.wall - timedelta(microseconds=clocks.monotonic_ns // 1000)
        self._origin_ns: int | None = None  # what 0 of the take is on the arrival clock
        self._is_run_begun = False
        self._run_shift_ns = 0
        self._newest_arrival_ns = 0
        self._jump_ns = -JUMP_PAUSE_NS
        self._is_idle = True
        self._lost_packets = 0
        self._broken_packets = 0
        self._has_told_b_frames = False
        self.on_first_picture: Callable[[datetime], None] = lambda _: None
        self._boot = clocks.boot
        self._is_doubtful = False  # where 0 is: only wall clocks tell, of which one may have been set
        began_at, zero = spool.take.began_at, spool.take.zero
        if zero is not None and zero.boot == clocks.boot:
            self._origin_ns = zero.at_ns
        elif began_at is not None:
            self._is_doubtful = not is_continued
            self._origin_ns = round((began_at - self._wall_of_zero) / timedelta(microseconds=1)) * 1000

    @property
    def wants_keyframe(self) -> bool:
        """Whether the publisher should be asked for a keyframe."""
        return self._segmenter.wants_keyframe or (self._intake is not None and self._intake.needs_keyframe)

    @property
    def lost_packets(self) -> int:
        """Packets of the whole take that nothing repaired."""
        return self._lost_packets + (self._intake.lost_packets if self._intake else 0)

    @property
    def broken_packets(self) -> int:
        """Packets of the whole take that could not be read, or were of no track of it."""
        return self._broken_packets + (self._intake.broken_packets if self._intake else 0)

    def begin_run(self, video: TrackFormat | None, audio: TrackFormat | None) -> None:
        """A publisher joined: end the run before and take packets of these tracks."""
        self.end_run()
        self._formats = (video, audio)
        self._intake = RunIntake(video, audio)
        self._open_run(self._intake)

    def _open_run(self, intake: RunIntake) -> None:
        self._segmenter.begin_run(intake.audio_setup)
        self._is_run_begun = False
        self._is_idle = True

    def interrupt(self) -> None:
        """After a failure: close what is open where it ends."""
        if self._spool.take.open_part:
            self._sink.close_part(self._spool.take.end_ns)

    def begin_anew(self, video: TrackFormat | None, audio: TrackFormat | None) -> None:
        """After a failure: forget what was not written, and go on with these tracks as if their publisher had come
        back."""
        self._forget_run()
        self._segmenter = Segmenter(self._sink, self._part_ns)
        self.begin_run(video, audio)

    def push(self, kind: Kind, data: bytes, arrival_ns: int) -> None:
        """Take one RTP packet."""
        if self._intake is None:
            return
        found = self._intake.push(kind, data, arrival_ns)
        if found is Break.JUMP and arrival_ns < self._jump_ns + JUMP_PAUSE_NS:
            return  # a sender that jumps on and on must not make a run of each packet
        if found is not None:
            self._break_run(self._intake, found)
            self._intake.push(kind, data, arrival_ns)
        self._newest_arrival_ns = max(self._newest_arrival_ns, arrival_ns)
        self._is_idle = False

    def _break_run(self, intake: RunIntake, why: Break) -> None:
        """The publisher was silent, or counts anew: what comes now is a run of its own, begun with a keyframe."""
        if why is Break.JUMP:
            self._jump_ns = self._newest_arrival_ns
            self.begin_run(*self._formats)
            return
        self._write(intake.flush())
        intake.resume()
        self._open_run(intake)

    def report(self, kind: Kind, report: SenderReport) -> None:
        """Take one sender report."""
        if self._intake is not None:
            self._intake.report(kind, report)

    def tick(self, now_ns: int) -> None:
        """Write what is ready by now."""
        if self._intake is None:
            return
        ready = self._intake.take(now_ns)
        if self._intake.first_picture_ns is not None:  # viewers are told at once, whatever it waits for
            self._begin(self._intake.first_picture_ns)
        self._write(ready)
        if self._intake.has_jumped:
            self._break_run(self._intake, Break.JUMP)
        if not self._is_idle and now_ns - self._newest_arrival_ns > IDLE_NS:
            self._is_idle = True
            self._write(self._intake.flush_idle())
            self._segmenter.cut()

    def end_run(self) -> None:
        """Write what is left of the run and end it."""
        if self._intake is None:
            return
        self._write(self._intake.flush())
        self._forget_run()
        self._segmenter.end_run()

    def _forget_run(self) -> None:
        if self._intake is not None:
            self._lost_packets += self._intake.lost_packets
            self._broken_packets += self._intake.broken_packets
            self._intake = None

    def _write(self, samples: list[Sample]) -> None:
        for sample in samples:
            self._begin(sample.at_ns)
            place = sample.at_ns - (self._origin_ns or 0) + self._run_shift_ns
            self._segmenter.add(sample._replace(at_ns=max(0, place)))
        if self._segmenter.has_b_frames and not self._has_told_b_frames:
            self._has_told_b_frames = True
            log.warning("publisher sends B-frames: viewers see them late", stream=self._spool.take.stream_id)

    def _begin(self, at_ns: int) -> None:
        """Before the first sample of a run: find its place after what is recorded."""
        if self._is_run_begun:
            return
        self._is_run_begun = True
        if self._origin_ns is None:
            began_at = (self._wall_of_zero + timedelta(microseconds=at_ns // 1000)).astimezone(UTC)
            began_at = began_at.replace(microsecond=began_at.microsecond // 1000 * 1000)
            self._spool.begin(began_at, Zero(self._boot, at_ns) if self._boot else None)
            self._origin_ns = at_ns
            self.on_first_picture(began_at)
        end_ns = self._spool.take.end_ns
        if self._is_doubtful:
            self._is_doubtful = False
            self._origin_ns = min(max(self._origin_ns, at_ns - end_ns - LONGEST_PAUSE_NS), at_ns - end_ns)
        start_ns = at_ns - self._origin_ns
        # What came late of the run before may end after this one begins.
        self._run_shift_ns = max(0, end_ns - start_ns)
        if start_ns - end_ns > SMALLEST_GAP_NS:
            self._spool.note_gap(end_ns, start_ns)
