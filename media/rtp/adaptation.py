"""Which layer a viewer gets: by what he asked for, and by what his line carries. Pure; `now` in seconds, steady."""

from __future__ import annotations

from collections.abc import Sequence

from media.rtp.choice import Choice, LayerState, Mode
from media.rtp.opening import Opening
from media.rtp.probe import Probe

START_BITS_PER_SECOND = 1_000_000  # believed of a line of which nothing is known, and that can't be measured at once
SPARE = 1.1  # a layer may need so much more than was reported before it is given up: reports lag behind
CATCHES_UP = 2.0  # a line that carries so much more than a layer gets its kept group, else the next keyframe
FIT = 0.9  # and one must need so much less than was reported to be taken
FALLING = 0.97  # a report of so much less than the best one since: the line is full
BAD_LOSS = 0.10  # more, twice in a row, is congestion; less is repaired
FINE_LOSS = 0.02  # more than that of single packets is a bad line, congested or not
WORST_LOSS = 0.20  # more is congestion at once
SETTLE_SECONDS = 2.0  # after a change, until the next one upwards
FIRST_PATIENCE_SECONDS = 5.0  # before a better layer is looked for although nobody knows whether it fits
MOST_PATIENCE_SECONDS = 120.0
TRIAL_SECONDS = 15.0  # a better layer that held so long was no mistake
BAD_REPORTS = 2


