"""From decoded sound of any kind to a steady run of frames for AAC encoders: one rate, gaps filled with silence."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from workers.transcode.pace import SoundPace
from workers.transcode.plan import AUDIO_RATE, SAMPLES

FORMAT = "fltp"
SILENCE_PIECE = AUDIO_RATE  # long silences are made a second at a time
LAYOUTS = {1: "mono", 2: "stereo"}

_Look = tuple[int, str, str]


class SoundLine:
    """Frames of exactly SAMPLES samples, beginning at 0; a piece that comes twice is left out."""

    def __init__(self, channels: int) -> None:
        self._layout = LAYOUTS[channels]
        self._pace = SoundPace(AUDIO_RATE)
        self._fifo = AudioFifo()
        self._resampler: AudioResampler | None = None
        self._look: _Look | None = None
        self._frames_out = 0

    @property
    def end_ms(self) -> float:
        """The end of the sound so far."""
        return self._pace.end_ms

    def add(self, at_ms: float, frame: AudioFrame) -> Iterator[AudioFrame]:
        """Put sound in its place; what is whole comes out."""
        for piece in self._resample(frame):
            silence = self._pace.place(at_ms, piece.samples)
            at_ms += piece.samples * 1000.0 / AUDIO_RATE
            if silence is None:
                continue
            yield from self._silent(silence)
            piece.pts = None
            self._fifo.write(piece)
            yield from self._whole()

    def silence_until(self, at_ms: float) -> Iterator[AudioFrame]:
        """Bring the sound up to a moment."""
        yield from self._silent(self._pace.silence_until(at_ms))

    def rest(self) -> Iterator[AudioFrame]:
        """What is left at the end, filled up with silence."""
        if left := self._fifo.samples:
            yield from self._silent(SAMPLES - left)

    def _resample(self, frame: AudioFrame) -> list[AudioFrame]:
        look = (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._resampler is None or look != self._look:
            self._resampler = AudioResampler(FORMAT, self._layout, AUDIO_RATE)
            self._look = look
        frame.pts = None
        return self._resampler.resample(frame)

    def _silent(self, samples: int) -> Iterator[AudioFrame]:
        while samples > 0:
            count = min(samples, SILENCE_PIECE)
            silence = AudioFrame(FORMAT, self._layout, count)
            silence.sample_rate = AUDIO_RATE
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            self._fifo.write(silence)
            samples -= count
            yield from self._whole()

    def _whole(self) -> Iterator[AudioFrame]:
        while (frame := self._fifo.read(SAMPLES)) is not None:
            frame.pts = self._frames_out * SAMPLES
            frame.time_base = Fraction(1, AUDIO_RATE)
            self._frames_out += 1
            yield frame
