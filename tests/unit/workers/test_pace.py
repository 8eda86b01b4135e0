"""When pictures are shown and sounds are heard."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from workers.transcode.pace import LIP_SYNC_MS, REPEAT_AFTER_MS, FramePace, SoundPace, Tick
from workers.transcode.plan import KEYFRAME_EVERY_MS

RATE = 48_000
STEPS = st.lists(st.floats(0, 4000), min_size=1, max_size=60)


def shown(pace: FramePace, moments: list[float]) -> list[Tick]:
    ticks: list[Tick] = []
    for at_ms in moments:
        ticks += pace.repeats_until(at_ms)
        if (tick := pace.place(at_ms)) is not None:
            ticks.append(tick)
    return ticks


@given(STEPS)
def test_frames_go_forward_without_long_pauses(steps: list[float]) -> None:
    moments = [sum(steps[: number + 1]) for number in range(len(steps))]
    ticks = shown(FramePace(), moments)
    assert ticks[0] == Tick(0.0, True)
    for one, other in pairwise(ticks):
        assert 0 < other.at_ms - one.at_ms <= REPEAT_AFTER_MS + 0.001


@given(STEPS)
def test_in_every_segment_there_is_one_keyframe_at_its_first_frame(steps: list[float]) -> None:
    moments = [sum(steps[: number + 1]) for number in range(len(steps))]
    ticks = shown(FramePace(), moments)
    keys = {int(tick.at_ms // KEYFRAME_EVERY_MS) for tick in ticks if tick.is_key}
    assert keys == {int(tick.at_ms // KEYFRAME_EVERY_MS) for tick in ticks}
    assert len(keys) == sum(tick.is_key for tick in ticks)


def test_sixty_frames_a_second_become_thirty() -> None:
    ticks = shown(FramePace(), [number * 1000 / 60 for number in range(60)])
    assert len(ticks) == 30


def test_thirty_uneven_frames_a_second_stay_thirty() -> None:
    moments = [number * 1000 / 30 + (4 if number % 2 else -4) for number in range(1, 31)]
    assert len(shown(FramePace(), moments)) == 30


def test_what_goes_back_in_time_is_left_out() -> None:
    assert [tick.at_ms for tick in shown(FramePace(), [0, 100, 50, 200])] == [0, 100, 200]


@given(st.lists(st.tuples(st.floats(-200, 3000), st.integers(1, 5000)), max_size=50))
def test_sound_is_never_further_from_its_place_than_is_noticed(pieces: list[tuple[float, int]]) -> None:
    pace, at_ms = SoundPace(RATE), 0.0
    for jump, samples in pieces:
        at_ms = max(0.0, at_ms + jump)
        before = pace.end_ms
        silence = pace.place(at_ms, samples)
        if silence is not None:
            begins_ms = before + silence * 1000 / RATE
            assert abs(begins_ms - at_ms) <= LIP_SYNC_MS + 0.1
            assert silence >= 0


def test_silence_brings_sound_up_to_a_moment_and_never_back() -> None:
    pace = SoundPace(RATE)
    assert pace.silence_until(1000) == RATE
    assert pace.silence_until(500) == 0
    assert pace.end_ms == 1000
