"""Filling gaps: what is missing, which files cover it, and where things are in the replay afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import Conflict
from server.fills.model import (
    LONGEST_TAIL_MS,
    MOST_ATTEMPTS,
    MOST_FILES,
    MOST_PATCHES,
    Hole,
    HostFile,
    check_room,
    holes_of,
    is_wanted,
    may_try_again,
    plan_patches,
    walls_of,
)
from server.making.model import Work, WorkState
from server.recordings.inserts import Insert, Inserts
from server.recordings.model import Gap, filled_of
from server.recordings.take import Part, Run, Span, Take, inserts_of

BEGAN = datetime(2026, 11, 28, 8, tzinfo=UTC)


def make_take(*spans: tuple[int, int], fills: tuple[int, ...] = ()) -> Take:
    """Parts from…to, each a run of its own; those whose numbers are in `fills` were filled in."""
    return Take(
        stream_id="s1",
        duration_ms=spans[-1][1],
        first_picture_at=BEGAN,
        runs=tuple(
            Run(init=f"fill-1-{number}-init.mp4" if number in fills else f"init-{number}.mp4")
            for number in range(len(spans))
        ),
        parts=tuple(
            Part(name=f"{number}.m4s", run=number, start_ms=start, duration_ms=end - start, bytes=1)
            for number, (start, end) in enumerate(spans)
        ),
    )


def make_file(start_ms: int, end_ms: int, size: int = 1000) -> HostFile:
    started_at = BEGAN + timedelta(milliseconds=start_ms)
    return HostFile("s1", f"f{start_ms}", started_at, end_ms - start_ms, size, BEGAN)


INTERRUPTED = make_take((0, 20_000), (50_000, 70_000), (70_600, 90_000))


def test_a_hole_is_what_lies_between_parts_for_a_second_and_more() -> None:
    assert holes_of(INTERRUPTED) == (Hole(20_000, 50_000),)
    assert walls_of(holes_of(INTERRUPTED), BEGAN) == ((BEGAN + timedelta(seconds=20), BEGAN + timedelta(seconds=50)),)


def test_a_first_part_that_is_gone_is_a_hole_and_filling_it_moves_all_that_follows() -> None:
    assert holes_of(make_take((2_000, 20_000))) == (Hole(0, 2_000),)
    assert inserts_of(make_take((0, 2_000), (2_000, 20_000), fills=(0,))) == Inserts((Insert(0, 2_000),))


def test_a_last_part_that_is_gone_is_a_hole_also_if_the_host_ended_the_broadcast() -> None:
    take = make_take((0, 20_000)).model_copy(update={"gaps": (Span(start_ms=20_000, end_ms=22_000),)})
    assert holes_of(take, BEGAN + timedelta(seconds=22), is_on_purpose=True) == (Hole(20_000, 22_000),)
    assert holes_of(take, BEGAN + timedelta(seconds=60), is_on_purpose=True) == (Hole(20_000, 60_000),)


def test_a_part_with_a_loss_is_a_hole_that_only_what_covers_all_of_it_fills() -> None:
    # given: six parts of one run, of which the fourth begins with no keyframe; losses in the second and the fourth
    parts = tuple(
        Part(name=f"{n}.m4s", run=0, start_ms=n * 2000, duration_ms=2000, bytes=1, keyframe=n != 3) for n in range(6)
    )
    gaps = (
        Span(start_ms=2600, end_ms=4000),
        Span(start_ms=6500, end_ms=7100),
        Span(start_ms=9000, end_ms=9100),
    )
    take = make_take((0, 12_000)).model_copy(update={"parts": parts, "gaps": gaps})
    # when
    holes = holes_of(take)
    # then
    assert holes == (Hole(2000, 4000, is_recorded=True), Hole(4000, 8000, is_recorded=True))
    patches = plan_patches(take, holes, [make_file(1000, 5500)])
    assert [(patch.start_ms, patch.end_ms, patch.is_recorded) for patch in patches] == [(2000, 4000, True)]


def test_of_thousands_of_losses_on_a_bad_line_each_is_found_in_its_part() -> None:
    # given an hour in parts of two seconds, each second one with ten short losses and a long one
    parts = tuple(
        Part(name=f"{n}.m4s", run=0, start_ms=n * 2000, duration_ms=2000, bytes=1, keyframe=True) for n in range(1800)
    )
    short = [Span(start_ms=p.start_ms + n * 100, end_ms=p.start_ms + n * 100 + 50) for p in parts for n in range(10)]
    long = [Span(start_ms=p.start_ms + 1200, end_ms=p.start_ms + 1900) for p in parts[1::2]]
    gaps = tuple(sorted([*short, *long], key=lambda gap: gap.start_ms))
    take = make_take((0, 3_600_000)).model_copy(update={"parts": parts, "gaps": gaps})
    # then
    assert [hole.start_ms for hole in holes_of(take)] == [part.start_ms for part in parts[1::2]]


def test_nothing_is_added_after_the_end_that_a_host_wanted() -> None:
    # given a host whose line was gone for half a minute when he ended his broadcast
    take, ended_at = make_take((0, 90_000)), BEGAN + timedelta(seconds=120)
    # then that half minute is missing and no more
    assert holes_of(take, ended_at, is_on_purpose=True) == (Hole(90_000, 120_000),)
    assert holes_of(take, BEGAN + timedelta(seconds=91), is_on_purpose=True) == ()


@pytest.mark.parametrize(("seconds", "holes"), [(99, ()), (120, (Hole(90_000, 90_000 + LONGEST_TAIL_MS),))])
def test_a_broadcast_that_went_on_without_its_host_lacks_its_end(seconds: int, holes: tuple[Hole, ...]) -> None:
    take = make_take((0, 90_000))
    assert holes_of(take, BEGAN + timedelta(seconds=seconds)) == holes
    # and what he recorded of it is filled in as far as it goes
    patches = plan_patches(take, holes, [make_file(85_000, 95_000), make_file(94_500, 104_000)])
    assert [(patch.start_ms, patch.end_ms) for patch in patches] == [(90_000, 104_000)][: len(holes)]


def test_what_took_the_place_of_something_worse_moves_nothing() -> None:
    take = make_take((0, 2000), (2000, 4000), (4000, 6000), (9000, 11_000), fills=(1, 3))
    replaced = take.model_copy(update={"replaced": (Span(start_ms=2000, end_ms=4000),)})
    assert inserts_of(replaced) == Inserts((Insert(6000, 2000),))


def test_files_at_a_hole_are_wanted_and_others_are_not() -> None:
    holes = holes_of(INTERRUPTED)
    files = [make_file(start, start + 10_000) for start in (0, 9_000, 30_000, 51_000, 60_000)]
    wanted = [is_wanted(file, INTERRUPTED, holes) for file in files]
    assert wanted == [False, True, True, True, False]


def test_files_that_follow_each_other_are_one_patch_cut_to_the_hole() -> None:
    files = [make_file(24_500, 34_000), make_file(15_000, 25_000), make_file(34_300, 60_000)]
    (patch,) = plan_patches(INTERRUPTED, holes_of(INTERRUPTED), files)
    assert (patch.start_ms, patch.end_ms) == (20_000, 50_000)
    assert [file.name for file in patch.files] == ["f15000", "f24500", "f34300"]


def test_files_beside_a_patch_come_along() -> None:
    files = [
        make_file(8_000, 18_500),
        make_file(18_000, 30_000),
        make_file(30_000, 50_000),
        make_file(53_000, 60_000),
    ]
    (patch,) = plan_patches(INTERRUPTED, holes_of(INTERRUPTED), files)
    assert [file.name for file in patch.files] == ["f8000", "f18000", "f30000"]


def test_of_many_patches_the_longest_are_made() -> None:
    take = make_take(*((at, at + 1_000) for at in range(0, 3_000 * (MOST_PATCHES + 5), 3_000)))
    files = [make_file(at + 1_000, at + 2_000 + at % 7 * 10) for at in range(0, 3_000 * (MOST_PATCHES + 4), 3_000)]
    lengths = sorted((file.duration_ms for file in files), reverse=True)
    made = plan_patches(take, holes_of(take), files)
    assert sorted((patch.end_ms - patch.start_ms for patch in made), reverse=True) == lengths[:MOST_PATCHES]


def test_what_no_file_covers_stays_a_gap() -> None:
    files = [make_file(15_000, 25_000), make_file(40_000, 45_000), make_file(49_800, 60_000)]
    patches = plan_patches(INTERRUPTED, holes_of(INTERRUPTED), files)
    assert [(patch.start_ms, patch.end_ms) for patch in patches] == [(20_000, 25_000), (40_000, 45_000)]


@given(st.lists(st.tuples(st.integers(-20_000, 100_000), st.integers(1, 60_000)), max_size=12))
def test_patches_lie_in_holes_in_order_and_never_overlap(spans: list[tuple[int, int]]) -> None:
    files = [make_file(start, start + length) for start, length in spans]
    patches = plan_patches(INTERRUPTED, holes_of(INTERRUPTED), files)
    end_ms = 20_000.0
    for patch in patches:
        assert end_ms <= patch.start_ms < patch.end_ms <= 50_000
        end_ms = patch.end_ms


def test_so_many_files_are_kept_and_no_more_but_the_same_one_again_is() -> None:
    kept = [make_file(number, number + 1) for number in range(MOST_FILES)]
    check_room(kept, kept[0])
    with pytest.raises(Conflict) as refused:
        check_room(kept, make_file(999_999, 1_000_000))
    assert refused.value.code == "too_many_files"
    with pytest.raises(Conflict):
        check_room([], make_file(0, 1, size=2_000_000_000))


def test_what_has_failed_is_tried_again_a_few_times() -> None:
    failed = Work(WorkState.FAILED, send_at=BEGAN, attempt=MOST_ATTEMPTS - 1)
    assert may_try_again(failed)
    assert not may_try_again(replace(failed, attempt=MOST_ATTEMPTS))
    others = set(WorkState) - {WorkState.FAILED}
    assert not any(may_try_again(replace(failed, state=state)) for state in others)


def test_what_was_filled_in_has_its_place_in_the_replay_and_moves_what_comes_after() -> None:
    # given: two gaps, of which one is filled whole and one in part
    take = make_take((0, 4000), (4000, 6000), (6000, 10_000), (12_000, 13_000), (20_000, 24_000), fills=(1, 3))

    # then
    assert filled_of(take) == (Gap(4000, 6000, 4000), Gap(12_000, 13_000, 10_000))
    assert take.filled[0] == Span(start_ms=4000, end_ms=6000)
    inserts = inserts_of(take)
    assert inserts == Inserts((Insert(4000, 2000), Insert(8000, 1000)))
    assert [inserts.place(at) for at in (0, 3999, 4000, 7999, 8000, 12_000)] == [0, 3999, 6000, 9999, 11_000, 15_000]
    assert [inserts.end(at) for at in (4000, 4001, 8000, 8001)] == [4000, 6001, 10_000, 11_001]
    assert inserts.line(3500, 4500) == (3500, 4500)
    assert inserts.line(4000, 5000) == (6000, 7000)
