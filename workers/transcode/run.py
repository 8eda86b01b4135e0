"""Decoding a source once and encoding every rendition from it, at one pace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from workers.transcode.output import Output
from workers.transcode.pace import LARGEST_LAG_MS, FramePace, Tick
from workers.transcode.plan import Size, SourceRefused
from workers.transcode.poster import PosterPicker
from workers.transcode.screen import Screen
from workers.transcode.sound import SoundLine
from workers.transcode.source import Piece, Reader, Timed

Progress = Callable[[float], None]

MISSING_END_MS = 1500.0
LAST_PICTURE_MS = 40.0


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a source that is made, in ms of the asset."""

    start_ms: float
    end_ms: float

    @property
    def length_ms(self) -> float:
        """How long it is."""
        return self.end_ms - self.start_ms


class Encoding:
    """All renditions of one source on their way. Picture and sound keep each other company through gaps."""

    def __init__(self, outputs: Sequence[Output], sizes: Sequence[Size], channels: int, poster: PosterPicker) -> None:
        self._outputs = outputs
        self._screen = Screen(sizes) if sizes else None
        self._sound = SoundLine(channels) if channels else None
        self._frame_pace = FramePace()
        self._poster = poster
        self._shown: list[VideoFrame] = []

    @property
    def end_ms(self) -> float:
        """How far it is."""
        return max(self._frame_pace.last_ms, self._sound.end_ms if self._sound else 0.0)

    def add(self, at_ms: float, timed: Timed) -> None:
        """Take a decoded frame."""
        if isinstance(timed.frame, VideoFrame):
            self._add_picture(at_ms, timed.frame, timed.pixel_aspect)
        else:
            self._add_sound(at_ms, timed.frame)

    def finish(self, end_ms: float) -> None:
        """The last picture stands, and silence goes on, to the end."""
        if self._screen is not None and not self._shown:
            raise SourceRefused("broken_source")
        self._repeat_until(end_ms)
        if self._sound is not None:
            self._play(self._sound.silence_until(end_ms))
            self._play(self._sound.rest())

    def _add_picture(self, at_ms: float, frame: VideoFrame, pixel_aspect: float) -> None:
        if self._screen is None:
            return
        self._repeat_until(at_ms)
        tick = self._frame_pace.place(at_ms)
        if tick is None:
            return
        self._shown = self._screen.show(frame, pixel_aspect)
        self._poster.consider(self._shown[0], tick.at_ms)
        self._show(tick)
        if self._sound is not None and at_ms - self._sound.end_ms > LARGEST_LAG_MS:
            self._play(self._sound.silence_until(at_ms - LARGEST_LAG_MS / 2))

    def _add_sound(self, at_ms: float, frame: AudioFrame) -> None:
        if self._sound is None:
            return
        self._play(self._sound.add(at_ms, frame))
        if self._shown and at_ms - self._frame_pace.last_ms > LARGEST_LAG_MS:
            self._repeat_until(at_ms - LARGEST_LAG_MS / 2)

    def _repeat_until(self, at_ms: float) -> None:
        for tick in self._frame_pace.repeats_until(at_ms):
            self._show(tick)

    def _show(self, tick: Tick) -> None:
        for output, picture in zip(self._outputs, self._shown, strict=True):
            output.show(picture, tick)

    def _play(self, frames: Iterable[AudioFrame]) -> None:
        for frame in frames:
            for output in self._outputs:
                output.play(frame)


def encode(encoding: Encoding, pieces: Sequence[Piece], span: Span, progress: Progress) -> float:
    """Put a span of the pieces through; answers how long it became. Raises SourceRefused."""
    for timed in _within(pieces, span):
        encoding.add(timed.at_ms - span.start_ms, timed)
        progress(min(1.0, (timed.at_ms - span.start_ms) / span.length_ms))
    # A header that promises much more than the file holds is not believed.
    is_whole = span.length_ms - encoding.end_ms <= MISSING_END_MS
    length_ms = span.length_ms if is_whole else encoding.end_ms + LAST_PICTURE_MS
    encoding.finish(length_ms)
    return length_ms


def _within(pieces: Sequence[Piece], span: Span) -> Iterator[Timed]:
    for piece in pieces:
        with Reader(piece) as reader:
            past_end = {track for track in (reader.video, reader.audio) if track is not None}
            waiting = len(past_end)
            seen_past: set[type] = set()
            for timed in reader.frames():
                if timed.at_ms > span.end_ms:
                    seen_past.add(type(timed.frame))
                    if len(seen_past) == waiting:
                        break
                elif timed.at_ms >= span.start_ms:
                    yield timed
