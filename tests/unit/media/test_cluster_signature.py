"""A request counts as another node's only if who knows the secret wrote its header, lately, for this very request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.cluster.signature import Sender, Signer

SIGNER = Signer("s" * 32)
SENDER = Sender("media-2", "2001:db8::/64", is_copy=True)
NOW = 1_795_348_800.0


def header() -> str:
    return SIGNER.sign(SENDER, "POST", "/whep/oranges", NOW)


def test_a_node_knows_another_ones_request() -> None:
    assert SIGNER.read(header(), "POST", "/whep/oranges", NOW + 59) == SENDER


@pytest.mark.parametrize(
    ("method", "path", "now"),
    [
        ("DELETE", "/whep/oranges", NOW),
        ("POST", "/whep/apples", NOW),
        ("POST", "/whep/oranges", NOW + 61),
        ("POST", "/whep/oranges", NOW - 61),
    ],
)
def test_a_header_is_good_for_one_request_and_for_a_minute(method: str, path: str, now: float) -> None:
    assert SIGNER.read(header(), method, path, now) is None


def test_another_secret_signs_for_nobody() -> None:
    assert Signer("t" * 32).read(header(), "POST", "/whep/oranges", NOW) is None


@given(st.text(max_size=600) | st.binary(max_size=100).map(lambda b: b.decode("latin-1")))
def test_a_strangers_words_are_not_believed(value: str) -> None:
    assert SIGNER.read(value, "POST", "/whep/oranges", NOW) is None


@given(st.integers(0, 120), st.characters(codec="ascii"))
def test_a_changed_header_is_not_believed(place: int, put: str) -> None:
    good = header()
    place %= len(good)
    changed = good[:place] + put + good[place + 1 :]
    if changed != good:
        assert SIGNER.read(changed, "POST", "/whep/oranges", NOW) is None


def test_no_header_is_no_node() -> None:
    assert SIGNER.read(None, "POST", "/whep/oranges", NOW) is None
    assert SIGNER.read("", "POST", "/whep/oranges", NOW) is None
