"""The live playlist: whatever a broadcast does, players can read it, and a delta update says the same."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime
from functools import partial

import m3u8
import pytest
from hypothesis import given
from hypothesis import strategies as st
from m3u8.parser import parse

from media.cluster.turns import Turn
from media.hls.airing import FIRST_TURN, Airing, Airings
from media.hls.http import multivariant
from media.hls.live import PART_TARGET_SECONDS, LiveSegment, LiveTake, Point
from media.recording.take import Part, Run, Take, part_name

S = 1_000_000_000
BEGAN = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
# What a recorder may do: begin a run, begin a part, add so many milliseconds, close a part.
STEPS = st.lists(
    st.one_of(
        st.just(("run", 0)),
        st.just(("part", 0)),
        st.tuples(st.just("grow"), st.integers(1, 900)),
        st.just(("close", 0)),
        st.tuples(st.just("pause"), st.integers(1, 30_000)),
    ),
    max_size=120,
)


class Studio:
    """Drives an airing as a recorder does."""

    def __init__(self, first_number: int = 0, turn: Turn = FIRST_TURN) -> None:
        self.opened: list[Airing] = []
        self.over: list[Airing] = []
        self.airing = Airing(self.opened.append, self.over.append, turn)
        self.take = Take("stream", "room", BEGAN, first_number=first_number)
        self.airing.opened(self.take)
        self.now_ns = 0
        self.runs = 0
        self.parts = first_number
        self.is_open = False
        self.is_empty = True

    def run(self) -> None:
        self.close()
        run = Run(f"init-{self.runs}.mp4", "avc1.42e01f", "opus", 640, 360)
        self.runs += 1
        self.airing.run_began(run, b"init")

    def part(self, *, is_keyframe: bool = True) -> None:
        if self.runs == 0:
            self.run()
        self.close()
        self.airing.part_began(Part(part_name(self.parts), self.runs - 1, self.now_ns, self.now_ns, 0, is_keyframe))
        self.parts += 1
        self.is_open = self.is_empty = True

    def grow(self, milliseconds: int = 500, body: bytes = b"fragment") -> None:
        if not self.is_open:
            self.part()
        self.now_ns += milliseconds * 1_000_000
        self.airing.fragment_written(body, self.now_ns)
        self.is_empty = False

    def close(self, _: int = 0) -> None:
        if self.is_open:
            self.airing.part_closed(self.now_ns)
            self.parts -= self.is_empty
        self.is_open = False

    def pause(self, milliseconds: int) -> None:
        self.close()
        self.now_ns += milliseconds * 1_000_000

    def segment(self, fragments: int = 4) -> None:
        self.part()
        for _ in range(fragments):
            self.grow()
        self.close()

    def text(self, *, is_delta: bool = False) -> str:
        return plain(self.airing, is_delta=is_delta)


def plain(airing: Airing, *, is_delta: bool = False) -> str:
    """A playlist as players read it."""
    text = airing.text(is_delta=is_delta)
    sent = b"".join(text.plain)
    assert gzip.decompress(text.zipped) == sent
    return sent.decode()


def played(steps: list[tuple[str, int]]) -> Studio:
    studio = Studio()
    for step, value in steps:
        if step == "grow" and studio.is_open and studio.airing.live.segments[-1].seconds + value / 1000 > 4.4:
            studio.part()  # as the recorder does
        if step in ("grow", "pause"):
            getattr(studio, step)(value)
        else:
            getattr(studio, step)()
    return studio


@given(STEPS)
def test_every_playlist_is_read_strictly_and_its_numbers_agree(steps: list[tuple[str, int]]) -> None:
    studio = played(steps)
    parse(studio.text(), strict=True)
    playlist = m3u8.loads(studio.text())
    assert all(round(segment.duration) <= playlist.target_duration for segment in playlist.segments if segment.uri)
    target = playlist.part_inf.part_target
    for segment in playlist.segments:
        parts = segment.parts
        assert all(part.duration <= target + 0.001 for part in parts)
        if segment.uri and len(parts):
            assert abs(sum(part.duration for part in parts) - segment.duration) < 0.001 * (len(parts) + 1)
    assert playlist.server_control.part_hold_back >= 2 * target
    assert playlist.server_control.hold_back >= 3 * playlist.target_duration
    uris = [segment.uri for segment in playlist.segments if segment.uri]
    assert len(uris) == len(set(uris))


@given(STEPS, STEPS)
def test_a_delta_update_tells_the_same_as_the_whole(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    # given a player with a fresh playlist
    studio = played([*before, *after])
    whole, delta = studio.text().splitlines(), studio.text(is_delta=True).splitlines()
    skips = [line for line in delta if line.startswith("#EXT-X-SKIP")]
    # then what is left out are whole segments from the front, and the rest is the same
    if not skips:
        assert delta == whole
        return
    skipped = int(skips[0].rpartition("=")[2])
    segments = [number for number, line in enumerate(whole) if line.startswith("part-")]
    rest = whole[segments[skipped - 1] + 1 :]
    assert delta[-len(rest) :] == rest
    assert len(delta) == len(rest) + delta.index(skips[0]) + 1


@given(STEPS, st.integers(0, 60), st.one_of(st.none(), st.integers(0, 40)))
def test_what_a_player_may_ask_for_is_there_or_comes_next_or_is_too_far(
    steps: list[tuple[str, int]], sequence: int, part: int | None
) -> None:
    live = played(steps).airing.live
    point = Point(sequence, part)
    if live.has(point):
        assert not live.is_too_far(point)
    # A part that a whole segment doesn't have is the next one's first, which may still have to come.
    if sequence < live.next_sequence - (1 if part is None else 2):
        assert live.has(point)
    if sequence > live.next_sequence + 1:
        assert live.is_too_far(point)


def test_a_reconnect_is_a_discontinuity_with_its_own_moment() -> None:
    studio = Studio()
    studio.segment()
    studio.pause(7_000)
    studio.run()
    studio.segment()
    playlist = m3u8.loads(studio.text())
    first, second = playlist.segments[:2]
    assert (first.discontinuity, second.discontinuity) == (False, True)
    assert (first.init_section.uri, second.init_section.uri) == ("init-0.mp4", "init-1.mp4")
    assert (second.program_date_time - first.program_date_time).total_seconds() == 9


def test_a_run_whose_first_part_stayed_empty_still_begins_with_a_discontinuity() -> None:
    studio = Studio()
    studio.segment()
    studio.run()
    studio.part()
    studio.close()
    studio.segment()
    assert [segment.discontinuity for segment in m3u8.loads(studio.text()).segments if segment.uri] == [False, True]


def test_the_next_fragment_is_hinted_at_and_the_end_takes_the_hint_away() -> None:
    studio = Studio()
    studio.part()
    studio.grow()
    assert '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-000000.1.m4s"' in studio.text()
    studio.close()
    assert '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-000001.0.m4s"' in studio.text()
    studio.airing.ended(is_over=True)
    assert "PRELOAD-HINT" not in studio.text()
    assert studio.text().endswith("#EXT-X-ENDLIST\n")
    assert studio.over == [studio.airing]


def test_a_part_beyond_the_last_of_a_whole_segment_is_the_first_of_the_next() -> None:
    studio = Studio()
    studio.segment(fragments=4)
    live = studio.airing.live
    assert live.has(Point(0, 3))
    assert not live.has(Point(0, 4))
    studio.part()
    studio.grow()
    assert live.has(Point(0, 4))


def test_only_new_fragments_are_listed_and_kept_in_memory() -> None:
    studio = Studio()
    for _ in range(30):
        studio.segment()
    live = studio.airing.live
    listed = [segment for segment in m3u8.loads(studio.text()).segments if len(segment.parts)]
    assert 6 <= len(listed) <= 7  # three target durations of four seconds, in segments of two
    assert 12 <= sum(bool(segment.bodies) for segment in live.segments) <= 14
    assert len([line for line in studio.text(is_delta=True).splitlines() if line.startswith("part-")]) <= 13


def test_a_stream_of_many_bits_keeps_fewer_fragments() -> None:
    studio = Studio()
    for _ in range(12):
        studio.part()
        studio.grow(2000, bytes(4_000_000))
        studio.close()
    kept = sum(len(body) for segment in studio.airing.live.segments for body in segment.bodies)
    assert kept <= 16_000_000


def test_the_target_duration_is_that_of_the_longest_part_of_before_and_never_grows() -> None:
    # given a take whose parts an earlier version let become ten seconds long
    take = Take("stream", "room", BEGAN)
    take.runs = [Run("init-0.mp4", "vp08", "opus", 640, 360)]
    take.parts = [Part("part-000000.m4s", 0, 0, 10 * S, 900, True)]
    airing = Airing(lambda _: None, lambda _: None)
    # when it goes on
    airing.opened(take)
    before = m3u8.loads(b"".join(airing.text(is_delta=False).plain).decode()).target_duration
    airing.part_began(Part("part-000001.m4s", 0, 10 * S, 10 * S, 0, True))
    airing.fragment_written(b"fragment", 14 * S)
    airing.part_closed(14 * S)
    # then
    assert before == 10
    assert m3u8.loads(b"".join(airing.text(is_delta=False).plain).decode()).target_duration == 10


def test_a_segment_without_a_keyframe_is_not_said_to_be_independent() -> None:
    studio = Studio()
    studio.segment()
    assert m3u8.loads(studio.text()).is_independent_segments
    studio.part(is_keyframe=False)
    studio.grow()
    assert not m3u8.loads(studio.text()).is_independent_segments
    assert studio.text().count("INDEPENDENT") == 1  # the first fragment


def test_what_is_read_once_promises_nothing_that_a_later_segment_breaks() -> None:
    # given a player that has read which renditions there are, while each segment began with a keyframe
    studio = Studio()
    studio.grow()
    assert "INDEPENDENT-SEGMENTS" in studio.text()
    renditions = multivariant("stream", studio.airing, 1_000_000)
    # when one does not
    studio.part(is_keyframe=False)
    studio.grow()
    # then
    assert "INDEPENDENT-SEGMENTS" not in studio.text()
    assert "INDEPENDENT-SEGMENTS" not in renditions


def test_usual_fragments_keep_to_the_part_target() -> None:
    studio = Studio()
    studio.part()
    for _ in range(4):
        studio.grow(533)
    playlist = m3u8.loads(studio.text())
    assert playlist.part_inf.part_target == pytest.approx(PART_TARGET_SECONDS)
    assert all(part.duration >= 0.85 * PART_TARGET_SECONDS for part in playlist.segments[0].parts)


def test_a_take_that_goes_on_keeps_its_numbers_and_its_beginning() -> None:
    # given what another process of this node had recorded
    take = Take("stream", "room", BEGAN)
    take.runs = [Run("init-0.mp4", "vp08", "opus", 640, 360)]
    take.parts = [Part(part_name(n), 0, n * 2 * S, (n + 1) * 2 * S, 9, True) for n in range(3)]
    airing = Airing(lambda _: None, lambda _: None)
    airing.opened(take)
    # when
    airing.run_began(Run("init-1.mp4", "vp08", "opus", 640, 360), b"init")
    airing.part_began(Part(part_name(3), 1, 9 * S, 9 * S, 0, True))
    airing.fragment_written(b"x", 9 * S + S // 2)
    assert 'URI="part-000003.0.m4s"' in plain(airing)
    airing.part_closed(9 * S + S // 2)
    # then
    playlist = m3u8.loads(plain(airing))
    assert [segment.uri for segment in playlist.segments if segment.uri] == [part_name(n) for n in range(4)]
    assert playlist.segments[3].discontinuity


def test_a_take_whose_forerunner_is_unknown_counts_from_its_own_number() -> None:
    live = LiveTake(1_795_348_800)
    live.open(LiveSegment(part_name(1_795_348_800), "init-1795348800.mp4", 0, True, True))
    live.add(b"x", S // 2)
    assert "#EXT-X-MEDIA-SEQUENCE:1795348800" in live.page(part_name(1_795_348_801)).head
    assert live.has(Point(1_795_348_800, 0))


async def test_who_waits_is_woken_by_the_fragment_and_by_the_end() -> None:
    studio, leaving = Studio(), asyncio.Event()
    studio.part()
    studio.grow()
    for step in (studio.grow, partial(studio.airing.ended, is_over=True)):
        waiting = asyncio.create_task(
            studio.airing.wait_for(Point(0, len(studio.airing.live.segments[0].ends_ns)), leaving)
        )
        await asyncio.sleep(0)
        step()
        assert await waiting


async def test_a_node_that_leaves_keeps_nobody_waiting() -> None:
    airings = Airings()
    airing = airings.open("stream")
    airing.opened(Take("stream", "room", BEGAN))
    waiting = asyncio.create_task(airing.wait_for(Point(0, 0), airings.is_leaving))
    await asyncio.sleep(0)
    airings.leave()
    assert not await waiting


def test_a_recording_that_never_began_is_on_no_shelf() -> None:
    airings = Airings()
    airing = airings.open("stream")
    assert airings.get("stream") is None
    assert not airings.answers("stream", "")
    airing.opened(Take("stream", "room", BEGAN))
    assert airings.answers("stream", "")


def test_after_a_restart_a_part_of_hours_ago_is_answered_at_once() -> None:
    # given: segments that were recorded before have no parts
    take = LiveTake()
    take.began_at = BEGAN
    for number in range(2_000):
        start, end = number * 2 * S, (number + 1) * 2 * S
        take.add_closed(LiveSegment(part_name(number), "init.mp4", start, number == 0, True, closed_ns=end))
    assert take.has(Point(take.first_sequence, 0))
