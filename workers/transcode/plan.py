"""What to make of a source: which sizes, how pictures are fitted into them, what is refused; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

KEYFRAME_EVERY_MS = 2000  # all renditions have theirs at the same moments, so that players switch there
FRAMES_PER_SECOND = 30  # more is dropped: it costs data and phones
LONGEST_SOURCE_MS = 6 * 3_600_000
MOST_PIXELS = 4096 * 2304  # larger pictures would take the memory of a small server
SMALLEST_SIDE = 16
RARE_SHARE = 0.1  # sizes seen less than this do not decide the ladder: a phone begins small
AUDIO_RATE = 48_000


class SourceRefused(Exception):
    """The source can't become an asset; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height as shown: upright, square pixels."""

    width: int
    height: int

    @property
    def short_side(self) -> int:
        """What the p in 720p counts, also for an upright phone."""
        return min(self.width, self.height)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What looking into a source told. `sizes` counts how often each picture size was seen."""

    duration_ms: int
    sizes: Mapping[Size, int]
    has_audio: bool
    channels: int = 0

    @property
    def has_video(self) -> bool:
        """Whether there are pictures."""
        return bool(self.sizes)


@dataclass(frozen=True, slots=True)
class Rung:
    """What a step of the ladder may cost: peak in bit/s, and its sound."""

    short_side: int
    video_bits: int
    audio_bits: int
    crf: int


@dataclass(frozen=True, slots=True)
class RenditionPlan:
    """One rendition to make. Without a size: sound alone."""

    name: str
    size: Size | None
    video_bits: int
    audio_bits: int
    crf: int
    channels: int  # 0: no sound

    @property
    def has_audio(self) -> bool:
        """Whether it has sound."""
        return self.channels > 0


RUNGS = {
    rung.short_side: rung
    for rung in (
        Rung(720, 1_800_000, 96_000, 24),
        Rung(480, 900_000, 96_000, 25),
        Rung(360, 500_000, 64_000, 26),
        Rung(240, 250_000, 48_000, 27),
        Rung(144, 120_000, 32_000, 28),
    )
}
# By the source's short side: 720 and 360 carry most viewers, 240 those on 3G.
LADDERS: Sequence[tuple[int, tuple[int, ...]]] = (
    (720, (720, 360, 240)),
    (480, (480, 240)),
    (360, (360, 240)),
    (240, (240, 144)),
)
AUDIO_ALONE_BITS = 64_000


def even(value: float) -> int:
    """The nearest even number, at least 2: 4:2:0 pictures have even sides."""
    return max(2, round(value / 2) * 2)


def upright(width: int, height: int, rotation: int, pixel_aspect: float = 1.0) -> Size:
    """How a picture is shown: turned by its rotation, its pixels made square."""
    shown = even(width * pixel_aspect) if pixel_aspect > 0 else width
    return Size(height, shown) if rotation % 180 else Size(shown, height)


def choose_canvas(sizes: Mapping[Size, int]) -> Size:
    """The shape of all renditions: the largest size that is not rare."""
    total = sum(sizes.values())
    common = [size for size, count in Counter(sizes).items() if count >= RARE_SHARE * total]
    return max(common, key=lambda size: (size.width * size.height, size.width))


def fit(inner: Size, canvas: Size) -> Size:
    """The largest even size with the inner shape that the canvas holds; the rest stays black."""
    scale = min(canvas.width / inner.width, canvas.height / inner.height)
    return Size(
        min(canvas.width, even(inner.width * scale)),
        min(canvas.height, even(inner.height * scale)),
    )


def scaled(canvas: Size, short_side: int) -> Size:
    """The canvas with another short side."""
    scale = short_side / canvas.short_side
    return Size(even(canvas.width * scale), even(canvas.height * scale))


def check(facts: SourceFacts) -> None:
    """Refuse what can't or must not be transcoded. Raises SourceRefused."""
    if not facts.has_video and not facts.has_audio:
        raise SourceRefused("not_a_video")
    if facts.duration_ms <= 0:
        raise SourceRefused("broken_source")
    if facts.duration_ms > LONGEST_SOURCE_MS:
        raise SourceRefused("too_long")
    for size in facts.sizes:
        if size.width * size.height > MOST_PIXELS:
            raise SourceRefused("too_large")
        if size.short_side < SMALLEST_SIDE:
            raise SourceRefused("broken_source")


def plan_ladder(facts: SourceFacts) -> tuple[RenditionPlan, ...]:
    """Two or three renditions, the largest first, none larger than the source. Raises SourceRefused."""
    check(facts)
    channels = min(2, facts.channels) if facts.has_audio else 0
    if not facts.has_video:
        return (RenditionPlan("audio", None, 0, AUDIO_ALONE_BITS, 0, channels),)
    canvas = choose_canvas(facts.sizes)
    for least, sides in LADDERS:
        if canvas.short_side >= least:
            return tuple(_rendition(canvas, side, RUNGS[side], channels) for side in sides)
    # A source smaller than all rungs keeps its own size, and gets a half of it.
    own = _rendition(canvas, even(canvas.short_side), RUNGS[240], channels)
    half = _rendition(canvas, even(canvas.short_side / 2), RUNGS[144], channels)
    return (own, half) if half.size != own.size else (own,)


def plan_clip(facts: SourceFacts) -> RenditionPlan:
    """One rendition that any phone plays, at most 480p. Raises SourceRefused."""
    check(facts)
    if not facts.has_video:
        raise SourceRefused("no_picture")
    canvas = choose_canvas(facts.sizes)
    side = min(480, even(canvas.short_side))
    return _rendition(canvas, side, RUNGS[480], min(2, facts.channels) if facts.has_audio else 0)


def _rendition(canvas: Size, short_side: int, rung: Rung, channels: int) -> RenditionPlan:
    size = scaled(canvas, short_side)
    return RenditionPlan(f"{size.short_side}p", size, rung.video_bits, rung.audio_bits, rung.crf, channels)
