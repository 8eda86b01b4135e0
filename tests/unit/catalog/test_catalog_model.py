"""Products: which values are acceptable, and pictures made small."""

from __future__ import annotations

import io
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from server.catalog.model import ProductChanges, check_changes, check_uploaded_url
from server.catalog.pictures import LONGEST_SIDE, shrink
from server.errors import BadRequest, UnsupportedType


def make_picture(width: int, height: int, kind: str = "JPEG", orientation: int | None = None) -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGB", (width, height), "orange")
    exif = picture.getexif()
    if orientation is not None:
        exif[0x0112] = orientation
    exif[0x010F] = "A phone that says whose it is"
    picture.save(out, kind, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize(
    "wrong",
    [
        ProductChanges(price_fen=0),
        ProductChanges(price_fen=-1),
        ProductChanges(price_fen=10_000_001),
        ProductChanges(price_fen=True),
        ProductChanges(price_fen=19.9),  # type: ignore[arg-type]
        ProductChanges(stock=-1),
        ProductChanges(stock=1_000_001),
        ProductChanges(name="  \n "),
        ProductChanges(name="橙" * 61),
        ProductChanges(unit=""),
        ProductChanges(description="长" * 2001),
        ProductChanges(picture_url="https://elsewhere.example/picture.webp"),
        ProductChanges(picture_url="/files/public/../secret"),
    ],
)
def test_values_out_of_bounds_are_refused(wrong: ProductChanges) -> None:
    with pytest.raises(BadRequest):
        check_changes(wrong)


def test_text_is_cleaned_of_what_cannot_be_seen() -> None:
    cleaned = check_changes(ProductChanges(name=" 冰糖\x00橙\t 5斤 ", description="甜\r\n\x07脆\n\n"))
    assert (cleaned.name, cleaned.description) == ("冰糖 橙 5斤", "甜\n脆")


def test_a_picture_of_ours_is_taken() -> None:
    assert check_uploaded_url("picture_url", "/files/public/pictures/ab12.webp") == "/files/public/pictures/ab12.webp"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_large_picture_becomes_a_small_webp(kind: str) -> None:
    with Image.open(io.BytesIO(shrink(make_picture(3000, 1500, kind)))) as small:
        assert (small.format, small.size) == ("WEBP", (LONGEST_SIDE, LONGEST_SIDE // 2))


def test_a_picture_taken_sideways_stands_upright_and_tells_nothing_of_the_phone() -> None:
    with Image.open(io.BytesIO(shrink(make_picture(400, 200, orientation=6)))) as upright:
        assert upright.size == (200, 400)
        assert not upright.getexif()


def test_a_picture_with_more_pixels_than_a_phone_makes_is_refused() -> None:
    with pytest.raises(UnsupportedType) as refused:
        shrink(make_picture(10_000, 5_001, "PNG"))
    assert refused.value.code == "too_many_pixels"


@pytest.mark.parametrize("raw", [b"", b"not a picture", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"RIFF\x00\x00\x00\x00WEBP"])
def test_what_is_no_picture_is_refused(raw: bytes) -> None:
    with pytest.raises(UnsupportedType) as refused:
        shrink(raw)
    assert refused.value.code == "not_a_picture"


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP"]), data=st.data())
def test_a_broken_picture_is_refused_or_shown_but_never_a_fault_of_ours(kind: str, data: st.DataObject) -> None:
    whole = bytearray(make_picture(64, 48, kind))
    cut = data.draw(st.integers(0, len(whole)))
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(UnsupportedType):
        assert shrink(bytes(whole[:cut]))
