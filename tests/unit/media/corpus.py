"""Datagrams and texts as real peers send them, and as somebody sends them who means no good."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

from media.rtp import feedback
from media.rtp.extension import write_extensions
from media.rtp.packet import RtpPacket
from media.rtp.transport_feedback import TransportFeedback
from media.transport import stun
from tests.unit.media.odd_offers import PLAYERS, PUBLISHERS
from tests.unit.media.offers import ALL

KEY = b"a password of a session"
ELEMENTS = write_extensions([(4, b"0"), (10, b"h"), (3, b"\x01\x02\x03"), (5, b"\0\1")])
LARGE_ELEMENTS = write_extensions([(4, b"0"), (200, b"x" * 40)])
H264 = [
    b"\x67\x42\xc0\x1f\x8c\x8d\x40",
    b"\x65\x88\x84" + bytes(20),
    b"\x7c\x85\x88" + bytes(20),
    b"\x78\x00\x07\x67\x42\xc0\x1f\x8c\x8d\x40\x00\x02\x68\xce",
    b"\x41\x9a" + bytes(20),
]
VP8 = [
    b"\x90\x80\x81\x02\x30\x01\x00\x9d\x01\x2a\x80\x02\x68\x01",
    b"\x90\xe0\x81\x02\x07\x40\x31\x02" + bytes(10),
    b"\x90\x80\x11\x30\x01\x00\x9d\x01\x2a",
    b"\x10\x31" + bytes(8),
]


def _rtp() -> list[bytes]:
    plain = [bytes(RtpPacket(96, 0x80, 65535, 2**32 - 1, 7, payload)) for payload in (*H264, *VP8, b"")]
    whole = plain[0]
    extended = [
        whole[:1].replace(b"\x80", b"\x90") + whole[1:12] + e + whole[12:] for e in (ELEMENTS, LARGE_ELEMENTS)
    ]
    with_sources = b"\x83" + whole[1:12] + bytes(12) + whole[12:]
    padded = b"\xa0" + whole[1:] + b"\0\0\0\x04"
    everything = b"\xb2" + whole[1:12] + bytes(8) + ELEMENTS + b"\x65\x88" + b"\0\x02"
    return [*plain, *extended, with_sources, padded, everything]


def _rtcp() -> list[bytes]:
    block = feedback.ReportBlock(7, 3, -5, 70_000, 9, 1, 2)
    transport = TransportFeedback()
    for number in (65_530, 65_531, 65_535, 1, 2, 9):
        transport.arrived(number, 1000 + number / 65_536)
    packets = [
        feedback.receiver_report(1, ()),
        feedback.receiver_report(1, [block, block]),
        feedback.sender_report(feedback.SenderReport(7, 1 << 40, 90_000), 10, 1000),
        feedback.source_name(7),
        feedback.nack(1, 7, [1, 2, 3, 30, 65_535]),
        feedback.picture_loss(1, 7),
        feedback.bandwidth(1, 1_500_000, [7, 8]),
        feedback.goodbye([7, 8]),
        struct.pack("!BBHLLLL", 0x84, 206, 4, 1, 0, 7, 1 << 24),  # FIR
        transport.report(1, 7) or b"",
    ]
    return [*packets, b"".join(packets)]


def _stun() -> list[bytes]:
    number = bytes(range(12))
    request = stun.binding_request(number, "ours:theirs", 1, KEY)
    answers = [stun.binding_response(number, a, KEY) for a in (("192.0.2.1", 5000), ("2001:db8::1", 5000))]
    return [request, *answers, b"\x00\x01\x00\x00\x21\x12\xa4\x42" + number, b"\x00\x11" + request[2:]]


RTP, RTCP, STUN = _rtp(), _rtcp(), _stun()
DTLS = [b"\x16\xfe\xff" + bytes(8) + b"\x00\x20" + bytes(32), b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28"]
OFFERS = [*ALL, *PUBLISHERS.values(), *PLAYERS.values()]
FRAGMENTS = [
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 X 0\r\na=mid:0\r\na=end-of-candidates"
]
MOST_BYTES = 2048
_EDGES = (0, 1, 2, 3, 4, 12, 15, 16, 20, 0x7F, 0x80, 0xFE, 0xFF)


Change = Callable[[bytearray, int, random.Random], None]


def _flip(data: bytearray, at: int, dice: random.Random) -> None:
    data[at] ^= 1 << dice.randrange(8)


def _set_edge(data: bytearray, at: int, dice: random.Random) -> None:
    data[at] = dice.choice(_EDGES)


def _cut(data: bytearray, at: int, dice: random.Random) -> None:
    del data[at:]


def _remove(data: bytearray, at: int, dice: random.Random) -> None:
    del data[at : at + dice.randrange(1, 9)]


def _insert(data: bytearray, at: int, dice: random.Random) -> None:
    data[at:at] = dice.randbytes(dice.randrange(1, 9))


def _repeat(data: bytearray, at: int, dice: random.Random) -> None:
    data[at:at] = data[at : at + dice.randrange(1, 40)] * dice.choice((1, 2, 30))


def _lie_about_length(data: bytearray, at: int, dice: random.Random) -> None:
    place = dice.choice((2, 4, 14, 16, at))
    if place + 2 <= len(data):
        data[place : place + 2] = dice.choice((0, 1, 0x7FFF, 0xFFFF, len(data))).to_bytes(2, "big")


def _change_kind(data: bytearray, at: int, dice: random.Random) -> None:
    data[:2] = dice.randbytes(2)


CHANGES: Sequence[Change] = (_flip, _set_edge, _cut, _remove, _insert, _repeat, _lie_about_length, _change_kind)


def mutate(data: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    """One or a few changes; sometimes another datagram behind it."""
    changed = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        if not changed:
            break
        dice.choice(CHANGES)(changed, dice.randrange(len(changed)), dice)
    if dice.randrange(10) == 0:
        changed += dice.choice(others)
    return bytes(changed[:MOST_BYTES])
