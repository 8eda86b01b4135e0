"""What is made of a source."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.transcode.plan import (
    LONGEST_SOURCE_MS,
    Size,
    SourceFacts,
    SourceRefused,
    choose_canvas,
    fit,
    plan_clip,
    plan_ladder,
    upright,
)

SIZES = st.builds(Size, st.integers(16, 4000), st.integers(16, 2000))


def make_facts(width: int = 1280, height: int = 720, *, duration_ms: int = 60_000, channels: int = 2) -> SourceFacts:
    return SourceFacts(duration_ms, {Size(width, height): 30}, channels > 0, channels)


@pytest.mark.parametrize(
    ("width", "height", "names"),
    [
        (1920, 1080, ["720p", "360p", "240p"]),
        (1280, 720, ["720p", "360p", "240p"]),
        (720, 1280, ["720p", "360p", "240p"]),
        (854, 480, ["480p", "240p"]),
        (640, 360, ["360p", "240p"]),
        (320, 240, ["240p", "144p"]),
        (160, 120, ["120p", "60p"]),
        (641, 361, ["360p", "240p"]),
    ],
)
def test_the_ladder_of_a_source(width: int, height: int, names: list[str]) -> None:
    assert [rendition.name for rendition in plan_ladder(make_facts(width, height))] == names


@given(SIZES)
def test_renditions_are_even_and_no_larger_than_the_source(size: Size) -> None:
    renditions = plan_ladder(make_facts(size.width, size.height))
    sizes = [rendition.size for rendition in renditions]
    assert len({rendition.name for rendition in renditions}) == len(renditions)
    for made in sizes:
        assert made is not None
        assert made.width % 2 == 0
        assert made.height % 2 == 0
        assert made.short_side <= size.short_side + 1
    assert len(sizes) >= 2


@given(SIZES, SIZES)
def test_a_fitted_picture_lies_inside_its_canvas_and_touches_two_sides(inner: Size, canvas: Size) -> None:
    even_canvas = Size(canvas.width // 2 * 2, canvas.height // 2 * 2)
    fitted = fit(inner, even_canvas)
    assert fitted.width <= even_canvas.width
    assert fitted.height <= even_canvas.height
    assert fitted.width >= even_canvas.width - 2 or fitted.height >= even_canvas.height - 2


def test_a_phone_that_began_small_gets_the_ladder_of_its_usual_size() -> None:
    assert choose_canvas({Size(320, 180): 2, Size(1280, 720): 50}) == Size(1280, 720)
    assert choose_canvas({Size(640, 360): 50, Size(1280, 720): 2}) == Size(640, 360)


def test_a_turned_phone_is_planned_upright() -> None:
    assert upright(1280, 720, 90) == upright(1280, 720, -90) == upright(1280, 720, 270) == Size(720, 1280)
    assert upright(1280, 720, 180) == Size(1280, 720)
    assert upright(720, 576, 0, 16 / 11) == Size(1048, 576)


def test_sound_alone_is_one_rendition_without_a_size() -> None:
    (rendition,) = plan_ladder(SourceFacts(5000, {}, True, 1))
    assert (rendition.name, rendition.size, rendition.channels) == ("audio", None, 1)


def test_six_channels_become_two_and_none_stay_none() -> None:
    assert {rendition.channels for rendition in plan_ladder(make_facts(channels=6))} == {2}
    assert not any(rendition.has_audio for rendition in plan_ladder(make_facts(channels=0)))


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (SourceFacts(5000, {}, False), "not_a_video"),
        (make_facts(duration_ms=0), "broken_source"),
        (make_facts(duration_ms=LONGEST_SOURCE_MS + 1), "too_long"),
        (make_facts(7680, 4320), "too_large"),
        (make_facts(8, 8), "broken_source"),
    ],
)
def test_what_is_refused(facts: SourceFacts, code: str) -> None:
    with pytest.raises(SourceRefused, match=code):
        plan_ladder(facts)


def test_a_clip_is_one_rendition_of_at_most_480() -> None:
    assert plan_clip(make_facts(1280, 720)).name == "480p"
    assert plan_clip(make_facts(320, 240)).name == "240p"
    with pytest.raises(SourceRefused, match="no_picture"):
        plan_clip(SourceFacts(5000, {}, True, 1))