class Adaptation:
    """One viewer's line as we see it, and the layer chosen for him.

    A receiver's estimate (REMB) grows little beyond what he is sent. So now and then more is sent, as repeats of what
    he has (`probe`), until his reports fall or a better layer is known to fit. Where that can't be done the better
    layer itself is tried. After each failure the next attempt is made only after twice the time.
    """

    __slots__ = (
        "_bad_reports",
        "_changed_at",
        "_loss",
        "_patience",
        "_peak",
        "_proven",
        "_reported",
        "_tried_at",
        "can_open",
        "can_probe",
        "catches_up",
        "opening",
        "probe",
    )

    def __init__(self) -> None:
        self.can_open = False  # he knows RTX, and is told when packets were sent: his reports come early
        self.can_probe = False  # he knows RTX
        self.catches_up = False  # on the layer that was chosen last: his line carries it twice
        self.opening: Opening | None = None  # his first second, in which better layers are tried
        self.probe: Probe | None = None  # what is tried on his line now
        self._reported: int | None = None
        self._peak = 0  # the best report since the last one that fell
        self._loss = 0.0
        self._proven = 0  # a probe showed that the line carries so much
        self._bad_reports = 0
        self._changed_at = float("-inf")
        self._patience = FIRST_PATIENCE_SECONDS
        self._tried_at: float | None = None

    @property
    def bits_per_second(self) -> int | None:
        """What his line carries, as far as is known."""
        return None if self._reported is None else max(self._reported, self._proven)

    def reported(self, bits_per_second: int, now: float) -> bool:
        """What the viewer says that his line carries (REMB). True when it is less, or the first word: choose anew."""
        self._reported = bits_per_second
        if bits_per_second >= self._peak * FALLING:
            self._peak = max(self._peak, bits_per_second)
            return self.opening is not None
        self._peak, self._proven = bits_per_second, 0
        self._give_up_probe(now)
        return True

    def lost(self, share: float, now: float) -> bool:
        """This share of the pictures' packets was measured as lost. True when it is too much: choose anew."""
        is_bad = share > BAD_LOSS
        self._bad_reports = self._bad_reports + 1 if is_bad else 0
        if share > WORST_LOSS:
            self._bad_reports = BAD_REPORTS
        if is_bad:
            self._proven = 0
            self._give_up_probe(now)
        return self._bad_reports >= BAD_REPORTS

    def rest(self) -> None:
        """What his line carries beyond the present is of no interest: end all attempts."""
        self.probe = self.opening = None

    def choose(
        self,
        layers: Sequence[LayerState],
        choice: Choice,
        current: str | None,
        besides: int,
        now: float,
        loss: float = 0.0,
    ) -> str:
        """The rid to send; `layers` are best first and not empty.

        `besides`: bits per second of the sound; `loss`: the share of packets that are to be sent twice.
        """
        self._loss, self.catches_up = loss, False
        if choice.mode is Mode.LAYER:
            named = next((layer for layer in layers if layer.rid == choice.rid), None)
            if named is not None and (named.bits_per_second or not any(layer.bits_per_second for layer in layers)):
                self.rest()
                return named.rid
        within = [layer for layer in layers if _is_within(layer, choice)] or [layers[-1]]
        flowing = [layer for layer in within if layer.bits_per_second > 0] or within
        place = next((at for at, layer in enumerate(flowing) if layer.rid == current), None)
        if place is None:
            self.rest()
            return self._start(flowing, besides, now)
        needed = [self._needed(layer, besides) for layer in flowing]
        if self._is_congested(needed[place]):
            place = self._lower(needed, place, now)
        elif place == 0:
            self.rest()
        elif self.opening is not None:
            place = self._open(needed, place, now)
        elif self._may_rise(needed, place, now):
            self.rest()
            place -= 1
            self._changed_at = self._tried_at = now
        if self._tried_at is not None and now - self._tried_at > TRIAL_SECONDS:
            self._tried_at, self._patience = None, FIRST_PATIENCE_SECONDS
        return flowing[place].rid

    def _start(self, layers: Sequence[LayerState], besides: int, now: float) -> str:
        self._changed_at = now
        carries = self.bits_per_second or START_BITS_PER_SECOND
        if not any(layer.bits_per_second for layer in layers):
            return layers[len(layers) // 2].rid  # nothing is measured yet
        if self.can_open and self._reported is None and len(layers) > 1:
            self.can_open = False  # he comes but once
            self.opening = Opening([self._needed(layer, besides) for layer in layers[:-1]], now)
            return layers[-1].rid
        return next((la.rid for la in layers if self._needed(la, besides) <= carries), layers[-1].rid)

    def _open(self, needed: Sequence[int], place: int, now: float) -> int:
        """The best layer that fits by his first report; without one he stays where he is."""
        carries = self.bits_per_second or 0
        better = next((at for at in range(place) if needed[at] <= carries * FIT), place)
        if better != place:
            self.opening = None
            self._changed_at = now
            self.catches_up = needed[better] * CATCHES_UP <= carries
        return better

    def _needed(self, layer: LayerState, besides: int) -> int:
        """Bits per second of the sound, the layer, and the repeats of what is lost of it."""
        return int(layer.bits_per_second * (1 + self._loss)) + besides

    def _is_congested(self, needed: int) -> bool:
        carries = self.bits_per_second
        return (carries is not None and needed > carries * SPARE) or self._bad_reports >= BAD_REPORTS

    def _lower(self, needed: Sequence[int], place: int, now: float) -> int:
        self.probe = None
        self._bad_reports = 0
        if place == len(needed) - 1:
            return place
        self._changed_at = now
        if self._tried_at is not None:
            self._tried_at = None
            self._failed()
        carries = self.bits_per_second or 0
        for lower in range(place + 1, len(needed)):
            if needed[lower] <= carries * FIT:
                return lower
        return len(needed) - 1 if carries else place + 1

    def _may_rise(self, needed: Sequence[int], place: int, now: float) -> bool:
        probe, carries = self.probe, self.bits_per_second
        fits = carries is not None and needed[place - 1] <= carries * FIT
        if probe is not None:
            if probe.has_held(now):
                self._proven, self._peak = probe.wanted, self._reported or 0
            elif probe.is_too_long(now):
                self._give_up_probe(now)
            elif not probe.has_begun:  # it waits for its turn: what it begins with is what is true then
                self.probe = Probe(needed[place], needed[place - 1])
            return fits or probe.has_held(now)
        waited = now - self._changed_at
        is_calm = waited >= self._patience or (carries is None and self._is_untried)
        if waited < SETTLE_SECONDS or self._loss > BAD_LOSS:
            return False
        if fits:
            return is_calm or self._patience == FIRST_PATIENCE_SECONDS
        has_room = carries is None or needed[place] <= carries * FIT
        if not has_room or not is_calm:
            return False
        if carries is None or not self.can_probe:
            return True
        self.probe = Probe(needed[place], needed[place - 1])
        return False

    @property
    def _is_untried(self) -> bool:
        """Nothing failed yet and hardly anything is lost: who says nothing of his line need not wait for long."""
        return self._patience == FIRST_PATIENCE_SECONDS and self._loss <= FINE_LOSS

    def _give_up_probe(self, now: float) -> None:
        if self.probe is not None:
            self.probe = None
            self._changed_at = now
            self._failed()

    def _failed(self) -> None:
        self._patience = min(2 * self._patience, MOST_PATIENCE_SECONDS)


def _is_within(layer: LayerState, choice: Choice) -> bool:
    is_narrow = choice.max_width is None or layer.width <= choice.max_width
    return is_narrow and (choice.max_height is None or layer.height <= choice.max_height)
