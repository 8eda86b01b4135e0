"""The numbers in a VP8 payload descriptor (RFC 7741, 4.2) that must go on without a step when layers change."""

from __future__ import annotations

from typing import NamedTuple

LONG = 0x7FFF  # a picture id of 15 bits
SHORT = 0x7F  # of 7 bits
ABSENT = -1


class Vp8Numbers(NamedTuple):
    """Picture id and TL0PICIDX of a packet, with their places in the payload (ABSENT: it has none)."""

    picture_at: int
    picture: int
    picture_mask: int  # LONG or SHORT
    base_at: int
    base: int


NONE = Vp8Numbers(ABSENT, 0, LONG, ABSENT, 0)


def read_numbers(payload: bytes) -> Vp8Numbers:
    """Where the numbers of this packet stand. A descriptor that is cut off has none."""
    if len(payload) < 2 or not payload[0] & 0x80:
        return NONE
    flags = payload[1]
    at = 2
    picture_at, picture, mask = ABSENT, 0, LONG
    if flags & 0x80:
        if len(payload) < at + 2:
            return NONE
        picture_at = at
        if payload[at] & 0x80:
            picture = (payload[at] & 0x7F) << 8 | payload[at + 1]
            at += 2
        else:
            picture, mask = payload[at], SHORT
            at += 1
    if not flags & 0x40:
        return Vp8Numbers(picture_at, picture, mask, ABSENT, 0)
    if len(payload) <= at:
        return NONE
    return Vp8Numbers(picture_at, picture, mask, at, payload[at])


def shift_numbers(payload: bytes, numbers: Vp8Numbers, picture_shift: int, base_shift: int) -> bytes:
    """The payload with both numbers moved on."""
    changed = bytearray(payload)
    if numbers.picture_at != ABSENT:
        picture = numbers.picture + picture_shift & numbers.picture_mask
        if numbers.picture_mask == LONG:
            changed[numbers.picture_at] = 0x80 | picture >> 8
            changed[numbers.picture_at + 1] = picture & 0xFF
        else:
            changed[numbers.picture_at] = picture
    if numbers.base_at != ABSENT:
        changed[numbers.base_at] = numbers.base + base_shift & 0xFF
    return bytes(changed)
