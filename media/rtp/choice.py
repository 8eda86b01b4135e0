"""What a viewer may ask for, and what a stream has: the words that signalling and the hot path share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAIN_RID = "main"  # how pictures are called that a publisher sends without a rid: as one layer


class Mode(StrEnum):
    """How the pictures of a viewer are chosen."""

    AUTO = "auto"  # the best layer that his line carries
    LAYER = "layer"  # the layer that he named, whatever his line carries; while it is paused as in AUTO
    SLIDES = "slides"  # keyframes and sound, at most SLIDES_BITS_PER_SECOND
    AUDIO = "audio"  # sound alone


@dataclass(frozen=True, slots=True)
class Choice:
    """What a viewer asked for. Limits (pixels) hold in every mode that shows moving pictures; None: no limit."""

    mode: Mode = Mode.AUTO
    rid: str = ""  # of the wanted layer in Mode.LAYER
    max_width: int | None = None
    max_height: int | None = None


@dataclass(frozen=True, slots=True)
class LayerState:
    """One encoding of the published pictures as it is now. Width and height: 0 while unknown; bitrate 0: paused."""

    rid: str
    bits_per_second: int
    width: int
    height: int
