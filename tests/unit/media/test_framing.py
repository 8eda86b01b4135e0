"""Datagrams in a TCP stream, however the network cuts it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.transport.framing import LENGTH_BYTES, Frames, frame

MOST = 50
DATAGRAMS = st.lists(st.binary(max_size=MOST), max_size=8)


@given(DATAGRAMS, st.lists(st.integers(0, 500), max_size=12))
def test_datagrams_come_out_as_they_went_in_wherever_the_stream_is_cut(
    datagrams: list[bytes], cuts: list[int]
) -> None:
    # given
    stream = b"".join(map(frame, datagrams))
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    frames, got = Frames(MOST), list[bytes]()

    # when
    for begin, end in itertools.pairwise(places):
        got += [bytes(datagram) for datagram in frames.cut(stream[begin:end])]
        assert frames.waiting < LENGTH_BYTES + MOST

    # then
    assert got == [datagram for datagram in datagrams if datagram]
    assert frames.waiting == 0


@given(st.lists(st.binary(max_size=200), max_size=6))
def test_any_bytes_are_cut_or_refused_and_little_is_kept(pieces: list[bytes]) -> None:
    frames = Frames(MOST)
    for piece in pieces:
        try:
            for datagram in frames.cut(piece):
                assert 0 < len(datagram) <= MOST
        except ValueError:
            return
        assert frames.waiting < LENGTH_BYTES + MOST


def test_a_length_beyond_the_limit_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="too long"):
        list(Frames(MOST).cut((MOST + 1).to_bytes(2, "big")))
