"""When frames are shown and sounds are heard in the output: gaps filled, floods thinned, keyframes in step; pure."""

from __future__ import annotations

from dataclasses import dataclass

from workers.transcode.plan import FRAMES_PER_SECOND, KEYFRAME_EVERY_MS

REPEAT_AFTER_MS = 1000.0  # a still picture is shown again this often, so that no segment grows long
JITTER_SHARE = 0.75  # frames of a 30-per-second source come up to a quarter too early
LIP_SYNC_MS = 40.0  # sound this far from its place is moved; less is not noticed
LARGEST_LAG_MS = 5000.0  # one track is this far behind the other only if it is missing there


@dataclass(frozen=True, slots=True)
class Tick:
    """One frame to encode: when, and whether as a keyframe."""

    at_ms: float
    is_key: bool


class FramePace:
    """Decides at which moments pictures are encoded. The first is shown from `begins_ms` on."""

    def __init__(
        self,
        frames_per_second: float = FRAMES_PER_SECOND,
        keyframe_every_ms: float = KEYFRAME_EVERY_MS,
        repeat_after_ms: float = REPEAT_AFTER_MS,
        begins_ms: float = 0.0,
    ) -> None:
        self._begins_ms = begins_ms
        self._least_gap_ms = 1000.0 / frames_per_second * JITTER_SHARE
        self._keyframe_every_ms = keyframe_every_ms
        self._repeat_after_ms = repeat_after_ms
        self._last_ms: float | None = None
        self._next_key_ms = begins_ms

    @property
    def last_ms(self) -> float:
        """When the newest frame is shown; -1 before the first."""
        return -1.0 if self._last_ms is None else self._last_ms

    def place(self, at_ms: float) -> Tick | None:
        """Where a new picture goes; None: it comes too close to the one before."""
        if self._last_ms is None:
            return self._tick(self._begins_ms)
        if at_ms - self._last_ms < self._least_gap_ms:
            return None
        return self._tick(at_ms)

    def repeats_until(self, at_ms: float) -> list[Tick]:
        """When the newest picture is shown again, if nothing else is shown before `at_ms`."""
        ticks: list[Tick] = []
        while self._last_ms is not None and at_ms - self._last_ms > self._repeat_after_ms:
            ticks.append(self._tick(self._last_ms + self._repeat_after_ms))
        return ticks

    def _tick(self, at_ms: float) -> Tick:
        is_key = at_ms >= self._next_key_ms
        if is_key:
            rounds = (at_ms - self._begins_ms) // self._keyframe_every_ms + 1
            self._next_key_ms = self._begins_ms + rounds * self._keyframe_every_ms
        self._last_ms = at_ms
        return Tick(at_ms, is_key)


class SoundPace:
    """Decides what silence goes before a piece of sound, and which pieces are left out because they come twice."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._samples = 0

    @property
    def end_ms(self) -> float:
        """The end of the sound so far."""
        return self._samples * 1000.0 / self._rate

    def place(self, at_ms: float, samples: int) -> int | None:
        """Samples of silence before this piece; None: leave it out."""
        away_ms = at_ms - self.end_ms
        if away_ms < -LIP_SYNC_MS:
            return None
        silence = round(away_ms * self._rate / 1000) if away_ms > LIP_SYNC_MS else 0
        self._samples += silence + samples
        return silence

    def silence_until(self, at_ms: float) -> int:
        """Samples of silence that bring the sound up to a moment."""
        silence = max(0, round(at_ms * self._rate / 1000) - self._samples)
        self._samples += silence
        return silence
