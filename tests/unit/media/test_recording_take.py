"""Scripted broadcasts become takes that a decoder plays: loss, reordering, wraps, reconnects, new sizes, lip sync."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from m3u8.parser import parse

from media.hls.playlist import Segment, vod_playlist
from media.recording.take_spool import TakeSpool
from media.recording.timeline import SenderReport
from media.recording.tracks import SECOND_NS, Codec, Kind, TrackFormat
from media.recording.writer import TakeWriter
from server.recordings.take import Timeline, read_take
from tests.harness.recorded import BEGAN, CLOCKS, record, shown
from tests.harness.scripted_rtp import (
    H264,
    OPUS,
    VP8,
    Arrival,
    Counters,
    broadcast,
    encoded_pictures,
    encoded_sounds,
    in_order,
    picture_packets,
    shaken,
    sound_packets,
    without,
)

BEGIN = 100 * SECOND_NS
Reports = list[tuple[Kind, SenderReport]]
FRAME_MS = 1000 / 30
FORMATS: dict[Codec, TrackFormat] = {"H264": H264, "VP8": VP8}


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_a_broadcast_is_recorded_whole(codec: Codec, tmp_path: Path) -> None:
    # given, when
    take = record(tmp_path, [(FORMATS[codec], OPUS, broadcast(codec, 5, BEGIN))])
    # then
    seen = shown(tmp_path / "stream", take)
    assert len(seen.pictures_ms) == 150
    assert seen.size == (192, 144)
    assert seen.channels == 2
    assert abs(seen.pictures_ms[-1] + FRAME_MS - take.summary().duration_ms) < FRAME_MS
    assert abs(seen.sound_end_ms - 5000) < 20
    assert [part.start_ms for part in take.parts] == [0, 2000, 4000]
    assert [part.duration_ms for part in take.parts] == [2000, 2000, 1000]
    assert all(part.keyframe for part in take.parts)
    assert take.gaps == []


def test_every_part_plays_by_itself(tmp_path: Path) -> None:
    take = record(tmp_path, [(H264, OPUS, broadcast("H264", 5, BEGIN))])
    for part in take.parts:
        alone = replace(part, run=0)
        seen = shown(tmp_path / "stream", replace(take, parts=[alone]))
        assert abs(seen.pictures_ms[0] - part.start_ms) < 1
        assert abs(seen.sounds_ms[0] - part.start_ms) < 20


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_jitter_and_doubles_change_nothing(codec: Codec, tmp_path: Path) -> None:
    calm = broadcast(codec, 4, BEGIN)
    rough = shaken(calm, seed=5, jitter_ms=120, doubled=0.1)
    take = record(tmp_path, [(FORMATS[codec], OPUS, rough)])
    seen = shown(tmp_path / "stream", take)
    assert len(seen.pictures_ms) >= 119  # the very first packets may arrive after the second picture
    assert take.gaps == []


def test_numbers_that_wrap_change_nothing(tmp_path: Path) -> None:
    pictures = picture_packets(
        encoded_pictures("H264", 4), "H264", BEGIN, Counters(sequence=65_500, timestamp=0xFFFFFFFF - 90_000)
    )
    sounds = sound_packets(encoded_sounds(4), BEGIN, Counters(sequence=65_500, timestamp=0xFFFFFFFF - 48_000, ssrc=2))
    take = record(tmp_path, [(H264, OPUS, in_order(pictures, sounds))])
    seen = shown(tmp_path / "stream", take)
    assert len(seen.pictures_ms) == 120
    assert seen.flashes_ms == pytest.approx([0, 1000, 2000, 3000], abs=1)
    assert take.summary().duration_ms == 4000


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_a_lost_packet_costs_pictures_up_to_the_next_keyframe_and_is_listed(codec: Codec, tmp_path: Path) -> None:
    # given a packet lost in the 40th picture, 10 pictures after the keyframe at 1 s
    pictures = picture_packets(encoded_pictures(codec, 4), codec, BEGIN)
    times = sorted({int.from_bytes(a.packet[4:8], "big") for a in pictures})
    lost = next(a for a in pictures if int.from_bytes(a.packet[4:8], "big") == times[40])
    arrivals = without(in_order(pictures, sound_packets(encoded_sounds(4), BEGIN)), {("video", lost.sequence)})
    # when
    take = record(tmp_path, [(FORMATS[codec], OPUS, arrivals)])
    # then
    seen = shown(tmp_path / "stream", take)
    assert len(seen.pictures_ms) == 120 - 20
    assert seen.pictures_ms[40] == pytest.approx(2000, abs=1)
    assert [(start // 1_000_000, end // 1_000_000) for start, end in take.gaps] == [(1333, 2000)]
    assert take.summary().duration_ms == 4000


def test_a_lost_sound_becomes_silence_and_is_listed(tmp_path: Path) -> None:
    sounds = sound_packets(encoded_sounds(4), BEGIN)
    lost: set[tuple[Kind, int]] = {("audio", a.sequence) for a in sounds[70:75]}
    arrivals = without(in_order(picture_packets(encoded_pictures("H264", 4), "H264", BEGIN), sounds), lost)
    take = record(tmp_path, [(H264, OPUS, arrivals)])
    seen = shown(tmp_path / "stream", take)
    assert len(seen.sounds_ms) == 200
    assert seen.beeps_ms == pytest.approx([0, 1000, 2000, 3000], abs=30)
    assert [(start // 1_000_000, end // 1_000_000) for start, end in take.gaps] == [(1400, 1500)]


def test_sound_that_never_comes_becomes_silence(tmp_path: Path) -> None:
    pictures = picture_packets(encoded_pictures("H264", 4), "H264", BEGIN)
    take = record(tmp_path, [(H264, OPUS, pictures)])
    seen = shown(tmp_path / "stream", take)
    assert seen.beeps_ms == []
    assert abs(seen.sound_end_ms - 4000) < 60


def test_a_thread_that_was_held_up_loses_no_sound(tmp_path: Path) -> None:
    take = record(tmp_path, [(H264, OPUS, broadcast("H264", 4, BEGIN))], tick_ns=10 * SECOND_NS)
    seen = shown(tmp_path / "stream", take)
    assert seen.beeps_ms == pytest.approx([0, 1000, 2000, 3000], abs=15)
    assert len(seen.pictures_ms) == 120


def test_sound_before_the_first_picture_is_dropped(tmp_path: Path) -> None:
    pictures = picture_packets(encoded_pictures("H264", 3), "H264", BEGIN + SECOND_NS)
    sounds = sound_packets(encoded_sounds(4), BEGIN)
    take = record(tmp_path, [(H264, OPUS, in_order(pictures, sounds))])
    seen = shown(tmp_path / "stream", take)
    assert seen.pictures_ms[0] == 0
    assert seen.beeps_ms == pytest.approx([0, 1000, 2000], abs=15)
    assert take.began_at is not None
    assert (take.began_at - BEGAN).total_seconds() == 101


def test_sound_alone_is_recorded_in_parts(tmp_path: Path) -> None:
    take = record(tmp_path, [(None, OPUS, sound_packets(encoded_sounds(5), BEGIN))])
    assert [part.duration_ms for part in take.parts] == [2000, 2000, 1000]
    summary = take.summary()
    assert (summary.has_video, summary.has_audio) == (False, True)


def test_a_camera_that_never_starts_leaves_the_sound(tmp_path: Path) -> None:
    take = record(tmp_path, [(H264, OPUS, sound_packets(encoded_sounds(14), BEGIN))])
    assert not take.summary().has_video
    assert take.summary().duration_ms >= 11_000


def test_a_new_size_begins_a_run_without_a_gap(tmp_path: Path) -> None:
    small = picture_packets(encoded_pictures("H264", 3), "H264", BEGIN)
    counters = Counters(sequence=small[-1].sequence + 1, timestamp=5_000 + 3 * 90_000)
    large = picture_packets(
        encoded_pictures("H264", 3, width=480, height=360), "H264", BEGIN + 3 * SECOND_NS, counters
    )
    arrivals = in_order(small, large, sound_packets(encoded_sounds(6), BEGIN))
    take = record(tmp_path, [(H264, OPUS, arrivals)])
    assert [(run.width, run.height) for run in take.runs] == [(192, 144), (480, 360)]
    assert shown(tmp_path / "stream", take, 1).size == (480, 360)
    assert shown(tmp_path / "stream", take, 1).pictures_ms[0] == pytest.approx(3000, abs=1)
    assert take.gaps == []
    assert take.summary().duration_ms == 6000


def test_a_publisher_who_comes_back_goes_on_after_the_interruption(tmp_path: Path) -> None:
    # given a publisher who is away from 3 s to 10 s
    runs = [
        (H264, OPUS, broadcast("H264", 3, BEGIN)),
        (VP8, OPUS, broadcast("VP8", 3, BEGIN + 10 * SECOND_NS, ssrc=50)),
    ]
    # when
    take = record(tmp_path, runs)
    # then
    assert [(part.run, part.start_ms) for part in take.parts] == [(0, 0), (0, 2000), (1, 10_000), (1, 12_000)]
    assert [(start // 1_000_000, end // 1_000_000) for start, end in take.gaps] == [(3000, 10_000)]
    assert take.summary().duration_ms == 13_000
    playlist = vod_playlist(take.segments(), take.began_at)
    parse(playlist, strict=True)
    assert playlist.count("#EXT-X-DISCONTINUITY\n") == 1
    assert playlist.count("#EXT-X-MAP") == 2
    parts = read_take(json.dumps(take.as_json()).encode()).parts
    assert Timeline(parts).replay_time(11_000) == 4000


def test_what_is_no_packet_of_the_track_is_counted_and_left_out(tmp_path: Path) -> None:
    # given two seconds of pictures, half of a packet and one of another payload type
    arrivals = broadcast("H264", 2, BEGIN)
    foreign = bytes([0x80, 111]) + arrivals[0].packet[2:]
    spool = TakeSpool.open(tmp_path, "stream", "room")
    writer = TakeWriter(spool, 2.0, CLOCKS)
    # when
    writer.begin_run(H264, OPUS)
    for packet in (arrivals[0].packet[:7], foreign):
        writer.push("video", packet, BEGIN)
    for arrival in arrivals:
        writer.push(arrival.kind, arrival.packet, arrival.at_ns)
    writer.end_run()
    spool.close()
    # then
    assert writer.broken_packets == 2
    assert writer.lost_packets == 0


def test_a_part_waits_for_a_keyframe_however_long(tmp_path: Path) -> None:
    take = record(tmp_path, [(H264, OPUS, broadcast("H264", 5, BEGIN, gop=90))])
    assert [part.duration_ms for part in take.parts] == [3000, 2000]


def test_a_part_is_closed_at_last_when_its_publisher_sends_no_keyframes(tmp_path: Path) -> None:
    take = record(tmp_path, [(H264, OPUS, broadcast("H264", 9, BEGIN, gop=10_000))])
    assert [part.duration_ms for part in take.parts] == [4300, 4300, 400]
    assert [part.keyframe for part in take.parts] == [True, False, False]
    # then nothing is missing in between, and the playlist promises no more than what is true
    seen = shown(tmp_path / "stream", take)
    assert seen.pictures_ms == pytest.approx([number * FRAME_MS for number in range(9 * 30)], abs=1)
    assert take.gaps == []
    assert "INDEPENDENT" not in vod_playlist(take.segments(), None)


def test_an_encoder_that_puts_its_keyframes_little_more_than_four_seconds_apart_keeps_its_segments_independent(
    tmp_path: Path,
) -> None:
    # given the distance that x264 chooses by itself at 60 pictures a second: 250 of them
    take = record(tmp_path, [(H264, OPUS, broadcast("H264", 13, BEGIN, gop=125))])
    assert [part.keyframe for part in take.parts] == [True] * 4
    assert "INDEPENDENT" in vod_playlist(take.segments(), None)
    assert max(part.duration_ms for part in take.parts) < 4500


def test_a_part_of_many_bytes_is_closed_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.recording.segment.LARGEST_PART_BYTES", 50_000)
    take = record(tmp_path, [(H264, OPUS, broadcast("H264", 9, BEGIN, gop=10_000))])
    assert len(take.parts) > 2
    assert all(50_000 <= part.bytes < 100_000 for part in take.parts[:-1])
    assert len(shown(tmp_path / "stream", take).pictures_ms) == 9 * 30


def test_the_sound_of_a_camera_that_was_switched_off_is_recorded_in_parts(tmp_path: Path) -> None:
    pictures = picture_packets(encoded_pictures("H264", 3), "H264", BEGIN)
    take = record(tmp_path, [(H264, OPUS, in_order(pictures, sound_packets(encoded_sounds(17), BEGIN)))])
    assert [part.start_ms for part in take.parts] == [0, 2000, 6400, 10_800, 15_200]
    assert [part.keyframe for part in take.parts] == [True, True, False, False, False]
    seen = shown(tmp_path / "stream", take)
    assert len(seen.pictures_ms) == 90
    assert abs(seen.sound_end_ms - 17_000) < 20


@pytest.mark.parametrize("b_frames", [1, 2, 3])
def test_b_frames_are_shown_in_their_order(b_frames: int, tmp_path: Path) -> None:
    take = record(tmp_path, [(H264, OPUS, broadcast("H264", 4, BEGIN, b_frames=b_frames))])
    seen = shown(tmp_path / "stream", take)
    assert len(seen.pictures_ms) == 120
    assert seen.pictures_ms == pytest.approx([number * FRAME_MS for number in range(120)], abs=1)
    assert seen.flashes_ms == pytest.approx([0, 1000, 2000, 3000], abs=1)


def delayed_sound(seconds: float, delay_ms: int) -> list[Arrival]:
    """A broadcast whose sound takes longer on its way than its picture."""
    sounds = sound_packets(encoded_sounds(seconds), BEGIN + delay_ms * 1_000_000)
    return in_order(picture_packets(encoded_pictures("H264", seconds), "H264", BEGIN), sounds)


def test_sender_reports_bring_lips_and_voice_together(tmp_path: Path) -> None:
    # given sound that arrives 300 ms late, and reports that say when it was really made
    ntp = 3_900_000_000 << 32
    reports: Reports = [("video", SenderReport(ntp, 5_000)), ("audio", SenderReport(ntp, 5_000))]
    # when
    take = record(tmp_path, [(H264, OPUS, delayed_sound(4, 300))], reports)
    # then
    seen = shown(tmp_path / "stream", take)
    for flash, beep in zip(seen.flashes_ms[1:], seen.beeps_ms[1:], strict=True):
        assert abs(flash - beep) < 40


def test_reports_of_two_unrelated_clocks_are_not_believed(tmp_path: Path) -> None:
    ntp = 3_900_000_000 << 32
    reports: Reports = [("video", SenderReport(ntp, 5_000)), ("audio", SenderReport(ntp + (3600 << 32), 5_000))]
    take = record(tmp_path, [(H264, OPUS, delayed_sound(4, 0))], reports)
    seen = shown(tmp_path / "stream", take)
    for flash, beep in zip(seen.flashes_ms, seen.beeps_ms, strict=True):
        assert abs(flash - beep) < 40


def test_a_timestamp_that_jumps_hours_costs_no_hours(tmp_path: Path) -> None:
    first = picture_packets(encoded_pictures("H264", 3), "H264", BEGIN)
    counters = Counters(sequence=first[-1].sequence + 1, timestamp=5_000 + 2 * 3600 * 90_000)
    second = picture_packets(encoded_pictures("H264", 3), "H264", BEGIN + 3 * SECOND_NS, counters)
    arrivals = in_order(first, second, sound_packets(encoded_sounds(6), BEGIN))
    take = record(tmp_path, [(H264, OPUS, arrivals)])
    assert take.summary().duration_ms == pytest.approx(6000, abs=40)


@pytest.mark.parametrize("drift_seconds", [-2.2, 2.2])
def test_known_bug_a_clock_that_drifts_restarts_no_part_and_leaves_no_gap(
    drift_seconds: float, tmp_path: Path
) -> None:
    # given a publisher's clock that is, in 6 s, as much away from ours as 100 ppm make it in 6 h
    stretch = (6 + drift_seconds) / 6
    arrivals = [replace(a, at_ns=BEGIN + int((a.at_ns - BEGIN) * stretch)) for a in broadcast("H264", 6, BEGIN)]
    # when
    take = record(tmp_path, [(H264, OPUS, arrivals)])
    # then
    assert [part.duration_ms for part in take.parts] == [2000, 2000, 2000]
    assert len(take.runs) == 1
    assert take.gaps == []


def test_packets_of_another_payload_type_are_left_out(tmp_path: Path) -> None:
    arrivals = broadcast("H264", 3, BEGIN)
    strange = [replace(a, packet=a.packet[:1] + b"\x7f" + a.packet[2:]) for a in arrivals[::7]]
    take = record(tmp_path, [(H264, OPUS, in_order(arrivals, strange))])
    assert len(shown(tmp_path / "stream", take).pictures_ms) == 90


def test_a_take_without_a_picture_is_empty_and_still_a_take(tmp_path: Path) -> None:
    take = record(tmp_path, [(H264, None, [])])
    assert take.summary().duration_ms == 0
    assert json.loads(json.dumps(take.as_json()))["parts"] == []


def test_a_playlist_names_each_part_with_its_exact_length() -> None:
    segments = [
        Segment("part-000000.m4s", "init-0.mp4", 0, 2033),
        Segment("part-000001.m4s", "init-0.mp4", 2033, 2967),
        Segment("part-000002.m4s", "init-1.mp4", 9000, 500),
    ]
    assert vod_playlist(segments, None).splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:3",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="init-0.mp4"',
        "#EXTINF:2.033,",
        "part-000000.m4s",
        "#EXTINF:2.967,",
        "part-000001.m4s",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="init-1.mp4"',
        "#EXTINF:0.500,",
        "part-000002.m4s",
        "#EXT-X-ENDLIST",
    ]
