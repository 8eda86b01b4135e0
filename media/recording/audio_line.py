"""One unbroken line of sound: gaps become silence and overlaps are cut, so that every player keeps time."""

from __future__ import annotations

from media.recording.opus import SHORTEST_SAMPLES, packet_samples, silence
from media.recording.tracks import AUDIO_CLOCK, SECOND_NS, Sample

# A sound may stand this far from its true place before silence is put in or a packet is left out. Small steps
# (clock drift, a lip-sync correction) gather until then; 30 ms cannot be seen on lips.
LARGEST_SKEW_SAMPLES = AUDIO_CLOCK * 30 // 1000


class AudioLine:
    """Places Opus packets end to end from `start_ns` on."""

    def __init__(self, start_ns: int, channels: int) -> None:
        self._start_ns = start_ns
        self._channels = channels
        self._samples = 0

    @property
    def end_ns(self) -> int:
        """Where the next sound goes."""
        return self._start_ns + self._samples * SECOND_NS // AUDIO_CLOCK

    def add(self, at_ns: int, packet: bytes, after_loss: bool) -> list[Sample]:
        """The samples that bring `packet` to its place; none if that place is taken."""
        skew = (at_ns - self._start_ns) * AUDIO_CLOCK // SECOND_NS - self._samples
        if skew < -(LARGEST_SKEW_SAMPLES if self._samples else SHORTEST_SAMPLES):
            return []
        samples = []
        if skew > LARGEST_SKEW_SAMPLES or (after_loss and skew >= SHORTEST_SAMPLES):
            samples = self._fill(skew, after_loss)
        length = packet_samples(packet)
        samples.append(Sample("audio", self.end_ns, length, packet, True, False, None))
        self._samples += length
        return samples

    def fill_to(self, at_ns: int) -> list[Sample]:
        """Silence up to a moment, because no sound came."""
        missing = (at_ns - self._start_ns) * AUDIO_CLOCK // SECOND_NS - self._samples
        return self._fill(missing, False) if missing > LARGEST_SKEW_SAMPLES else []

    def _fill(self, missing: int, after_loss: bool) -> list[Sample]:
        samples = []
        for length, packet in silence(missing, self._channels):
            samples.append(Sample("audio", self.end_ns, length, packet, True, after_loss, None))
            self._samples += length
        return samples
