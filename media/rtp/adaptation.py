"""Which layer a viewer gets: by what he asked for, and by what his line carries. Pure; `now` in seconds, steady."""

from __future__ import annotations

from collections.abc import Sequence

from media.rtp.choice import Choice, LayerState, Mode

START_BITS_PER_SECOND = 1_000_000  # believed of a line of which nothing is known yet
SPARE = 1.1  # a layer may need so much more than was reported before it is given up: reports lag behind
FIT = 0.9  # and one must need so much less than was reported to be taken
BAD_LOSS = 0.10  # more is congestion; less is repaired
FINE_LOSS = 0.03
BAD_REPORTS = 2  # in a row before loss counts
SETTLE_SECONDS = 2.0  # after a change, until the next one upwards
FIRST_PATIENCE_SECONDS = 5.0  # before a better layer is tried although nobody knows whether it fits
MOST_PATIENCE_SECONDS = 120.0
TRIAL_SECONDS = 15.0  # a better layer that held so long was no mistake


class Adaptation:
    """One viewer's line as we see it, and the layer chosen for him.

    A receiver's estimate (REMB) grows little beyond what he is sent, so a better layer is sometimes tried: at first
    after FIRST_PATIENCE_SECONDS, and after each failure only twice as long later.
    """

    __slots__ = ("_bad_reports", "_changed_at", "_loss", "_patience", "_tried_at", "bits_per_second")

    def __init__(self) -> None:
        self.bits_per_second: int | None = None  # what the viewer says that his line carries
        self._loss = 0.0
        self._bad_reports = 0
        self._changed_at = float("-inf")
        self._patience = FIRST_PATIENCE_SECONDS
        self._tried_at: float | None = None

    def lost(self, fraction: float) -> None:
        """A receiver report about pictures: this share did not arrive (repeats of a packet are not seen in it)."""
        self._loss = fraction
        self._bad_reports = self._bad_reports + 1 if fraction > BAD_LOSS else 0

    def choose(
        self, layers: Sequence[LayerState], choice: Choice, current: str | None, besides: int, now: float
    ) -> str:
        """The rid to send; `layers` are best first and not empty. `besides`: bits per second of the sound."""
        if choice.mode is Mode.LAYER:
            named = [layer.rid for layer in layers if layer.rid == choice.rid]
            if named:
                return named[0]
        within = [layer for layer in layers if _is_within(layer, choice)] or [layers[-1]]
        flowing = [layer for layer in within if layer.bits_per_second > 0] or within
        place = next((at for at, layer in enumerate(flowing) if layer.rid == current), None)
        if place is None:
            return self._start(flowing, besides, now)
        if self._is_congested(flowing[place].bits_per_second + besides):
            place = self._lower(flowing, place, besides, now)
        elif place > 0 and self._may_rise(flowing, place, besides, now):
            place -= 1
            self._changed_at = now
        if self._tried_at is not None and now - self._tried_at > TRIAL_SECONDS:
            self._tried_at, self._patience = None, FIRST_PATIENCE_SECONDS
        return flowing[place].rid

    def _start(self, layers: Sequence[LayerState], besides: int, now: float) -> str:
        self._changed_at = now
        carries = self.bits_per_second or START_BITS_PER_SECOND
        if not any(layer.bits_per_second for layer in layers):
            return layers[len(layers) // 2].rid  # nothing is measured yet
        return next((la.rid for la in layers if la.bits_per_second + besides <= carries), layers[-1].rid)

    def _is_congested(self, needed: int) -> bool:
        is_slow = self.bits_per_second is not None and needed > self.bits_per_second * SPARE
        return is_slow or self._bad_reports >= BAD_REPORTS

    def _lower(self, layers: Sequence[LayerState], place: int, besides: int, now: float) -> int:
        if place == len(layers) - 1:
            return place
        self._bad_reports = 0
        self._changed_at = now
        if self._tried_at is not None:
            self._tried_at = None
            self._patience = min(2 * self._patience, MOST_PATIENCE_SECONDS)
        carries = self.bits_per_second or 0
        for lower in range(place + 1, len(layers)):
            if layers[lower].bits_per_second + besides <= carries * FIT:
                return lower
        return len(layers) - 1 if carries else place + 1

    def _may_rise(self, layers: Sequence[LayerState], place: int, besides: int, now: float) -> bool:
        waited = now - self._changed_at
        if waited < SETTLE_SECONDS or self._loss > FINE_LOSS:
            return False
        carries = self.bits_per_second
        if carries is not None and layers[place - 1].bits_per_second + besides <= carries * FIT:
            return True
        has_room = carries is None or layers[place].bits_per_second + besides <= carries * FIT
        if not has_room or waited < self._patience:
            return False
        self._tried_at = now
        return True


def _is_within(layer: LayerState, choice: Choice) -> bool:
    is_narrow = choice.max_width is None or layer.width <= choice.max_width
    return is_narrow and (choice.max_height is None or layer.height <= choice.max_height)
