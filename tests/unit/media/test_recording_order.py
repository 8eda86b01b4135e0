"""Packets back in order: wraps, reordering, doubles, gaps, senders that count anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from media.recording.reorder import (
    HELD_LIMIT,
    LATE_IN_A_ROW,
    SSRC_SILENCE_NS,
    START_WAIT_NS,
    WAIT_NS,
    OrderedPacket,
    Reorder,
)
from media.rtp.packet import RtpPacket


def make_packet(sequence: int, timestamp: int = 0, ssrc: int = 1) -> RtpPacket:
    return RtpPacket(96, 0, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc, str(sequence).encode())


def numbers(packets: list[OrderedPacket]) -> list[int]:
    return [int(packet.payload) for packet in packets]


def test_packets_across_the_wrap_come_out_in_order() -> None:
    reorder = Reorder()
    for sequence in (65533, 65535, 65534, 65537, 65536):
        reorder.push(make_packet(sequence), 0)
    found = reorder.take(START_WAIT_NS)
    assert numbers(found) == [65533, 65534, 65535, 65536, 65537]
    assert not any(packet.after_loss for packet in found)


def test_a_timestamp_goes_on_rising_when_it_wraps() -> None:
    reorder = Reorder()
    for index in range(3):
        reorder.push(make_packet(index, timestamp=0xFFFFFFFF - 3000 + 3000 * index), 0)
    first, second, third = (packet.timestamp for packet in reorder.take(START_WAIT_NS))
    assert third - second == second - first == 3000


def test_the_first_packets_may_be_out_of_order_too() -> None:
    reorder = Reorder()
    for sequence in (2, 65535, 1, 0):
        reorder.push(make_packet(sequence), 0)
    assert reorder.take(START_WAIT_NS - 1) == []
    assert numbers(reorder.take(START_WAIT_NS)) == [65535, 0, 1, 2]


def test_a_double_is_handed_out_once() -> None:
    reorder = Reorder()
    for sequence in (1, 1, 2, 1, 2):
        reorder.push(make_packet(sequence), 0)
    assert numbers(reorder.take(START_WAIT_NS)) == [1, 2]


def test_a_gap_is_waited_for_and_then_given_up() -> None:
    reorder = Reorder()
    for sequence in (1, 3, 4):
        reorder.push(make_packet(sequence), 0)
    assert numbers(reorder.take(WAIT_NS - 1)) == [1]
    later = reorder.take(WAIT_NS)
    assert numbers(later) == [3, 4]
    assert [packet.after_loss for packet in later] == [True, False]
    assert reorder.lost_packets == 1


def test_a_retransmission_in_time_fills_the_gap() -> None:
    reorder = Reorder()
    for sequence in (1, 3):
        reorder.push(make_packet(sequence), 0)
    reorder.take(START_WAIT_NS)
    reorder.push(make_packet(2), WAIT_NS // 2)
    found = reorder.take(WAIT_NS // 2)
    assert numbers(found) == [2, 3]
    assert not any(packet.after_loss for packet in found)


def test_no_more_than_the_limit_is_held() -> None:
    reorder = Reorder()
    reorder.push(make_packet(0), 0)
    for sequence in range(2, HELD_LIMIT + 2):
        reorder.push(make_packet(sequence), 0)
    assert len(reorder.take(START_WAIT_NS)) == HELD_LIMIT + 1


def test_a_sender_that_counts_anew_is_followed() -> None:
    reorder = Reorder()
    reorder.push(make_packet(30_000), 0)
    reorder.take(START_WAIT_NS)
    found: list[OrderedPacket] = []
    for sequence in range(100, 100 + LATE_IN_A_ROW + 10):
        reorder.push(make_packet(sequence), START_WAIT_NS)
        found += reorder.take(2 * START_WAIT_NS)
    assert numbers(found) == list(range(100 + LATE_IN_A_ROW - 1, 100 + LATE_IN_A_ROW + 10))
    assert found[0].after_loss


def test_another_layer_is_ignored_until_the_first_is_silent() -> None:
    reorder = Reorder()
    reorder.push(make_packet(1, ssrc=1), 0)
    reorder.push(make_packet(500, ssrc=2), 1)
    assert numbers(reorder.take(START_WAIT_NS)) == [1]
    reorder.push(make_packet(501, ssrc=2), SSRC_SILENCE_NS + 1)
    assert numbers(reorder.take(SSRC_SILENCE_NS + 1 + START_WAIT_NS)) == [501]


@given(st.permutations(range(40)), st.integers(0, 65535))
def test_any_order_comes_out_rising(order: list[int], start: int) -> None:
    reorder = Reorder()
    reorder.push(make_packet(start), 0)
    for index in order:
        reorder.push(make_packet(start + 1 + index), 0)
    assert numbers(reorder.take(START_WAIT_NS)) == list(range(start, start + 41))
