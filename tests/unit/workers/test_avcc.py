"""The parameter sets of H.264 in MP4."""

from __future__ import annotations

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.workers.test_splice import make_source
from workers.transcode.avcc import Avcc, has_idr, read_avcc, to_lengths


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What an encoder says of itself."""
    path = make_source(tmp_path_factory.mktemp("avcc") / "source.mp4", {"profile": "high"})
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.extradata or b""


def test_what_is_read_is_written_as_it_was(body: bytes) -> None:
    assert read_avcc(body).body() == body


def test_sets_of_two_encoders_stand_side_by_side(body: bytes) -> None:
    # given
    sets = read_avcc(body)
    units = b"".join(b"\0\0\0\1" + unit for unit in (*sets.sps_units, *sets.pps_units))
    # when
    both = read_avcc(sets.with_sets_of(units).body())
    # then
    assert (len(both.sps_units), len(both.pps_units)) == (2, 2)
    assert both.free_number() not in {sets.first.identifier, 0}


def test_every_cut_of_it_is_refused_in_the_same_way(body: bytes) -> None:
    whole = read_avcc(body)
    end_of_sets = len(body) - len(whole.extension)
    for length in range(end_of_sets):
        with pytest.raises(ValueError, match=r"\w"):
            read_avcc(body[:length])


@given(st.binary(max_size=80))
def test_noise_is_refused_or_read(noise: bytes) -> None:
    try:
        assert isinstance(read_avcc(b"\x01" + noise), Avcc)
    except ValueError:
        return


def test_pictures_get_lengths_and_lose_their_parameter_sets() -> None:
    sample = to_lengths(b"\0\0\0\1\x67sps\0\0\1\x68pps\0\0\0\1\x65slice")
    assert sample == b"\0\0\0\6\x65slice"
    assert has_idr(sample)
    assert not has_idr(to_lengths(b"\0\0\1\x41slice"))
    assert not has_idr(b"")
