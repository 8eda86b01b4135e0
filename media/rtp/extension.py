"""RTP header extensions (RFC 8285): read by number, written in the form that fits, and the URIs that we know."""

from __future__ import annotations

from collections.abc import Iterable

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
TRANSPORT_WIDE = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
DEPENDENCY = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"

_ONE_BYTE = b"\xbe\xde"
_TWO_BYTES = b"\x10\x00"
_RESERVED = 15
_HEAD_BYTES = 4
_TICKS = 1 << 18  # abs-send-time counts seconds in 6.18 fixed point


def parse_extensions(block: bytes) -> dict[int, bytes]:
    """The elements of a header extension, with its four bytes of head, by their number.

    An unknown profile has no elements. Raises:
        ValueError: when lengths lie.
    """
    if len(block) < _HEAD_BYTES:
        raise ValueError("RTP header extension is cut off")
    if block[:2] == _ONE_BYTE:
        return _read_one_byte(block)
    if block[0] == _TWO_BYTES[0] and block[1] & 0xF0 == 0:
        return _read_two_bytes(block)
    return {}


def _read_one_byte(block: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at, end = _HEAD_BYTES, len(block)
    while at < end:
        head = block[at]
        number = head >> 4
        if number == _RESERVED:
            break
        if number == 0:
            at += 1
            continue
        after = at + 2 + (head & 15)
        if after > end:
            raise ValueError("RTP header extension element is cut off")
        found[number] = block[at + 1 : after]
        at = after
    return found


def _read_two_bytes(block: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at, end = _HEAD_BYTES, len(block)
    while at < end:
        if block[at] == 0:
            at += 1
            continue
        if at + 2 > end or at + 2 + block[at + 1] > end:
            raise ValueError("RTP header extension element is cut off")
        after = at + 2 + block[at + 1]
        found[block[at]] = block[at + 2 : after]
        at = after
    return found


def write_extensions(elements: Iterable[tuple[int, bytes]]) -> bytes:
    """A header extension with its head; empty when there are no elements. Numbers and lengths fit into a byte."""
    listed = list(elements)
    if not listed:
        return b""
    if all(number < _RESERVED and 1 <= len(value) <= 16 for number, value in listed):
        head = _ONE_BYTE
        body = b"".join(bytes((number << 4 | len(value) - 1,)) + value for number, value in listed)
    else:
        head = _TWO_BYTES
        body = b"".join(bytes((number, len(value))) + value for number, value in listed)
    body += bytes(-len(body) % 4)
    return head + (len(body) // 4).to_bytes(2, "big") + body


def abs_send_time(seconds: float) -> bytes:
    """The three bytes of abs-send-time for a moment of any steady clock: seconds in 1/2¹⁸, wrapping after 64 s.

    Source: http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time.
    """
    return (int(seconds * _TICKS) & 0xFFFFFF).to_bytes(3, "big")
