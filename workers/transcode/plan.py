"""What to make of a source: which sizes, how pictures are fitted into them, what is refused; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from server.recordings.ladder import Ladder, PicturePlan, SoundPlan
from server.recordings.take import Take, Timeline

KEYFRAME_EVERY_MS = 4000  # all renditions have theirs at the same moments, so that players switch there
FRAMES_PER_SECOND = 30  # more is dropped: it costs data and phones
LONGEST_SOURCE_MS = 6 * 3_600_000
MOST_PIXELS = 4096 * 2304  # larger pictures would take the memory of a small server
SMALLEST_SIDE = 16
RARE_SHARE = 0.1  # sizes seen less than this do not decide the ladder: a phone begins small
SHARE_OF_REST = 1 / 4  # of a source that is not cut yet: as if four workers shared it
TAKES_CHANNELS = 2  # a take does not say; who speaks into one microphone costs no more in two
AUDIO_RATE = 48_000
SAMPLES = 1024  # of one AAC frame
PLAYLIST = "index.m3u8"
AROUND_MS = 12_000.0  # so much sound before and after a gap is compared: a file of the host's is ten seconds long


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
    """What looking into a source told. `sizes` weighs each picture size by how often it was seen; `keyframes_ms`:
    where decoding can begin."""

    duration_ms: float
    sizes: Mapping[Size, float]
    has_audio: bool
    channels: int = 0
    keyframes_ms: Sequence[float] = ()

    @property
    def has_video(self) -> bool:
        """Whether there are pictures."""
        return bool(self.sizes)


@dataclass(frozen=True, slots=True)
class Rung:
    """What a step of the ladder may cost at its peak, in bit/s, and the sound that goes with it."""

    short_side: int
    bits: int
    crf: int
    sound: str


LOW, MEDIUM, HIGH = "low", "medium", "high"
SOUND_BITS = {LOW: 22_000, MEDIUM: 48_000, HIGH: 96_000}
RUNGS = (
    Rung(720, 1_800_000, 24, HIGH),
    Rung(480, 800_000, 25, HIGH),
    Rung(360, 400_000, 26, MEDIUM),
    Rung(240, 180_000, 27, MEDIUM),
    Rung(144, 80_000, 28, LOW),
)
ALWAYS = (720, 360, 240, 144)  # 480 only where it is the best that a source has
# Sound with a picture now and then, for those who have 30 kbit/s.
SLIDES, SLIDE_EVERY_MS, SLIDE_BITS, SLIDE_CRF, SLIDE_SIDE = "slides", 12_000, 6_500, 30, 240
THUMBS = 120  # small pictures for the seek bar, of a short video fewer
LEAST_THUMB_MS = 2_000


def even(value: float) -> int:
    """The nearest even number, at least 2: 4:2:0 pictures have even sides."""
    return max(2, round(value / 2) * 2)


def upright(width: int, height: int, rotation: int, pixel_aspect: float = 1.0) -> Size:
    """How a picture is shown: turned by its rotation, its pixels made square."""
    shown = even(width * pixel_aspect) if pixel_aspect > 0 else width
    return Size(height, shown) if rotation % 180 else Size(shown, height)


def facts_of(take: Take) -> SourceFacts:
    """What a take says of itself: nothing of it needs to be read."""
    timeline = Timeline(take.parts)
    sizes: Counter[Size] = Counter()
    keyframes_ms: list[float] = []
    for part in take.parts:
        run = take.runs[part.run]
        if run.video_codec and run.width and run.height:
            sizes[upright(run.width, run.height, 0)] += round(part.duration_ms) + 1
            if part.keyframe:
                keyframes_ms.append(timeline.replay_time(part.start_ms))
    has_audio = any(take.runs[part.run].audio_codec for part in take.parts)
    length_ms = sum(part.duration_ms for part in take.parts)
    return SourceFacts(length_ms, dict(sizes), has_audio, TAKES_CHANNELS if has_audio else 0, keyframes_ms)


def choose_canvas(sizes: Mapping[Size, float]) -> Size:
    """The shape of all renditions: the largest size that is not rare."""
    total = sum(sizes.values())
    common = [size for size, count in sizes.items() if count >= RARE_SHARE * total]
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


def check_length(duration_ms: float) -> None:
    """Refuse what is too long. Raises SourceRefused."""
    if duration_ms > LONGEST_SOURCE_MS:
        raise SourceRefused("too_long")


def check(facts: SourceFacts) -> None:
    """Refuse what can't or must not be transcoded. Raises SourceRefused."""
    if not facts.has_video and not facts.has_audio:
        raise SourceRefused("not_a_video")
    if facts.duration_ms <= 0:
        raise SourceRefused("broken_source")
    check_length(facts.duration_ms)
    for size in facts.sizes:
        if size.width * size.height > MOST_PIXELS:
            raise SourceRefused("too_large")
        if size.short_side < SMALLEST_SIDE:
            raise SourceRefused("broken_source")


