"""Plans of halls, and panoramas cut into tiles."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from PIL import Image

from server.errors import BadRequest, UnsupportedType
from server.showroom.model import MOST_BOOTHS, TILE_SIDE, Booth, HallPlan, check_plan, levels
from server.showroom.tiles import cut, open_panorama
from tests.harness.halls import make_panorama, make_plan

GOOD = make_plan(Booth("a", "m1", 179.9, -89.0), Booth("b", "m2", -180.0, 0.0))


def test_a_plan_is_put_in_order() -> None:
    plan = check_plan(replace(GOOD, title="  秋收\n展厅 ", summary="一\r\n二\u202e\x07", county=" 岳阳 "))
    assert (plan.title, plan.summary, plan.county, plan.booths) == ("秋收 展厅", "一\n二", "岳阳", GOOD.booths)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(GOOD, title=" "),
        replace(GOOD, title="厅" * 31),
        replace(GOOD, summary="长" * 501),
        replace(GOOD, county=""),
        replace(GOOD, booths=(Booth("a", "m1", 180.1, 0.0),)),
        replace(GOOD, booths=(Booth("a", "m1", 0.0, -90.1),)),
        replace(GOOD, booths=(Booth("a", "m1", math.nan, 0.0),)),
        replace(GOOD, booths=(Booth("a", "m1", 0.0, math.inf),)),
        replace(GOOD, booths=(Booth("", "m1", 0.0, 0.0),)),
        replace(GOOD, booths=(Booth("a", "m1", 0.0, 0.0), Booth("a", "m2", 9.0, 0.0))),
        replace(GOOD, booths=(Booth("a", "m1", 0.0, 0.0), Booth("b", "m1", 9.0, 0.0))),
        replace(GOOD, booths=tuple(Booth(str(n), str(n), 0.0, 0.0) for n in range(MOST_BOOTHS + 1))),
    ],
)
def test_a_plan_that_cannot_be_built_is_refused(wrong: HallPlan) -> None:
    with pytest.raises(BadRequest):
        check_plan(wrong)


@pytest.mark.parametrize(("width", "expected"), [(2048, (2048,)), (5000, (2048, 4096)), (9999, (2048, 4096, 8192))])
def test_a_panorama_has_the_levels_that_it_is_wide_enough_for(width: int, expected: tuple[int, ...]) -> None:
    assert levels(width) == expected


def test_tiles_cover_every_level_and_show_what_was_there() -> None:
    # given
    panorama = open_panorama(make_panorama(4100, 2050))

    # when
    pieces = {name: Image.open(io.BytesIO(data)) for name, data in cut(panorama)}

    # then
    tiles = {name for name in pieces if "/" in name}
    assert tiles == {
        f"{level}/{column}-{row}.webp"
        for level, columns in ((0, 4), (1, 8))
        for column in range(columns)
        for row in range(columns // 2)
    }
    assert {pieces[name].size for name in tiles} == {(TILE_SIDE, TILE_SIDE)}
    orange, green = pieces["1/3-0.webp"].getpixel((500, 9)), pieces["1/4-0.webp"].getpixel((9, 9))
    assert isinstance(orange, tuple)
    assert isinstance(green, tuple)
    assert orange[0] > 200 > 20 > green[0]
    assert pieces["base.webp"].size == (1024, 512)
    assert pieces["cover.webp"].size == (960, 540)
    assert list(pieces)[-1] == "base.webp"


def test_a_picture_almost_twice_as_wide_as_high_is_squeezed() -> None:
    assert open_panorama(make_panorama(2100, 1040, "PNG")).size == (2048, 1024)


def test_what_the_best_cameras_make_is_taken() -> None:
    assert open_panorama(make_panorama(11_904, 5_952)).size == (8192, 4096)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_a_picture"),
        (b"#EXTM3U", "not_a_picture"),
        (make_panorama()[:5000], "not_a_picture"),
        (make_panorama(2000, 1000), "not_a_panorama"),  # too small
        (make_panorama(2048, 1536), "not_a_panorama"),  # a photograph
        (make_panorama(12_800, 6_400, "PNG"), "too_many_pixels"),  # more than memory is kept for
    ],
    ids=["empty", "text", "cut off", "small", "photograph", "huge"],
)
def test_what_is_no_panorama_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(UnsupportedType) as refused:
        open_panorama(raw)
    assert refused.value.code == code
