"""Takes: reading take.json, the replay's timeline, chapters; what an upload must begin with."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cards.model import Moment
from server.recordings.model import Chapter, Gap, chapters_of, gaps_of, is_worth_a_lesson, looks_like_video
from server.recordings.take import Take, Timeline, read_take
from tests.harness.takes import RunOf, make_take, make_video

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def make_interrupted() -> Take:
    """4 s, then 10 s of nothing, then 4 s."""
    runs = [RunOf(4.0, width=64, height=64), RunOf(4.0, width=64, height=64, gap_seconds=10)]
    return read_take(make_take("s1", runs).files["take.json"])


def make_moment(start_ms: int, end_ms: int | None) -> Moment:
    return Moment("m", "s1", "r1", "p1", "冰糖橙", NOW, start_ms, end_ms)


def test_a_replay_leaves_the_gap_out() -> None:
    take = make_interrupted()
    assert (take.replay_ms, take.duration_ms) == (8000, 18_000)
    timeline = Timeline(take.parts)
    places = [timeline.replay_time(at) for at in (0, 3999, 4000, 9000, 14_000, 17_000, 99_000)]
    assert places == [0, 3999, 4000, 4000, 4000, 7000, 8000]


@given(st.lists(st.floats(0, 20_000), min_size=2, max_size=2))
def test_time_in_a_replay_never_goes_back(moments: list[float]) -> None:
    timeline = Timeline(TAKE.parts)
    earlier, later = sorted(moments)
    assert timeline.replay_time(earlier) <= timeline.replay_time(later)


@given(st.floats(0, 8000))
def test_a_place_in_a_replay_is_found_again_in_its_stream(replay_ms: float) -> None:
    timeline = Timeline(TAKE.parts)
    stream_ms = timeline.stream_time(replay_ms)
    assert not 4000 < stream_ms < 14_000, "nothing was recorded there"
    assert timeline.replay_time(stream_ms) == pytest.approx(replay_ms)


TAKE = make_interrupted()


def test_moments_become_chapters_on_the_replays_timeline() -> None:
    moments = [make_moment(1000, 6000), make_moment(6000, 9000), make_moment(15_000, None)]
    assert chapters_of(moments, TAKE, 8000) == (
        Chapter(1000, 4000, "冰糖橙", "p1"),
        Chapter(5000, 8000, "冰糖橙", "p1"),
    )


def test_what_is_missing_is_known_by_both_timelines() -> None:
    assert gaps_of(TAKE) == (Gap(4000, 14_000, 4000),)


def test_without_a_description_chapters_stay_where_they_were() -> None:
    take = Take(stream_id="s1", duration_ms=5000)
    assert chapters_of([make_moment(1000, None)], take, 5000) == (Chapter(1000, 5000, "冰糖橙", "p1"),)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": [{"name": "../x", "run": 0, "start_ms": 0, "duration_ms": 1, "bytes": 1}]},
        {"parts": [{"name": "a", "run": 7, "start_ms": 0, "duration_ms": 1, "bytes": 1}]},
        {"parts": [{"name": "a", "run": 0, "start_ms": -1, "duration_ms": 1, "bytes": 1}]},
        {"duration_ms": "long"},
        {"runs": None},
    ],
)
def test_a_strange_take_is_refused(change: dict[str, object]) -> None:
    body = json.loads(make_take("s1", [RunOf(1.0, width=64, height=64)]).files["take.json"])
    with pytest.raises(ValueError, match=r"take\.json"):
        read_take(json.dumps({**body, **change}).encode())


@given(st.binary(max_size=200))
def test_anything_else_raises_value_error_and_nothing_worse(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"take\.json"):
        read_take(raw)


def test_short_and_mute_takes_become_lessons_and_empty_ones_do_not() -> None:
    assert is_worth_a_lesson(400, has_video=True, has_audio=False)
    assert is_worth_a_lesson(400, has_video=False, has_audio=True)
    assert not is_worth_a_lesson(400, has_video=False, has_audio=False)
    assert not is_worth_a_lesson(0, has_video=True, has_audio=True)


@pytest.mark.parametrize("kind", ["mp4", "webm", "matroska", "mov"])
def test_usual_containers_look_like_video(kind: str) -> None:
    assert looks_like_video(make_video(0.5, width=64, height=64, kind=kind, sound=False)[:512])


@pytest.mark.parametrize(
    "head", [b"", b"hello, this is a text", b"#EXTM3U\n", b"\x89PNG\r\n", b"RIFF....WEBP", b"GGG"]
)
def test_other_files_do_not(head: bytes) -> None:
    assert not looks_like_video(head)


def test_recorded_parts_are_watchable_at_once_unless_they_are_vp8() -> None:
    h264 = Take.model_validate(
        {"stream_id": "s", "duration_ms": 1, "runs": [{"init": "i", "video_codec": "avc1.42c01f"}]}
    )
    vp8 = Take.model_validate(
        {"stream_id": "s", "duration_ms": 1, "runs": [{"init": "i", "video_codec": "vp08.00.10.08"}]}
    )
    assert h264.is_playable
    assert not vp8.is_playable
