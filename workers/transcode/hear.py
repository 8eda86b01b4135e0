"""Where one recording of a sound lies in another: how loud both are, moment by moment, and where that agrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from workers.transcode.run import Progress, Span
from workers.transcode.source import Piece, Reader, Track

Line = NDArray[np.float64]  # how loud it is in each bin, in bels; NaN where nothing is known

RATE = 16_000
BIN_MS = 5.0
BIN_SAMPLES = RATE * BIN_MS / 1000
MOST_LAG_MS = 2_000.0
LEAST_COMMON_MS = 1_000.0  # less sound in common proves nothing
LEAST_SPREAD = 0.3  # bels: a steady tone is equally loud everywhere and lies nowhere
LEAST_LIKENESS = 0.5
NEIGHBOUR_MS = 100.0  # a peak is this broad; another one as high, further away, says that the sound repeats itself
LEAST_LEAD = 0.05
QUIET = 1e-8  # below this all is silence


def loudness_line(pieces: Sequence[Piece], heard: Sequence[Span], tell: Progress) -> Line:
    """How loud the pieces are in some spans, from the first's start to the last's end. Raises SourceRefused."""
    start_ms, end_ms = heard[0].start_ms, heard[-1].end_ms
    bins = max(1, round((end_ms - start_ms) / BIN_MS))
    energy, counts = np.zeros(bins), np.zeros(bins)
    for piece in pieces:
        tell(0.0)
        for at_ms, samples in _Ear().listen(piece, end_ms):
            if any(span.start_ms < at_ms + samples.size * 1000 / RATE and at_ms < span.end_ms for span in heard):
                _add(energy, counts, samples, at_ms - start_ms)
    known = counts >= BIN_SAMPLES / 2
    line = np.full(bins, np.nan)
    line[known] = np.log10(energy[known] / counts[known] + QUIET)
    return line


def _add(energy: Line, counts: Line, samples: Line, at_ms: float) -> None:
    """Add sound to the bins in which it lies, and touch no others: a gap may have a hundred thousand of them."""
    places = np.floor((at_ms / BIN_MS) + np.arange(samples.size) / BIN_SAMPLES).astype(np.int64)
    inside = (places >= 0) & (places < energy.size)
    if not inside.any():
        return
    places, samples = places[inside], samples[inside]
    first = int(places[0])
    here = slice(first, int(places[-1]) + 1)
    energy[here] += np.bincount(places - first, samples**2)
    counts[here] += np.bincount(places - first)


class _Ear:
    """Hears a file as mono at one rate, also one whose sound changes its rate or channels within it."""

    def __init__(self) -> None:
        self._resampler: AudioResampler | None = None
        self._look: tuple[int, str, str] | None = None

    def listen(self, piece: Piece, end_ms: float) -> Iterator[tuple[float, Line]]:
        """Samples and where they begin, until a moment. Raises SourceRefused."""
        with Reader(piece, frozenset({Track.AUDIO})) as reader:
            if reader.audio is None:
                return
            for timed in reader.frames():
                if timed.at_ms >= end_ms:
                    return
                if isinstance(timed.frame, AudioFrame):
                    yield from self._resample(timed.frame, timed.at_ms)

    def _resample(self, frame: AudioFrame, at_ms: float) -> Iterator[tuple[float, Line]]:
        look = (frame.sample_rate, frame.format.name, frame.layout.name)
        if self._resampler is None or look != self._look:
            self._resampler = AudioResampler("flt", "mono", RATE)
            self._look = look
        frame.pts = None
        for piece in self._resampler.resample(frame):
            samples = piece.to_ndarray().ravel().astype(np.float64)
            yield at_ms, samples
            at_ms += samples.size * 1000 / RATE


def find_lag(heard: Line, recorded: Line) -> float | None:
    """By how many ms `heard` must be moved to lie where `recorded` has the same; None: nobody can tell."""
    most = round(MOST_LAG_MS / BIN_MS)
    lags = np.arange(-most, most + 1)
    likeness = np.array([_likeness(heard, recorded, int(lag)) for lag in lags])
    best = int(np.argmax(likeness))
    apart = np.abs(lags - lags[best]) > NEIGHBOUR_MS / BIN_MS
    if likeness[best] < LEAST_LIKENESS or likeness[best] - likeness[apart].max(initial=-1.0) < LEAST_LEAD:
        return None
    return float(lags[best] * BIN_MS)


def _likeness(heard: Line, recorded: Line, lag: int) -> float:
    """Pearson's correlation of what both know at this lag; -1 if that is too little."""
    begin, end = max(0, lag), min(recorded.size, heard.size + lag)
    if end <= begin:
        return -1.0
    ours, theirs = heard[begin - lag : end - lag], recorded[begin:end]
    both = ~(np.isnan(ours) | np.isnan(theirs))
    ours, theirs = ours[both], theirs[both]
    if ours.size * BIN_MS < LEAST_COMMON_MS or min(ours.std(), theirs.std()) < LEAST_SPREAD:
        return -1.0
    return float(np.corrcoef(ours, theirs)[0, 1])
