"""Rooms: addresses, titles, stream keys, where the media node is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from server.errors import BadRequest
from server.rooms.model import Room, check_slug, check_title, is_stream_key, stream_key
from server.rooms.shape import MediaAddress

SECRET = "s" * 32
ROOM = Room("r1", "zhang", "柑橘", "h1", "张红", "m1", None, None, 1, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_stream_key_opens_its_own_room_only() -> None:
    key = stream_key(SECRET, ROOM)
    assert is_stream_key(SECRET, ROOM, key)
    assert not is_stream_key(SECRET, replace(ROOM, id="r2"), key)
    assert not is_stream_key("t" * 32, ROOM, key)
    assert not is_stream_key(SECRET, ROOM, "钥匙")


def test_a_renewed_key_voids_the_old_one() -> None:
    assert not is_stream_key(SECRET, replace(ROOM, key_version=2), stream_key(SECRET, ROOM))


@pytest.mark.parametrize("slug", ["", "a", "-a", "A1", "a/b", "..", "a" * 41])
def test_an_odd_address_is_refused(slug: str) -> None:
    with pytest.raises(BadRequest):
        check_slug(slug)


def test_a_title_becomes_one_line() -> None:
    assert check_title("  柑橘\n 开园 ") == "柑橘 开园"
    with pytest.raises(BadRequest):
        check_title(" \n ")


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8081"),
        ("live.example.cn", "http://live.example.cn:8081"),
        ("[::1]:8080", "http://[::1]:8081"),
        ("[::1]", "http://[::1]:8081"),
    ],
)
def test_the_media_node_is_on_the_host_that_the_browser_asked(host: str, base: str) -> None:
    assert MediaAddress("", 8081).base("http", host) == base


def test_a_fixed_media_address_wins() -> None:
    assert MediaAddress("https://live.example.cn/media/", 8081).base("http", "x") == "https://live.example.cn/media"