def plan_ladder(facts: SourceFacts, chunk_ms: float) -> Ladder:
    """All renditions, none larger than the source, and where it is cut. Raises SourceRefused."""
    check(facts)
    if not facts.has_video:
        return Ladder(duration_ms=facts.duration_ms, sounds=_sounds((MEDIUM, LOW), facts.channels))
    canvas = choose_canvas(facts.sizes)
    pictures = _pictures(canvas)
    if not facts.has_audio:
        pictures = tuple(plan.model_copy(update={"sound": None}) for plan in pictures)
    names = tuple(dict.fromkeys(plan.sound for plan in pictures if plan.sound))
    thumb_ms = -(-facts.duration_ms // (THUMBS * 1000)) * 1000
    return Ladder(
        duration_ms=facts.duration_ms,
        pictures=pictures,
        sounds=_sounds(names, facts.channels),
        cuts=choose_cuts(facts.keyframes_ms, facts.duration_ms, chunk_ms),
        thumb_every_ms=max(LEAST_THUMB_MS, round(thumb_ms)),
    )


def choose_cuts(keyframes_ms: Sequence[float], duration_ms: float, chunk_ms: float) -> tuple[float, ...]:
    """Where chunks begin: at keyframes, none shorter than a quarter of `chunk_ms`, few longer than it.

    Towards the end a chunk is a share of what is left (Polychronopoulos and Kuck, guided self-scheduling, 1987), down
    to half of `chunk_ms`: workers that take one chunk after another then end at nearly the same moment. The first
    chunk has the first keyframe wherever that is, so that no chunk is without pictures.
    """
    cuts = [0.0]
    for at_ms, next_ms in pairwise([*keyframes_ms[1:], duration_ms]):
        wanted_ms = min(chunk_ms, max(chunk_ms / 2, (duration_ms - cuts[-1]) * SHARE_OF_REST))
        would_be_long = next_ms - cuts[-1] > wanted_ms
        is_short = at_ms - cuts[-1] < wanted_ms / 2 or duration_ms - at_ms < chunk_ms / 4
        if would_be_long and not is_short:
            cuts.append(at_ms)
    return tuple(cuts)


def plan_clip(facts: SourceFacts) -> tuple[PicturePlan, SoundPlan | None]:
    """One rendition that any phone plays, at most 480p. Raises SourceRefused."""
    return _one_size(facts, next(rung for rung in RUNGS if rung.short_side == 480))


def plan_fill(facts: SourceFacts) -> tuple[PicturePlan, SoundPlan | None]:
    """One rendition as good as the ladder's best, which is made of it. Raises SourceRefused."""
    return _one_size(facts, RUNGS[0])


def _one_size(facts: SourceFacts, rung: Rung) -> tuple[PicturePlan, SoundPlan | None]:
    check(facts)
    if not facts.has_video:
        raise SourceRefused("no_picture")
    canvas = choose_canvas(facts.sizes)
    side = min(rung.short_side, even(canvas.short_side))
    sounds = _sounds((HIGH,), facts.channels) if facts.has_audio else ()
    return _picture(canvas, side, rung), sounds[0] if sounds else None


def _pictures(canvas: Size) -> tuple[PicturePlan, ...]:
    side = canvas.short_side
    fitting = [rung for rung in RUNGS if rung.short_side <= side]
    best = fitting[:1]
    chosen = best + [rung for rung in fitting[1:] if rung.short_side in ALWAYS]
    plans = [_picture(canvas, rung.short_side, rung) for rung in chosen]
    if not plans or (plans[0].name == f"{RUNGS[-1].short_side}p" and even(side) > RUNGS[-1].short_side):
        # A source between or below the smallest rungs keeps its own size.
        plans.insert(0, _picture(canvas, even(side), RUNGS[-2] if plans else RUNGS[-1]))
    largest_for_slides = next((plan for plan in plans if min(plan.width, plan.height) <= SLIDE_SIDE), plans[-1])
    slides = largest_for_slides.model_copy(
        update={"name": SLIDES, "bits": SLIDE_BITS, "crf": SLIDE_CRF, "every_ms": SLIDE_EVERY_MS, "sound": LOW}
    )
    return (*plans, slides)


def _picture(canvas: Size, short_side: int, rung: Rung) -> PicturePlan:
    size = scaled(canvas, short_side)
    return PicturePlan(
        name=f"{size.short_side}p",
        width=size.width,
        height=size.height,
        bits=rung.bits,
        crf=rung.crf,
        sound=rung.sound,
    )


def _sounds(names: Sequence[str], channels: int) -> tuple[SoundPlan, ...]:
    """Two channels only where there are two and bits enough for them."""
    return tuple(
        SoundPlan(name=name, bits=SOUND_BITS[name], channels=2 if name == HIGH and channels > 1 else 1)
        for name in names
    )
