"""Sequence numbers, timestamps and packets as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.rtp.keyframe import DETECTORS, KeyframeRequests, h264_keyframe, vp8_keyframe
from media.rtp.packet import MARKER, RtpPacket, open_rtx, parse_rtp
from media.rtp.seq import Unwrapper, distance, time_distance
from media.rtp.timeline import PublisherClock, Timeline, from_ntp, to_ntp


@pytest.mark.parametrize(
    ("newer", "older", "expected"), [(0, 65535, 1), (65535, 0, -1), (5, 5, 0), (100, 65500, 136)]
)
def test_distance_wraps(newer: int, older: int, expected: int) -> None:
    assert distance(newer, older) == expected


def test_time_distance_wraps() -> None:
    assert time_distance(10, 0xFFFFFFF6) == 20


def test_unwrapping_survives_the_wrap_reordering_and_duplicates() -> None:
    unwrap = Unwrapper()
    seen = [unwrap.extend(s) for s in (65533, 65535, 65534, 0, 65535, 2, 1)]
    assert seen == [65533, 65535, 65534, 65536, 65535, 65538, 65537]
    assert unwrap.highest == 65538


@given(st.lists(st.integers(-30_000, 30_000), max_size=50), st.integers(0, 65535))
def test_unwrapping_follows_any_walk(steps: list[int], start: int) -> None:
    unwrap, place = Unwrapper(), start
    unwrap.extend(start)
    for step in steps:
        highest = unwrap.highest or 0
        place = highest + step
        assert unwrap.extend(place & 0xFFFF) == place


def test_a_packet_is_read_without_extension_csrc_and_padding() -> None:
    # given: padding, extension, one CSRC, marker
    data = bytes((0xB1, 0x80 | 102)) + bytes((0, 7)) + bytes(4) + b"\0\0\0\x09" + b"CSRC"
    data += b"\xbe\xde\0\x01" + b"\x10\xaa\0\0" + b"payload" + b"\0\0\x03"

    # when
    packet = parse_rtp(data)

    # then
    assert (packet.payload_type, packet.marker, packet.sequence, packet.ssrc) == (102, MARKER, 7, 9)
    assert packet.payload == b"payload"
    assert parse_rtp(bytes(packet)).payload == b"payload"


def test_a_packet_of_padding_alone_is_empty() -> None:
    assert parse_rtp(bytes((0xA0, 96)) + bytes(10) + b"\0\0\0\x04").payload == b""


@given(st.integers(0, 127), st.sampled_from((0, MARKER)), st.integers(0, 65535), st.binary(max_size=50))
def test_a_packet_survives_writing_and_reading(kind: int, marker: int, sequence: int, payload: bytes) -> None:
    packet = parse_rtp(bytes(RtpPacket(kind, marker, sequence, 2**32 - 1, 5, payload)))
    assert (packet.payload_type, packet.marker, packet.sequence, packet.payload) == (kind, marker, sequence, payload)


def test_a_retransmission_is_opened() -> None:
    opened = open_rtx(RtpPacket(97, MARKER, 1, 90, 8, b"\x01\x02picture"), 7, 96)
    assert opened is not None
    assert (opened.sequence, opened.ssrc, opened.payload_type, opened.payload) == (0x0102, 7, 96, b"picture")
    assert open_rtx(RtpPacket(97, 0, 1, 90, 8, b"\x01\x02"), 7, 96) is None


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x67\x42", True),  # SPS
        (b"\x65\x88", True),  # IDR
        (b"\x61\x88", False),  # another slice
        (b"\x78\x00\x02\x67\x42\x00\x02\x68\xce", True),  # STAP-A: SPS, PPS
        (b"\x78\x00\x02\x09\xf0\x00\x02\x65\x88", True),  # STAP-A: delimiter, IDR
        (b"\x78\x00\x02\x06\x01\x00\x02\x61\x88", False),  # STAP-A: SEI, slice
        (b"\x7c\x85\x88", True),  # FU-A: start of IDR
        (b"\x7c\x05\x88", False),  # FU-A: middle of IDR
        (b"\x7c\x81\x88", False),  # FU-A: start of another slice
        (b"", False),
    ],
)
def test_h264_keyframes_are_found(payload: bytes, expected: bool) -> None:
    assert h264_keyframe(payload) is expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\x10\x00", True),
        (b"\x10\x01", False),
        (b"\x00\x00", False),  # not the first packet
        (b"\x11\x00", False),  # another partition
        (b"\x90\xe0\x81\x22\x05\x60\x00", True),  # 15-bit picture id, TL0PICIDX, TID
        (b"\x90\x80\x11\x01", False),
        (b"\x90", False),
        (b"", False),
    ],
)
def test_vp8_keyframes_are_found(payload: bytes, expected: bool) -> None:
    assert vp8_keyframe(payload) is expected


@given(st.binary(max_size=40))
def test_any_payload_is_a_keyframe_or_not(payload: bytes) -> None:
    assert {detect(payload) for detect in DETECTORS.values()} <= {True, False}


@pytest.mark.parametrize(
    ("codec", "payload", "expected"),
    [
        ("VP9", "88 8122 00", True),  # 15-bit picture id, begins a frame, not predicted
        ("VP9", "c8 8122 00", False),  # predicted
        ("VP9", "80 22 00", False),  # goes on with a frame
        ("VP9", "a8 22 00 00", True),  # lowest spatial layer
        ("VP9", "a8 22 04 00", False),  # a higher one
        ("VP9", "a8 22", False),
        ("AV1", "18 0a", True),
        ("AV1", "10 0a", False),
        ("AV1", "98 0a", False),  # says that it goes on with an element: a sequence can't begin so
        ("H265", "40 01 0c", True),  # VPS
        ("H265", "26 01 af", True),  # IDR
        ("H265", "02 01 d0", False),
        ("H265", "62 01 93", True),  # first fragment of an IDR
        ("H265", "62 01 13", False),  # a later one
        ("H265", "60 01 0002 0201 0002 4401", True),  # an aggregate with a PPS
        ("H265", "60 01 0002 0201", False),
        ("H265", "26", False),
    ],
)
def test_keyframes_of_the_codecs_that_are_forwarded_as_they_are_are_found(
    codec: str, payload: str, expected: bool
) -> None:
    assert DETECTORS[codec](bytes.fromhex(payload)) is expected


def test_many_wishes_for_a_keyframe_become_one_request_and_none_is_forgotten() -> None:
    requests = KeyframeRequests()
    sent = []
    for now in (0.0, 0.1, 0.2, 0.6, 0.7, 1.3):
        if now < 0.3:
            requests.ask()
        sent.append(requests.due(now))
        if now == 0.6:
            requests.arrived()
    assert sent == [True, False, False, True, False, False]


def test_a_publisher_that_never_answers_is_not_asked_for_ever() -> None:
    requests = KeyframeRequests()
    requests.ask()
    assert sum(requests.due(float(second)) for second in range(100)) == 20


def test_reports_keep_sound_and_picture_on_one_clock() -> None:
    # given: a publisher whose clock is a year behind; his picture was taken 0.5 s before his sound
    clock, wall = PublisherClock(), 1_800_000_000.0
    theirs = wall - 31_536_000
    video, audio = Timeline(90_000), Timeline(48_000)

    # when
    video.set(1000, clock.ours(to_ntp(theirs - 0.5), wall))
    audio.set(2000, clock.ours(to_ntp(theirs), wall + 0.2))  # this report took longer

    # then
    assert video.at(wall + 1.0) == 1000 + 90_000
    assert audio.at(wall + 1.0) == pytest.approx(2000 + 48_000 * 0.5, abs=2)


@given(st.floats(0, 4e9))
def test_ntp_times_survive_the_round_trip(seconds: float) -> None:
    assert from_ntp(to_ntp(seconds) if seconds < 2**32 - 2_208_988_800 else 0) == pytest.approx(
        seconds if seconds < 2**32 - 2_208_988_800 else -2_208_988_800, abs=1e-5
    )
