"""RTCP written, read, and damaged."""

from __future__ import annotations

import contextlib

import pytest
from aiortc.rtp import RtcpPacket
from hypothesis import given
from hypothesis import strategies as st

from media.rtp import feedback
from media.rtp.feedback import Bandwidth, Bye, KeyframeWanted, Lost, ReportBlock, SenderReport, parse_rtcp
from media.rtp.reception import BandwidthEstimate, Reception

BLOCK = ReportBlock(7, 25, -3, 70_000, 12, 0xABCD, 65536)


def test_what_is_written_reads_the_same() -> None:
    report = SenderReport(5, 0x1234567890ABCDEF, 99)
    compound = feedback.sender_report(report, 10, 1000) + feedback.source_name(5)
    compound += feedback.receiver_report(1, [BLOCK]) + feedback.nack(1, 7, [65534, 65535, 0, 40])
    compound += feedback.picture_loss(1, 7) + feedback.bandwidth(1, 2_500_000, [7, 8]) + feedback.goodbye([5, 6])

    found = parse_rtcp(compound)

    assert found[:2] == [report, BLOCK]
    assert found[2] == Lost(7, (65534, 65535, 0, 40))
    assert found[3] == KeyframeWanted(7)
    assert isinstance(found[4], Bandwidth)
    assert found[4].bits_per_second == pytest.approx(2_500_000, rel=0.001)
    assert found[5] == Bye((5, 6))
    assert len(RtcpPacket.parse(compound)) == 7  # aiortc reads it too


def test_a_full_intra_request_names_its_source() -> None:
    fir = bytes((0x84, 206, 0, 4)) + b"\0\0\0\1\0\0\0\0" + b"\0\0\0\x07\x01\0\0\0"
    assert parse_rtcp(fir) == [KeyframeWanted(7)]


def test_a_nack_bomb_is_cut() -> None:
    words = 2 + 16_000
    bomb = bytes((0x81, 205)) + words.to_bytes(2, "big") + bytes(8) + b"\0\0\xff\xff" * 16_000
    (lost,) = parse_rtcp(bomb)
    assert isinstance(lost, Lost)
    assert len(lost.sequences) == feedback.MOST_LOST_PER_NACK


@given(st.binary(max_size=64), st.integers(200, 207), st.integers(0, 63))
def test_any_body_under_a_true_header_is_read_or_a_value_error(body: bytes, kind: int, count: int) -> None:
    body += bytes(-len(body) % 4)
    with contextlib.suppress(ValueError):
        parse_rtcp(bytes((0x80 | count, kind)) + (len(body) // 4).to_bytes(2, "big") + body)


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=40, unique=True))
def test_every_lost_packet_is_asked_for(sequences: list[int]) -> None:
    (lost,) = parse_rtcp(feedback.nack(1, 2, sorted(sequences)))
    assert isinstance(lost, Lost)
    assert sorted(lost.sequences) == sorted(sequences)


def test_a_gap_is_asked_for_until_it_is_filled() -> None:
    # given
    reception = Reception(1, 90_000)
    for sequence in (65533, 65534):
        reception.arrived(sequence, 0, 0.0)

    # when
    shows_gap = reception.arrived(1, 0, 0.0)

    # then
    assert shows_gap
    assert reception.due(0.0) == [65535, 0]
    assert reception.due(0.05) == []
    assert not reception.arrived(0, 0, 0.06)
    assert reception.due(0.2) == [65535]


def test_what_never_comes_is_given_up() -> None:
    reception = Reception(1, 90_000)
    reception.arrived(1, 0, 0.0)
    reception.arrived(3, 0, 0.0)
    asked = sum(len(reception.due(second / 5)) for second in range(100))
    assert asked == 10


def test_a_receiver_report_tells_loss_of_the_interval() -> None:
    reception = Reception(1, 90_000)
    for sequence in (0, 1, 2, 5, 6, 7, 8, 9):
        reception.arrived(sequence, sequence * 3000, sequence / 30)
    report = reception.report(1.0)
    assert (report.fraction_lost, report.packets_lost, report.highest) == (51, 2, 9)
    assert reception.report(2.0).fraction_lost == 0


@pytest.mark.parametrize("begin", [40_000, 100])  # beyond, and before, what is near
def test_a_source_whose_numbers_begin_anew_has_lost_nothing(begin: int) -> None:
    # given
    reception = Reception(1, 90_000)
    for sequence in range(20_000, 20_010):
        reception.arrived(sequence, 0, 0.0)
    reception.report(1.0)

    # when
    for sequence in (begin, begin + 1, begin + 3):
        reception.arrived(sequence, 0, 1.0)

    # then
    assert reception.due(1.0) == [begin + 2]
    report = reception.report(2.0)
    assert (report.fraction_lost, report.packets_lost, report.highest) == (64, 1, begin + 3)


def test_the_estimate_grows_without_loss_and_shrinks_with_it() -> None:
    estimate = BandwidthEstimate()
    assert estimate.bits_per_second == 1_500_000
    for _ in range(20):
        estimate.update(0.0)
    assert estimate.bits_per_second == 3_000_000
    assert estimate.update(0.05) == 3_000_000
    assert estimate.update(0.5) == 2_250_000
    for _ in range(50):
        estimate.update(0.9)
    assert estimate.bits_per_second == BandwidthEstimate.LEAST
