"""Where one recording of a sound lies in another: how loud both are, moment by moment, and where that agrees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

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


def loudness_line(pieces: Sequence[Piece], start_ms: float, end_ms: float) -> Line:
    """How loud the pieces are between two moments. Raises SourceRefused."""
    bins = max(1, round((end_ms - start_ms) / BIN_MS))
    energy, counts = np.zeros(bins), np.zeros(bins)
    for piece in pieces:
        with Reader(piece, frozenset({Track.AUDIO})) as reader:
            if reader.audio is None:
                continue
            resampler = AudioResampler("flt", "mono", RATE)
            for timed in reader.frames():
                if timed.at_ms >= end_ms:
                    break
                if isinstance(timed.frame, AudioFrame) and timed.at_ms > start_ms - 1000:
                    _add(energy, counts, timed.frame, timed.at_ms - start_ms, resampler)
    known = counts >= BIN_SAMPLES / 2
    line = np.full(bins, np.nan)
    line[known] = np.log10(energy[known] / counts[known] + QUIET)
    return line


def _add(energy: Line, counts: Line, frame: AudioFrame, at_ms: float, resampler: AudioResampler) -> None:
    frame.pts = None
    for piece in resampler.resample(frame):
        samples = piece.to_ndarray().ravel().astype(np.float64)
        places = np.floor((at_ms / BIN_MS) + np.arange(samples.size) / BIN_SAMPLES).astype(np.int64)
        inside = (places >= 0) & (places < energy.size)
        energy += np.bincount(places[inside], samples[inside] ** 2, energy.size)
        counts += np.bincount(places[inside], minlength=energy.size)
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
