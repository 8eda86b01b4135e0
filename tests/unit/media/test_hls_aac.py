"""Sound in AAC: made fragment by fragment, in any order, it is one line that says what the Opus said."""

from __future__ import annotations

import io
from functools import cache

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.hls.aac import Fragment, aac_init, channels_of, read_fragments, with_aac
from tests.harness.takes import RunOf, make_take

SEGMENTS = 3


@pytest.fixture(scope="module", params=[1, 2])
def take(request: pytest.FixtureRequest) -> dict[str, bytes]:
    return make_take("stream", [RunOf(6.0, channels=request.param)]).files


def sound_of(data: bytes) -> np.ndarray:
    """Every sample; anything that is missing or overlaps fails."""
    sounds, expected = [], None
    with av.open(io.BytesIO(data), "r", options={"err_detect": "explode"}) as container:
        for frame in container.decode(audio=0):
            assert expected is None or frame.pts == expected
            expected = (frame.pts or 0) + frame.samples
            sounds.append(frame.to_ndarray())
    return np.concatenate(sounds, axis=1)


def test_segments_made_apart_join_without_a_seam(take: dict[str, bytes]) -> None:
    # given
    init = take["init-0.mp4"]
    parts = [take[f"part-{number:06}.m4s"] for number in range(SEGMENTS)]
    before = [b"", *parts]
    # when they are made last first, as somebody who scrubs back asks for them
    made = [with_aac(before[number], parts[number], channels_of(init)) for number in reversed(range(SEGMENTS))]
    # then
    wanted = sound_of(init + b"".join(parts))
    heard = sound_of(aac_init(init) + b"".join(reversed(made)))
    length = heard.shape[1] - 2048
    wrong = np.abs(heard[:, 2048:length] - wanted[:, 2048:length])
    assert heard.shape[0] == wanted.shape[0] == channels_of(init)
    assert wanted.shape[1] - heard.shape[1] < 4 * 1024
    usual = np.sqrt((wrong**2).mean())
    for seam in (2 * 48_000, 4 * 48_000):
        assert np.sqrt((wrong[:, seam - 4096 : seam] ** 2).mean()) < 3 * usual
    assert usual < 0.02


def test_pictures_are_taken_over_as_they_are(take: dict[str, bytes]) -> None:
    part = take["part-000001.m4s"]
    (was,), (made,) = read_fragments(part), read_fragments(with_aac(take["part-000000.m4s"], part, 1))
    assert (made.video_at, made.video, made.sequence) == (was.video_at, was.video, was.sequence)


@given(st.binary(max_size=200))
def test_rubbish_is_refused(data: bytes) -> None:
    assert read_or_none(data) in (None, [])


@cache
def one_part() -> bytes:
    return make_take("stream", [RunOf(1.0)]).files["part-000000.m4s"]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_fragment_cut_anywhere_is_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(one_part()) - 1))
    # between the two boxes there is a whole one, and nothing in it to play
    if read_or_none(one_part()[:at]) is not None:
        assert read_or_none(one_part()[:at]) == []


def read_or_none(data: bytes) -> list[Fragment] | None:
    try:
        return read_fragments(data)
    except ValueError:
        return None
