"""Cuts merged samples into runs, parts and fragments, and hands the bytes to the spool."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from media.recording.boxes import AudioEntry, VideoEntry, fragment, init_segment
from media.recording.decode_order import DecodeOrder
from media.recording.tracks import AUDIO_CLOCK, SECOND_NS, VIDEO_CLOCK, AudioSetup, Sample, VideoSetup

# A crash loses the fragment under way. Smaller ones cost more bytes of boxes and more writes.
FRAGMENT_NS = SECOND_NS // 2
# Fragments end where a picture begins, so that they are of one length; sound alone ends one when no picture comes.
PICTURE_PATIENCE_NS = SECOND_NS // 25  # no longer: players were promised at the beginning how long they become
# A part that waits for a keyframe is closed all the same at the last picture before it is so long (x264 puts one at
# 4.2 s by itself at 60 pictures a second), or where it would become longer than HLS players were promised at the
# beginning (RFC 8216, 4.3.3.1: rounded, at most four seconds).
FULL_PART_NS = SECOND_NS * 43 // 10
LONGEST_PART_NS = SECOND_NS * 44 // 10
LARGEST_PART_BYTES = 8_000_000
USUAL_PICTURE_TICKS = VIDEO_CLOCK // 30  # how long the last picture is shown if there was only one


class Sink(Protocol):
    """Where parts go. Times are nanoseconds of the take, sizes pixels. OSError: nothing can be written."""

    def begin_run(
        self, init: bytes, video_codec: str | None, audio_codec: str | None, size: tuple[int, int]
    ) -> None: ...
    def begin_part(self, start_ns: int, keyframe: bool) -> None: ...
    def write_fragment(self, data: bytes, end_ns: int) -> None: ...
    def close_part(self, end_ns: int) -> None: ...
    def note_gap(self, start_ns: int, end_ns: int) -> None: ...


class _Picture(NamedTuple):
    """A picture that waits for the next one, to know how long it is shown."""

    at_ns: int
    decoded_at: int
    shown_at: int
    keyframe: bool
    data: bytes


def ticks(nanoseconds: int, clock: int) -> int:
    """Nanoseconds in ticks of a clock, rounded."""
    return (nanoseconds * clock + SECOND_NS // 2) // SECOND_NS


def nanoseconds(count: int, clock: int) -> int:
    """Ticks of a clock in nanoseconds."""
    return count * SECOND_NS // clock


class Segmenter:
    """Samples of a take, in order, become parts. A part begins with a keyframe where the run has pictures, unless
    none came for too long.

    Every method that writes raises OSError where the sink does.
    """

    def __init__(self, sink: Sink, part_ns: int) -> None:
        self._sink = sink
        self._part_ns = part_ns
        self._audio_setup: AudioSetup | None = None
        self._video_setup: VideoSetup | None = None
        self._has_run = False
        self._order = DecodeOrder(0)
        self._part_start_ns: int | None = None
        self._fragment_start_ns: int | None = None
        self._pending: _Picture | None = None
        self._video: list[VideoEntry] = []
        self._video_start = 0
        self._audio: list[AudioEntry] = []
        self._audio_start = 0
        self._sequence = 0
        self._usual_ticks = USUAL_PICTURE_TICKS
        self._video_end_ns: int | None = None  # where the newest picture of the run probably ends
        self._end_ns = 0
        self._part_age_ns = 0
        self._part_bytes = 0
        self._part_has_pictures = False

    @property
    def wants_keyframe(self) -> bool:
        """Whether the part is old enough to end at a keyframe."""
        return self._video_setup is not None and self._part_age_ns >= self._part_ns

    @property
    def has_b_frames(self) -> bool:
        """Whether pictures are shown in another order than they come."""
        return self._order.depth > 0

    def begin_run(self, audio: AudioSetup | None) -> None:
        """A publisher comes (back): end what is open; the next sample begins a run."""
        self.end_run()
        self._audio_setup = audio

    def add(self, sample: Sample) -> None:
        """Add one sample. Raises OSError if it cannot be written."""
        if sample.kind == "video":
            self._add_picture(sample)
        else:
            self._add_sound(sample)
        if self._part_start_ns is not None:
            self._part_age_ns = max(self._part_age_ns, sample.at_ns - self._part_start_ns)
        if self._fragment_start_ns is None:
            self._fragment_start_ns = sample.at_ns
        elif sample.at_ns - self._fragment_start_ns >= self._longest_fragment_ns(sample):
            length = nanoseconds(sample.length, AUDIO_CLOCK) if sample.kind == "audio" else 0
            self.cut(sample.at_ns + length)
            self._fragment_start_ns = sample.at_ns

    def _longest_fragment_ns(self, sample: Sample) -> int:
        waits = sample.kind == "audio" and self._video_setup is not None
        return FRAGMENT_NS + PICTURE_PATIENCE_NS if waits else FRAGMENT_NS

    def cut(self, end_ns: int | None = None) -> None:
        """Write what is complete as a fragment, which ends at `end_ns`, or where its last sample does."""
        self._fragment_start_ns = None
        if not self._video and not self._audio:
            return
        data = fragment(self._sequence, (self._video_start, self._video), (self._audio_start, self._audio))
        self._sequence += 1
        self._video, self._audio = [], []
        self._sink.write_fragment(data, self._end_ns if end_ns is None else end_ns)
        self._part_bytes += len(data)

    def end_run(self) -> None:
        """End the run: the last picture is shown as long as the one before it."""
        if self._pending is not None:
            self._finish_pending(self._pending.decoded_at + self._usual_ticks)
        self._close_part(None)
        self._has_run = False
        self._video_setup = None
        self._video_end_ns = None

    def _add_picture(self, sample: Sample) -> None:
        self._end_longest_part(sample.at_ns, sample.at_ns)
        if sample.setup is not None and sample.setup != self._video_setup:
            self._begin_video_run(sample, sample.setup)
        elif self._video_setup is None:
            return  # no decoder could begin here
        shown_at = ticks(sample.at_ns, VIDEO_CLOCK)
        decoded_at = self._order.next(shown_at)
        step_ns = 0 if self._pending is None else sample.at_ns - self._pending.at_ns
        if self._pending is not None:
            self._finish_pending(decoded_at)
        seen_until = self._video_end_ns
        if sample.after_loss and seen_until is not None and seen_until < sample.at_ns:
            self._sink.note_gap(seen_until, sample.at_ns)
        if (sample.keyframe and self._is_part_full(sample.at_ns)) or self._is_part_overfull(sample.at_ns + step_ns):
            self._close_part(sample.at_ns)
        if self._part_start_ns is None:
            self._open_part(sample)
        self._part_has_pictures = True
        self._pending = _Picture(sample.at_ns, decoded_at, shown_at, sample.keyframe, sample.data)
        ends_at = sample.at_ns + nanoseconds(self._usual_ticks, VIDEO_CLOCK)
        self._video_end_ns = max(seen_until or 0, ends_at)
        self._end_ns = max(self._end_ns, ends_at)

    def _begin_video_run(self, sample: Sample, setup: VideoSetup) -> None:
        self._show_pending_until(sample.at_ns)
        self._close_part(sample.at_ns)
        self._video_setup = setup
        self._order = DecodeOrder(setup.reorder_frames)
        self._open_run()

    def _open_run(self) -> None:
        video, audio = self._video_setup, self._audio_setup
        self._has_run = True
        self._sink.begin_run(
            init_segment(video, audio),
            video.codec_string if video else None,
            audio.codec_string if audio else None,
            (video.width, video.height) if video else (0, 0),
        )

    def _show_pending_until(self, at_ns: int) -> None:
        if self._pending is not None:
            self._finish_pending(max(ticks(at_ns, VIDEO_CLOCK), self._pending.decoded_at + 1))

    def _finish_pending(self, until: int) -> None:
        """The pending picture is shown until the next is decoded; it goes into the fragment."""
        picture, self._pending = self._pending, None
        if picture is None:
            return
        if not self._video:
            self._video_start = picture.decoded_at
        duration = max(1, until - picture.decoded_at)
        composition = picture.shown_at - picture.decoded_at
        if duration < VIDEO_CLOCK // 5:
            self._usual_ticks = max(duration, VIDEO_CLOCK // 120)
        self._video.append(
            # A sender whose clock jumped back would show it in the past: then it is shown when it is decoded.
            VideoEntry(duration, composition if composition > -VIDEO_CLOCK else 0, picture.keyframe, picture.data)
        )

    def _add_sound(self, sample: Sample) -> None:
        if not self._has_run:
            self._open_run()
        if self._video_setup is None and self._is_part_full(sample.at_ns):
            self._close_part(sample.at_ns)
        end_ns = sample.at_ns + nanoseconds(sample.length, AUDIO_CLOCK)
        self._end_longest_part(sample.at_ns, end_ns)
        if self._part_start_ns is None:
            self._open_part(sample)
        if not self._audio:
            self._audio_start = ticks(sample.at_ns, AUDIO_CLOCK)
        self._audio.append(AudioEntry(sample.length, sample.data))
        self._end_ns = max(self._end_ns, end_ns)
        if sample.after_loss:
            self._sink.note_gap(sample.at_ns, end_ns)

    def _is_part_full(self, at_ns: int) -> bool:
        """Whether it ends at a keyframe: also if it is sound so far, for nobody begins in the middle of a part."""
        if self._part_start_ns is None:
            return False
        is_sound_so_far = self._video_setup is not None and not self._part_has_pictures
        return at_ns - self._part_start_ns >= self._part_ns or is_sound_so_far

    def _is_part_overfull(self, next_ns: int) -> bool:
        """Whether it ends here, keyframe or not, since the next picture would probably come too late."""
        if self._part_start_ns is None:
            return False
        return next_ns - self._part_start_ns > FULL_PART_NS or self._part_bytes >= LARGEST_PART_BYTES

    def _end_longest_part(self, at_ns: int, end_ns: int) -> None:
        """Before a sample that would make the part too long: end it, though no picture came that could."""
        if self._part_start_ns is None or end_ns - self._part_start_ns <= LONGEST_PART_NS:
            return
        closed_ns = min(at_ns, self._part_start_ns + LONGEST_PART_NS)
        self._show_pending_until(closed_ns)
        self._close_part(closed_ns)

    def _open_part(self, sample: Sample) -> None:
        self._part_start_ns = self._end_ns = sample.at_ns
        self._part_age_ns = self._part_bytes = 0
        self._part_has_pictures = False
        self._sink.begin_part(sample.at_ns, sample.keyframe and (sample.kind == "video" or self._video_setup is None))

    def _close_part(self, end_ns: int | None) -> None:
        """Close the open part at `end_ns`, or where its last sample ends."""
        if self._part_start_ns is None:
            return
        self.cut()
        self._sink.close_part(self._end_ns if end_ns is None else end_ns)
        self._part_start_ns = None
        self._part_age_ns = 0
