"""How loud a video is (EBU R128), the gain that makes all equally loud, and the shape of its sound for the eye."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from av.filter.context import FilterContext

from workers.transcode.plan import AUDIO_RATE
from workers.transcode.run import Ear
from workers.transcode.sound import FORMAT, LAYOUTS

TARGET_LUFS = -16.0  # what phones are made for; -23, the broadcasters' own target, is too soft for their speakers
SILENT_LUFS = -60.0  # nothing to make louder
MOST_GAIN_DB, LEAST_GAIN_DB = 20.0, -20.0
CEILING = 0.79  # -2 dB of samples keeps true peaks below -1 dB
PEAKS = 1000  # of the waveform, however long
LOUDNESS_KEY = "lavfi.r128.I"


class Meter:
    """Hears a video once."""

    def __init__(self, channels: int) -> None:
        self._graph, self._source, self._sink = _graph(channels, [("ebur128", "metadata=1")])
        self._loudness = -math.inf
        self._peaks: list[float] = []

    def play(self, sound: AudioFrame) -> None:
        """Hear sound."""
        self._peaks.append(float(np.abs(sound.to_ndarray()).max(initial=0.0)))
        self._source.push(sound)
        for measured in _pull(self._sink):
            value = measured.metadata.get(LOUDNESS_KEY)
            if value is not None:
                self._loudness = float(value)

    @property
    def loudness_lufs(self) -> float | None:
        """How loud all of it is together; None: it is silent."""
        return self._loudness if self._loudness > SILENT_LUFS else None

    @property
    def gain_db(self) -> float:
        """What brings it to the target."""
        if self.loudness_lufs is None:
            return 0.0
        return min(MOST_GAIN_DB, max(LEAST_GAIN_DB, TARGET_LUFS - self.loudness_lufs))

    def write_waveform(self, path: Path, duration_ms: float) -> None:
        """The loudest sample, 0 to 100, of each of so many stretches of equal length."""
        of_stretch = max(1, math.ceil(len(self._peaks) / PEAKS))
        gain = 10 ** (self.gain_db / 20)
        peaks = [
            min(100, round(100 * gain * max(self._peaks[at : at + of_stretch])))
            for at in range(0, len(self._peaks), of_stretch)
        ]
        path.write_text(json.dumps({"duration_ms": round(duration_ms), "peaks": peaks}, separators=(",", ":")))


class Leveller:
    """Passes sound on with a gain; what would become too loud is held below the ceiling."""

    def __init__(self, ears: list[Ear], channels: int, gain_db: float) -> None:
        self._ears = ears
        limiter = f"level_in={10 ** (gain_db / 20):.4f}:limit={CEILING}:level=false:latency=true:attack=5:release=50"
        self._graph, self._source, self._sink = _graph(channels, [("alimiter", limiter)])

    def play(self, sound: AudioFrame) -> None:
        """Pass sound on."""
        self._source.push(sound)
        self._pass_on()

    def finish(self) -> None:
        """Pass on what the limiter still holds."""
        self._source.push(None)
        self._pass_on()

    def _pass_on(self) -> None:
        for frame in _pull(self._sink):
            for ear in self._ears:
                ear.play(frame)


def _graph(channels: int, filters: list[tuple[str, str]]) -> tuple[Graph, FilterContext, FilterContext]:
    graph = Graph()
    source = at = graph.add_abuffer(sample_rate=AUDIO_RATE, format=FORMAT, layout=LAYOUTS[channels])
    for name, arguments in [*filters, ("aformat", f"sample_fmts={FORMAT}:channel_layouts={LAYOUTS[channels]}")]:
        following = graph.add(name, arguments)
        at.link_to(following)
        at = following
    sink = graph.add("abuffersink")
    at.link_to(sink)
    graph.configure()
    return graph, source, sink


def _pull(sink: FilterContext) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = sink.pull()
        except (BlockingIOError, EOFError):  # it wants more first; it has given all
            return
        if isinstance(frame, AudioFrame):
            yield frame
