"""Header extensions, VP8's numbers, transport-wide feedback, and what the recorder is fed: as bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from aiortc.rtp import unpack_header_extensions
from hypothesis import given
from hypothesis import strategies as st

from media.recording.feed import LAYER_SILENT_SECONDS, RecorderFeed
from media.recording.tracks import TrackFormat
from media.rtp.extension import abs_send_time, parse_extensions, write_extensions
from media.rtp.packet import RtpPacket, parse_rtp
from media.rtp.transport_feedback import MOST_PACKETS, TransportFeedback
from media.rtp.vp8 import ABSENT, LONG, SHORT, read_numbers, shift_numbers

ELEMENTS = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), min_size=1, max_size=6)
LARGE_ELEMENTS = st.dictionaries(st.integers(1, 255), st.binary(max_size=40), min_size=1, max_size=6)


@given(st.one_of(ELEMENTS, LARGE_ELEMENTS))
def test_what_is_written_is_read_again_by_us_and_by_aiortc(elements: dict[int, bytes]) -> None:
    written = write_extensions(elements.items())
    assert len(written) % 4 == 0
    assert parse_extensions(written) == elements
    profile = int.from_bytes(written[:2], "big")
    assert dict(unpack_header_extensions(profile, written[4:])) == elements


@given(st.binary(max_size=60), st.sampled_from([b"\xbe\xde", b"\x10\x00", b"\x10\x05", b"\xab\xcd"]))
def test_any_header_extension_is_read_or_refused(body: bytes, profile: bytes) -> None:
    try:
        found = parse_extensions(profile + (len(body) // 4).to_bytes(2, "big") + body)
    except ValueError:
        return
    assert all(value in body for value in found.values())


@given(ELEMENTS, st.integers(0, 60))
def test_a_cut_header_extension_has_no_elements_of_its_own(elements: dict[int, bytes], keep: int) -> None:
    try:
        found = parse_extensions(write_extensions(elements.items())[:keep])
    except ValueError:
        found = {}
    assert found.items() <= elements.items()


def test_no_elements_take_no_room() -> None:
    assert write_extensions([]) == b""


def test_abs_send_time_wraps_every_64_seconds() -> None:
    assert abs_send_time(1.5) == (0x060000).to_bytes(3, "big")
    assert abs_send_time(65.5) == abs_send_time(1.5)


# -- VP8


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("90e0812207e0 9d", (2, 0x122, LONG, 4, 7)),
        ("90c02207 9d", (2, 0x22, SHORT, 3, 7)),
        ("9080 8122 9d", (2, 0x122, LONG, ABSENT, 0)),
        ("9040 07 9d", (ABSENT, 0, LONG, 2, 7)),
        ("10 9d", (ABSENT, 0, LONG, ABSENT, 0)),
        ("90e0", (ABSENT, 0, LONG, ABSENT, 0)),
        ("90e08122", (ABSENT, 0, LONG, ABSENT, 0)),
        ("", (ABSENT, 0, LONG, ABSENT, 0)),
    ],
)
def test_the_numbers_of_a_vp8_packet_are_found_where_they_are(payload: str, expected: tuple[int, ...]) -> None:
    assert tuple(read_numbers(bytes.fromhex(payload))) == expected


@given(st.binary(max_size=20), st.integers(-40_000, 40_000), st.integers(-300, 300))
def test_moving_the_numbers_changes_nothing_else(payload: bytes, picture: int, base: int) -> None:
    numbers = read_numbers(payload)
    moved = shift_numbers(payload, numbers, picture, base)
    after = read_numbers(moved)
    assert len(moved) == len(payload)
    assert (after.picture_at, after.base_at) == (numbers.picture_at, numbers.base_at)
    if numbers.picture_at != ABSENT:
        assert after.picture == (numbers.picture + picture) & numbers.picture_mask
    if numbers.base_at != ABSENT:
        assert after.base == (numbers.base + base) & 0xFF
    assert shift_numbers(moved, after, -picture, -base) == payload


# -- transport-wide feedback


def read_feedback(packet: bytes) -> tuple[int, dict[int, float | None], int]:
    """Base number, arrival time (seconds) of each packet that is reported, and the feedback's own number.

    Written from draft-holmer-rmcat-transport-wide-cc-extensions-01, independently of the writer.
    """
    assert packet[0] & 0x1F == 15
    assert packet[1] == 205
    assert 4 * (int.from_bytes(packet[2:4], "big") + 1) == len(packet)
    base, count = int.from_bytes(packet[12:14], "big"), int.from_bytes(packet[14:16], "big")
    clock = int.from_bytes(packet[16:19], "big") * 0.064
    symbols: list[int] = []
    at = 20
    while len(symbols) < count:
        chunk = int.from_bytes(packet[at : at + 2], "big")
        at += 2
        if chunk & 0x8000 == 0:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif chunk & 0x4000:
            symbols += [chunk >> shift & 3 for shift in range(12, -1, -2)]
        else:
            symbols += [chunk >> shift & 1 for shift in range(13, -1, -1)]
    found: dict[int, float | None] = {}
    for number, symbol in enumerate(symbols[:count]):
        if symbol == 0:
            found[base + number & 0xFFFF] = None
            continue
        size = 1 if symbol == 1 else 2
        clock += int.from_bytes(packet[at : at + size], "big", signed=symbol == 2) * 0.00025
        at += size
        found[base + number & 0xFFFF] = clock
    return base, found, packet[19]


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 0.05)), min_size=1, max_size=200), st.integers(0, 65_535))
def test_feedback_says_when_each_packet_came_and_which_did_not(steps: list[tuple[int, float]], first: int) -> None:
    # given
    feedback = TransportFeedback()
    number, now = first, 5000.0
    came: dict[int, float] = {}
    for skipped, pause in steps:
        number, now = number + 1 + skipped, now + pause
        came[number & 0xFFFF] = now
        feedback.arrived(number & 0xFFFF, now)

    # when
    packet = feedback.report(1, 2)

    # then
    assert packet is not None
    _, found, _ = read_feedback(packet)
    assert {n for n, at in found.items() if at is not None} == set(came)
    for n, at in found.items():
        if at is not None:
            assert at == pytest.approx(came[n], abs=0.0003)
    assert feedback.report(1, 2) is None


def test_the_next_feedback_goes_on_where_the_last_one_ended() -> None:
    feedback = TransportFeedback()
    feedback.arrived(10, 1.0)
    assert feedback.report(1, 2) is not None
    feedback.arrived(13, 1.1)
    second = feedback.report(1, 2)
    assert second is not None
    base, found, number = read_feedback(second)
    assert (base, number) == (11, 1)
    assert [at is None for at in found.values()] == [True, True, False]


def test_a_late_packet_is_reported_and_a_jump_does_not_make_a_giant() -> None:
    feedback = TransportFeedback()
    feedback.arrived(100, 1.0)
    assert feedback.report(1, 2) is not None
    feedback.arrived(99, 1.05)
    feedback.arrived(102, 1.1)
    late = feedback.report(1, 2)
    assert late is not None
    assert read_feedback(late)[0] == 99
    feedback.arrived(103 + 20_000, 2.0)
    giant = feedback.report(1, 2)
    assert giant is not None
    assert len(read_feedback(giant)[1]) <= MOST_PACKETS


# -- the recorder


@dataclass
class Tape:
    """Keeps what a recorder would be given."""

    packets: list[RtpPacket] = field(default_factory=list)
    reports: list[tuple[str, int, int]] = field(default_factory=list)

    def begin_run(self, video: Any, audio: Any) -> None:
        self.packets.clear()

    def add(self, kind: str, packet: bytes, arrival_ns: int) -> None:
        self.packets.append(parse_rtp(packet))

    def add_sender_report(self, kind: str, ntp: int, rtp_timestamp: int) -> None:
        self.reports.append((kind, ntp, rtp_timestamp))


def make_feed() -> tuple[RecorderFeed, Tape]:
    tape = Tape()
    feed = RecorderFeed(tape)  # type: ignore[arg-type]
    feed.begin_run(TrackFormat("video", "VP8", 90_000, 1, 96), None, ("h", "l"))
    return feed, tape


def picture(feed: RecorderFeed, rid: str, sequence: int, timestamp: int, now: float, *, key: bool = False) -> None:
    feed.picture(rid, RtpPacket(96, 0x80, sequence, timestamp, 1, rid.encode()), now, is_keyframe=key)


def test_the_best_layer_is_recorded_as_soon_as_it_has_a_keyframe() -> None:
    # given
    feed, tape = make_feed()
    picture(feed, "l", 500, 3000, 0.0, key=True)
    picture(feed, "h", 900, 3000, 0.0)
    assert feed.wanted(0.0) == "h"

    # when
    picture(feed, "l", 501, 6000, 0.03)
    picture(feed, "h", 901, 6000, 0.03, key=True)
    picture(feed, "l", 502, 9000, 0.06)
    picture(feed, "h", 902, 9000, 0.06)

    # then
    assert [p.payload for p in tape.packets] == [b"l", b"l", b"h", b"h"]
    assert [p.sequence for p in tape.packets] == [500, 501, 502, 503]
    assert [p.timestamp for p in tape.packets] == [3000, 6000, 6001, 9001]
    feed.clock("video", "h", 77, 12_000)
    feed.clock("video", "l", 78, 12_000)
    assert tape.reports == [("video", 77, 12_001)]


def test_when_the_best_layer_falls_silent_the_next_one_goes_on() -> None:
    feed, tape = make_feed()
    picture(feed, "h", 900, 3000, 0.0, key=True)
    picture(feed, "l", 500, 6000, 0.03, key=True)  # not yet: the better one may only be late
    later = LAYER_SILENT_SECONDS + 0.1
    assert feed.wanted(later) == "h"
    picture(feed, "l", 501, 9000, later)
    assert feed.wanted(later) == "l"
    picture(feed, "l", 502, 12_000, later, key=True)
    assert [(p.payload, p.sequence) for p in tape.packets] == [(b"h", 900), (b"l", 901)]


def test_pictures_that_no_mp4_holds_are_not_recorded() -> None:
    feed, tape = make_feed()
    feed.begin_run(None, TrackFormat("audio", "opus", 48_000, 2, 111), ("",))
    feed.picture("", RtpPacket(98, 0x80, 1, 3000, 1, b"AV1"), 0.0, is_keyframe=True)
    feed.sound(RtpPacket(111, 0x80, 1, 960, 1, b"opus"), 0.0)
    assert [p.payload for p in tape.packets] == [b"opus"]


def test_a_report_fits_into_a_datagram_whatever_the_order_of_arrival() -> None:
    feedback = TransportFeedback()
    for number in range(5000):
        feedback.arrived(-number & 0xFFFF, 1000 + number / 1000)
    report = feedback.report(1, 2)
    assert report is not None
    assert len(report) <= 1000
