"""Decoding a span of a source once and encoding every rendition from it, at one pace."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from workers.transcode.output import PictureTrack
from workers.transcode.pace import LARGEST_LAG_MS, FramePace, Tick
from workers.transcode.plan import Size, SourceRefused
from workers.transcode.screen import Screen
from workers.transcode.sound import SoundLine
from workers.transcode.source import Piece, Reader, Timed, Track

Progress = Callable[[float], None]
Watcher = Callable[[Sequence[VideoFrame], float], None]

EDGE_MS = 1.0  # places are rounded to this: a frame at an edge belongs to what begins there


class Ear(Protocol):
    """Something that takes sound."""

    def play(self, sound: AudioFrame) -> None: ...


@dataclass(frozen=True, slots=True)
class Span:
    """The part of a source that is made, in ms of the asset."""

    start_ms: float
    end_ms: float

    @property
    def length_ms(self) -> float:
        """How long it is."""
        return self.end_ms - self.start_ms


class Show:
    """Pictures on their way to the tracks, each scaled once for every size."""

    def __init__(self, tracks: Sequence[PictureTrack], begins_ms: float, watchers: Sequence[Watcher] = ()) -> None:
        self._tracks = tracks
        sizes = list(dict.fromkeys(Size(track.plan.width, track.plan.height) for track in tracks))
        self._places = [sizes.index(Size(track.plan.width, track.plan.height)) for track in tracks]
        self._screen = Screen(sizes)
        self._pace = FramePace(begins_ms=begins_ms)
        self._watchers = watchers
        self._shown: list[VideoFrame] = []

    @property
    def last_ms(self) -> float:
        """When the newest picture is shown; -1 before the first."""
        return self._pace.last_ms

    def add(self, at_ms: float, frame: VideoFrame, pixel_aspect: float) -> None:
        """Take a decoded picture."""
        self.repeat_until(at_ms)
        tick = self._pace.place(at_ms)
        if tick is None:
            return
        self._shown = self._screen.show(frame, pixel_aspect)
        for watch in self._watchers:
            watch(self._shown, tick.at_ms)
        self._show(tick)

    def repeat_until(self, at_ms: float) -> None:
        """The newest picture stands."""
        for tick in self._pace.repeats_until(at_ms):
            self._show(tick)

    def finish(self, end_ms: float) -> None:
        """The last picture stands to the end. Raises SourceRefused if there was none."""
        if not self._shown:
            raise SourceRefused("broken_source")
        self.repeat_until(end_ms)
        for track in self._tracks:
            track.finish(end_ms)

    def _show(self, tick: Tick) -> None:
        for track, place in zip(self._tracks, self._places, strict=True):
            track.show(self._shown[place], tick)


class Talk:
    """Sound on its way to whoever hears it."""

    def __init__(self, ears: Sequence[Ear], channels: int) -> None:
        self._ears = ears
        self._line = SoundLine(channels)

    @property
    def end_ms(self) -> float:
        """The end of the sound so far."""
        return self._line.end_ms

    def add(self, at_ms: float, frame: AudioFrame) -> None:
        """Take decoded sound."""
        self._play(self._line.add(at_ms, frame))

    def silence_until(self, at_ms: float) -> None:
        """Bring the sound up to a moment."""
        self._play(self._line.silence_until(at_ms))

    def finish(self, end_ms: float) -> None:
        """Silence goes on to the end."""
        self.silence_until(end_ms)
        self._play(self._line.rest())

    def _play(self, frames: Iterable[AudioFrame]) -> None:
        for frame in frames:
            for ear in self._ears:
                ear.play(frame)


def put_through(
    pieces: Sequence[Piece],
    span: Span,
    show: Show | None,
    talk: Talk | None,
    progress: Progress,
    begins_ms: float,
    threads: int = 1,
) -> None:
    """Decode a span, pictures with so many threads; what is at its start comes out at `begins_ms`.

    Raises SourceRefused.

    Picture and sound, where both are wanted, keep each other company through gaps.
    """
    tracks = frozenset(track for track, wanted in ((Track.VIDEO, show), (Track.AUDIO, talk)) if wanted is not None)
    shift_ms = begins_ms - span.start_ms
    for timed in _within(pieces, span, tracks, threads):
        at_ms = timed.at_ms + shift_ms
        if isinstance(timed.frame, VideoFrame):
            if show is not None:
                show.add(at_ms, timed.frame, timed.pixel_aspect)
                if talk is not None and at_ms - talk.end_ms > LARGEST_LAG_MS:
                    talk.silence_until(at_ms - LARGEST_LAG_MS / 2)
        elif talk is not None:
            talk.add(at_ms, timed.frame)
            if show is not None and show.last_ms >= 0 and at_ms - show.last_ms > LARGEST_LAG_MS:
                show.repeat_until(at_ms - LARGEST_LAG_MS / 2)
        progress(min(1.0, max(0.0, (timed.at_ms - span.start_ms) / span.length_ms)))
    if show is not None:
        show.finish(begins_ms + span.length_ms)
    if talk is not None:
        talk.finish(begins_ms + span.length_ms)


def _within(pieces: Sequence[Piece], span: Span, tracks: frozenset[Track], threads: int) -> Iterator[Timed]:
    start_ms, end_ms = span.start_ms - EDGE_MS, span.end_ms - EDGE_MS
    for piece in pieces:
        with Reader(piece, tracks, threads) as reader:
            waiting = reader.track_count
            seen_past: set[type] = set()
            for timed in reader.frames_from(span.start_ms):
                if timed.at_ms >= end_ms:
                    seen_past.add(type(timed.frame))
                    if len(seen_past) == waiting:
                        break
                elif timed.at_ms >= start_ms:
                    yield timed
