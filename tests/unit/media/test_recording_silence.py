"""A publisher who falls silent, or whose clock jumps: a new run begins, and no part is longer than was promised."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from media.recording.tracks import SECOND_NS, TrackFormat
from tests.harness.recorded import record, shown
from tests.harness.scripted_rtp import (
    H264,
    OPUS,
    Arrival,
    Counters,
    broadcast,
    encoded_pictures,
    encoded_sounds,
    in_order,
    picture_packets,
    sound_packets,
)

BEGIN = 100 * SECOND_NS


def silent(arrivals: list[Arrival], from_seconds: float, seconds: float) -> list[Arrival]:
    """The same, of which nothing came for a while."""
    begin, end = (BEGIN + int(at * SECOND_NS) for at in (from_seconds, from_seconds + seconds))
    return [arrival for arrival in arrivals if not begin <= arrival.at_ns < end]


def test_a_host_who_is_silent_for_ten_seconds_begins_a_run_and_no_part_becomes_long(tmp_path: Path) -> None:
    # given a host whose session stays, and of whom nothing comes from 5.5 s to 15.5 s
    take = record(tmp_path, [(H264, OPUS, silent(broadcast("H264", 20, BEGIN), 5.5, 10))])
    # then players are told of the new run, no part is longer than players were promised, and the gap is listed
    assert len(take.runs) == 2
    assert max(part.duration_ms for part in take.parts) < 4500
    assert [(start // 1_000_000, end // 1_000_000) for start, end in take.gaps] == [(5500, 16_000)]
    # and what comes after has its place, lips and voice together
    seen = shown(tmp_path / "stream", take, 1)
    assert seen.pictures_ms[0] == pytest.approx(16_000, abs=1)
    assert seen.flashes_ms == pytest.approx([16_000, 17_000, 18_000, 19_000], abs=1)
    assert seen.beeps_ms == pytest.approx(seen.flashes_ms, abs=30)
    assert take.summary().duration_ms == 20_000


def test_what_only_comes_late_is_no_interruption(tmp_path: Path) -> None:
    # given a line that holds everything back for three seconds and then lets all of it through
    begin, end = BEGIN + 3 * SECOND_NS, BEGIN + 6 * SECOND_NS
    late = [
        replace(a, at_ns=end + (a.at_ns - begin) // 100) if begin <= a.at_ns < end else a
        for a in broadcast("H264", 9, BEGIN)
    ]
    # when
    take = record(tmp_path, [(H264, OPUS, late)])
    # then
    assert len(take.runs) == 1
    assert take.gaps == []
    assert len(shown(tmp_path / "stream", take).pictures_ms) == 270


def test_a_timestamp_that_jumps_begins_a_run(tmp_path: Path) -> None:
    first = picture_packets(encoded_pictures("H264", 3), "H264", BEGIN)
    counters = Counters(sequence=first[-1].sequence + 1, timestamp=5_000 + 7200 * 90_000)
    second = picture_packets(encoded_pictures("H264", 3), "H264", BEGIN + 3 * SECOND_NS, counters)
    take = record(tmp_path, [(H264, OPUS, in_order(first, second, sound_packets(encoded_sounds(6), BEGIN)))])
    assert len(take.runs) == 2
    assert len(shown(tmp_path / "stream", take, 1).pictures_ms) == 90
    assert max(part.duration_ms for part in take.parts) < 4500


def test_after_a_silence_a_host_whose_camera_is_off_is_heard_at_once(tmp_path: Path) -> None:
    # given a camera that is off from the third second on, and silence from 16 s to 20 s
    arrivals = [a for a in broadcast("H264", 26, BEGIN) if a.kind == "audio" or a.at_ns < BEGIN + 3 * SECOND_NS]
    # when
    take = record(tmp_path, [(H264, OPUS, silent(arrivals, 16, 4))])
    # then what he said after it has its place
    assert len(take.runs) == 2
    assert [(start / 1e9, end / 1e9) for start, end in take.gaps] == [pytest.approx((16, 20), abs=0.1)]
    assert take.summary().duration_ms == pytest.approx(26_000, abs=100)


def test_a_sender_whose_clock_jumps_with_each_packet_begins_few_runs(tmp_path: Path) -> None:
    # given sound whose every second packet counts two hours ahead
    sounds = encoded_sounds(6)
    ahead = Counters(timestamp=5_000 + 7200 * 48_000, ssrc=2)
    pairs = zip(sound_packets(sounds, BEGIN), sound_packets(sounds, BEGIN, ahead), strict=True)
    # when
    take = record(tmp_path, [(None, OPUS, [pair[number % 2] for number, pair in enumerate(pairs)])])
    # then
    assert 1 < len(take.runs) <= 5


def test_a_camera_that_pauses_while_the_sound_goes_on_makes_no_part_longer(tmp_path: Path) -> None:
    # given a camera that is off from 3 s to 13 s
    sounds = sound_packets(encoded_sounds(16), BEGIN)
    pictures = silent(picture_packets(encoded_pictures("H264", 16), "H264", BEGIN), 3, 10)
    # when
    take = record(tmp_path, [(H264, OPUS, in_order(pictures, sounds))])
    # then
    assert max(part.duration_ms for part in take.parts) < 4500
    seen = shown(tmp_path / "stream", take)
    assert seen.beeps_ms == pytest.approx([1000 * second for second in range(16)], abs=30)


@pytest.mark.parametrize("seconds", [0.7, 1.9])
def test_a_short_silence_begins_no_run_and_makes_no_part_longer(seconds: float, tmp_path: Path) -> None:
    arrivals = silent(broadcast("H264", 12, BEGIN, gop=100), 3, seconds)
    take = record(tmp_path, [(H264, OPUS, arrivals)])
    assert len(take.runs) == 1
    assert max(part.duration_ms for part in take.parts) < 4500


def test_pictures_alone_that_come_seldom_keep_to_the_longest_part(tmp_path: Path) -> None:
    pictures = silent(picture_packets(encoded_pictures("H264", 9, gop=1000), "H264", BEGIN), 3.8, 1.8)
    take = record(tmp_path, [(H264, None, pictures)])
    assert max(part.duration_ms for part in take.parts) < 4500


def at_their_time(arrivals: list[Arrival]) -> list[Arrival]:
    """Pictures that come when their timestamps say."""
    stamps = [int.from_bytes(arrival.packet[4:8], "big") - Counters().timestamp for arrival in arrivals]
    return [replace(a, at_ns=BEGIN + at * SECOND_NS // 90_000) for a, at in zip(arrivals, stamps, strict=True)]


@pytest.mark.parametrize("every", [0.5, 2.1, 3.0, 3.9])
@pytest.mark.parametrize("sound", [None, OPUS])
def test_pictures_alone_however_seldom_are_all_recorded(
    every: float, sound: TrackFormat | None, tmp_path: Path
) -> None:
    # given slides of which no sound is heard, each but the first made of the one before it
    pictures = [(round(number * every * 30), data) for number, data in encoded_pictures("H264", 0.4, gop=1000)]
    # when
    take = record(tmp_path, [(H264, sound, at_their_time(picture_packets(pictures, "H264", BEGIN)))])
    # then
    assert len(take.runs) == 1
    assert len(shown(tmp_path / "stream", take).pictures_ms) == 12
    assert max(part.duration_ms for part in take.parts) < 4500
    # and each part begins where the one before ends
    assert [p.start_ms for p in take.parts[1:]] == [p.start_ms + p.duration_ms for p in take.parts[:-1]]


def test_a_picture_that_is_missing_in_a_silence_ends_the_run(tmp_path: Path) -> None:
    pictures = silent(picture_packets(encoded_pictures("H264", 9), "H264", BEGIN), 3, 3)
    assert len(record(tmp_path, [(H264, None, pictures)]).runs) == 2


def test_a_phone_that_stands_still_for_three_seconds_with_sound_and_picture_is_an_interruption(
    tmp_path: Path,
) -> None:
    # given: nothing is lost, for nothing was sent
    numbered = [(n if n < 90 else n + 90, data) for n, data in encoded_pictures("H264", 6)]
    pictures = at_their_time(picture_packets(numbered, "H264", BEGIN))
    sounds, first = encoded_sounds(6), Counters(ssrc=2)
    after = Counters(first.sequence + 150, first.timestamp + 6 * 48_000, 2)
    heard = [*sound_packets(sounds[:150], BEGIN, first), *sound_packets(sounds[150:], BEGIN + 6 * SECOND_NS, after)]
    # when
    take = record(tmp_path, [(H264, OPUS, in_order(pictures, heard))])
    # then
    assert len(take.runs) == 2
    assert [(round(start / 1e9, 1), round(end / 1e9, 1)) for start, end in take.gaps] == [(3.0, 6.0)]


def test_slides_with_sound_each_begin_a_part_however_seldom(tmp_path: Path) -> None:
    # given slides that come every six seconds, each a keyframe, and sound
    slides = [(number * 180, data) for number, data in encoded_pictures("H264", 0.1, gop=1)]
    pictures = at_their_time(picture_packets(slides, "H264", BEGIN))
    # when
    take = record(tmp_path, [(H264, OPUS, in_order(pictures, sound_packets(encoded_sounds(17), BEGIN)))])
    # then a player or a worker may begin at each of them
    assert [part.start_ms for part in take.parts if part.keyframe] == [0, 6000, 12_000]
    assert max(part.duration_ms for part in take.parts) < 4500
    assert shown(tmp_path / "stream", take).beeps_ms == pytest.approx([1000 * n for n in range(17)], abs=30)
