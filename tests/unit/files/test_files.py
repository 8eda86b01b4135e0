"""Which bytes of which objects may be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import NotFound, RangeOutside
from server.files.model import (
    CHANGING,
    IMMUTABLE,
    ByteRange,
    cache_control,
    check_key,
    content_type,
    is_known,
    parse_range,
)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "uploads/1",
        "public",
        "public/",
        "/public/a.mp4",
        "public/../uploads/1",
        "public/a/./b",
        "public//a",
        "public/a\\..\\b",
        "public/a\nb",
        "Public/a",
        "public/" + "a" * 600,
    ],
)
def test_what_is_not_public_is_not_found(key: str) -> None:
    with pytest.raises(NotFound):
        check_key(key)


def test_a_public_key_is_taken_as_it_is() -> None:
    assert check_key("public/takes/6b02/part-000001.m4s") == "public/takes/6b02/part-000001.m4s"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=10-", ByteRange(10, 90)),
        ("bytes=-10", ByteRange(90, 10)),
        ("bytes=-1000", ByteRange(0, 100)),
        ("bytes=90-1000", ByteRange(90, 10)),
        (None, None),
        ("", None),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("items=0-1", None),
        ("bytes=0-1,5-6", None),
        ("bytes=٣-٤", None),
    ],
)
def test_ranges_of_a_hundred_bytes(header: str | None, wanted: ByteRange | None) -> None:
    assert parse_range(header, 100) == wanted


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(header: str) -> None:
    with pytest.raises(RangeOutside):
        parse_range(header, 100)


@given(st.text(), st.integers(0, 2**40))
def test_any_header_gives_a_range_inside_or_none_or_a_refusal(header: str, size: int) -> None:
    try:
        wanted = parse_range(header, size)
    except RangeOutside:
        return
    assert wanted is None or (wanted.length > 0 and 0 <= wanted.offset <= size - wanted.length)


@given(st.integers(0, 200), st.integers(0, 200), st.integers(1, 100))
def test_a_first_and_last_byte_mean_what_they_say(first: int, last: int, size: int) -> None:
    data = bytes(range(size))
    try:
        wanted = parse_range(f"bytes={first}-{last}", size)
    except RangeOutside:
        assert first >= size
        return
    if wanted is None:
        assert last < first
    else:
        assert data[wanted.offset : wanted.offset + wanted.length] == data[first : last + 1]


def test_playlists_change_and_everything_else_does_not() -> None:
    assert cache_control("public/assets/1/1/master.m3u8") == CHANGING
    assert cache_control("public/assets/1/1/240p/00001.m4s") == IMMUTABLE


def test_nothing_is_served_as_a_page_or_a_script() -> None:
    assert content_type("public/a.html") == content_type("public/a.js") == content_type("public/a.svg")
    assert content_type("public/a.svg") == "application/octet-stream"
    assert content_type("public/a.mp4") == "video/mp4"


def test_a_client_that_has_it_is_known() -> None:
    assert is_known('"a", W/"b"', '"b"')
    assert is_known("*", '"b"')
    assert not is_known('"a"', '"b"')
    assert not is_known(None, '"b"')
