"""What is made of a source, and where it is cut."""

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
    choose_cuts,
    fit,
    plan_clip,
    plan_ladder,
    upright,
)

SIZES = st.builds(Size, st.integers(16, 4000), st.integers(16, 2000))


def make_facts(width: int = 1280, height: int = 720, *, duration_ms: int = 60_000, channels: int = 2) -> SourceFacts:
    return SourceFacts(duration_ms, {Size(width, height): 30}, channels > 0, channels)


CHUNK_MS = 30_000


@pytest.mark.parametrize(
    ("width", "height", "names"),
    [
        (1920, 1080, ["720p", "360p", "240p", "144p", "slides"]),
        (1280, 720, ["720p", "360p", "240p", "144p", "slides"]),
        (720, 1280, ["720p", "360p", "240p", "144p", "slides"]),
        (854, 480, ["480p", "360p", "240p", "144p", "slides"]),
        (640, 360, ["360p", "240p", "144p", "slides"]),
        (320, 240, ["240p", "144p", "slides"]),
        (320, 180, ["180p", "144p", "slides"]),
        (160, 120, ["120p", "slides"]),
        (641, 361, ["360p", "240p", "144p", "slides"]),
    ],
)
def test_the_ladder_of_a_source(width: int, height: int, names: list[str]) -> None:
    assert [plan.name for plan in plan_ladder(make_facts(width, height), CHUNK_MS).pictures] == names


def test_the_rural_rungs_cost_what_was_promised() -> None:
    ladder = plan_ladder(make_facts(), CHUNK_MS)
    bits = {plan.name: plan.bits for plan in ladder.pictures}
    assert (bits["144p"], bits["240p"], bits["360p"]) == (80_000, 180_000, 400_000)
    sounds = {sound.name: sound.bits for sound in ladder.sounds}
    slides = ladder.pictures[-1]
    assert slides.bits + sounds[slides.sound or ""] <= 29_000  # and what their containers take


@given(SIZES)
def test_renditions_are_even_and_no_larger_than_the_source(size: Size) -> None:
    plans = plan_ladder(make_facts(size.width, size.height), CHUNK_MS).pictures
    assert len({plan.name for plan in plans}) == len(plans)
    for plan in plans:
        assert plan.width % 2 == 0
        assert plan.height % 2 == 0
        assert min(plan.width, plan.height) <= size.short_side + 1


@given(st.lists(st.floats(400, 20_000), min_size=1, max_size=200), st.floats(1000, 60_000))
def test_chunks_begin_at_keyframes_and_none_but_the_only_one_is_short(steps: list[float], chunk_ms: float) -> None:
    # given
    keyframes = [sum(steps[:number]) for number in range(len(steps))]
    duration_ms = sum(steps)

    # when
    cuts = choose_cuts(keyframes, duration_ms, chunk_ms)

    # then
    assert cuts[0] == 0.0
    assert set(cuts[1:]) <= set(keyframes[1:])
    lengths = [end - start for start, end in zip(cuts, [*cuts[1:], duration_ms], strict=True)]
    assert len(lengths) == 1 or min(lengths) >= chunk_ms / 4 - 0.001
    # A chunk is only as long as keyframes leave it no choice.
    assert max(lengths) <= 1.5 * chunk_ms + 2 * max(steps) + 0.001


def test_the_last_chunks_are_half_as_long_so_that_workers_end_together() -> None:
    # given
    keyframes = [second * 1000.0 for second in range(0, 600, 2)]

    # when
    cuts = choose_cuts(keyframes, 600_000.0, 30_000.0)

    # then
    lengths = [(end - start) / 1000 for start, end in zip(cuts, [*cuts[1:], 600_000.0], strict=True)]
    assert lengths == [30] * 17 + [22, 16, 14, 14, 14, 10]


def test_no_chunk_is_without_pictures_where_they_come_late() -> None:
    assert choose_cuts([50_000.0, 80_000.0], 100_000.0, 20_000.0) == (0.0, 80_000.0)


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
    ladder = plan_ladder(SourceFacts(5000, {}, True, 1), CHUNK_MS)
    assert (ladder.pictures, ladder.spans) == ((), [])
    assert [(sound.name, sound.channels) for sound in ladder.sounds] == [("medium", 1), ("low", 1)]


def test_six_channels_become_two_and_none_stay_none() -> None:
    assert plan_ladder(make_facts(channels=6), CHUNK_MS).sounds[0].channels == 2
    silent = plan_ladder(make_facts(channels=0), CHUNK_MS)
    assert silent.sounds == ()
    assert {plan.sound for plan in silent.pictures} == {None}


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
        plan_ladder(facts, CHUNK_MS)


def test_a_clip_is_one_rendition_of_at_most_480() -> None:
    assert plan_clip(make_facts(1280, 720))[0].name == "480p"
    assert plan_clip(make_facts(320, 240))[0].name == "240p"
    with pytest.raises(SourceRefused, match="no_picture"):
        plan_clip(SourceFacts(5000, {}, True, 1))
