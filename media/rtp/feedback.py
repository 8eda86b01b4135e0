"""RTCP as bytes (RFC 3550, 4585, 5104, REMB): written for publishers and viewers, read from both."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
NACK = 1
PLI, FIR, APPLICATION = 1, 4, 15
_HEAD = struct.Struct("!BBH")
_TWO = struct.Struct("!LL")
_SENDER_INFO = struct.Struct("!LQLLL")
_BLOCK = struct.Struct("!LLLLLL")
_PAIR = struct.Struct("!HH")
CNAME = b"dongting"  # one for sound and picture: players keep what has the same name together
MOST_BANDWIDTH = 10**12  # bits per second; the format holds numbers that mean nothing
MOST_LOST_PER_NACK = 512  # a peer that asks for more gets these; the rest is noise or an attack


class SenderReport(NamedTuple):
    """What a sender says: at wall clock `ntp` (64-bit) its RTP clock stood at `rtp_timestamp` (RFC 3550, 6.4.1)."""

    ssrc: int
    ntp: int
    rtp_timestamp: int


class ReportBlock(NamedTuple):
    """What a receiver says about one source it hears (RFC 3550, 6.4.1)."""

    ssrc: int
    fraction_lost: int  # of the packets since the report before, in 1/256
    packets_lost: int  # since the beginning; negative where more came than were sent once
    highest: int  # extended sequence number: turns of the 16-bit one above it
    jitter: int  # in ticks of the source's RTP clock
    last_report: int  # the middle 32 bits of the NTP time in the last sender report; 0: there was none
    delay: int  # since that came, in 1/65536 s


class Lost(NamedTuple):
    """A NACK (RFC 4585, 6.2.1): the packets of `ssrc`, by 16-bit number, that did not arrive."""

    ssrc: int
    sequences: tuple[int, ...]


class KeyframeWanted(NamedTuple):
    """A PLI (RFC 4585, 6.3.1) or FIR (RFC 5104, 4.3.1) about `ssrc`."""

    ssrc: int


class Bandwidth(NamedTuple):
    """A REMB (draft-alvestrand-rmcat-remb-03): what the receiver believes fits through."""

    bits_per_second: int


class Bye(NamedTuple):
    """The sender of these sources leaves (RFC 3550, 6.6)."""

    ssrcs: tuple[int, ...]


Feedback = SenderReport | ReportBlock | Lost | KeyframeWanted | Bandwidth | Bye


def parse_rtcp(data: bytes) -> list[Feedback]:
    """Read a compound or reduced-size packet; kinds we have no use for are skipped.

    Raises:
        ValueError: when lengths lie or the version is wrong.
    """
    found: list[Feedback] = []
    at = 0
    while at < len(data):
        if len(data) - at < 4:
            raise ValueError("RTCP header is cut off")
        first, kind, words = _HEAD.unpack_from(data, at)
        if first & 0xC0 != 0x80:
            raise ValueError("not RTCP version 2")
        end = at + 4 + 4 * words
        if end > len(data):
            raise ValueError("RTCP packet is cut off")
        body = data[at + 4 : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                raise ValueError("RTCP padding lies")
            body = body[: -body[-1]]
        reader = _READERS.get(kind)
        if reader is not None:
            reader(body, first & 0x1F, found)
        at = end
    return found


def _read_sr(body: bytes, count: int, found: list[Feedback]) -> None:
    if len(body) < 24 + 24 * count:
        raise ValueError("sender report is cut off")
    ssrc, ntp, timestamp, _, _ = _SENDER_INFO.unpack_from(body)
    found.append(SenderReport(ssrc, ntp, timestamp))
    _read_blocks(body, 24, count, found)


def _read_rr(body: bytes, count: int, found: list[Feedback]) -> None:
    if len(body) < 4 + 24 * count:
        raise ValueError("receiver report is cut off")
    _read_blocks(body, 4, count, found)


def _read_blocks(body: bytes, at: int, count: int, found: list[Feedback]) -> None:
    for block in range(count):
        ssrc, lost, highest, jitter, last_report, delay = _BLOCK.unpack_from(body, at + 24 * block)
        packets_lost = lost & 0xFFFFFF
        if packets_lost & 0x800000:
            packets_lost -= 0x1000000
        found.append(ReportBlock(ssrc, lost >> 24, packets_lost, highest, jitter, last_report, delay))


def _read_bye(body: bytes, count: int, found: list[Feedback]) -> None:
    if len(body) < 4 * count:
        raise ValueError("goodbye is cut off")
    found.append(Bye(struct.unpack_from(f"!{count}L", body)))


def _read_rtpfb(body: bytes, kind: int, found: list[Feedback]) -> None:
    if len(body) < 8:
        raise ValueError("transport feedback is cut off")
    if kind != NACK:
        return
    if len(body) % 4:
        raise ValueError("NACK is cut off")
    lost: list[int] = []
    for at in range(8, len(body), 4):
        first, more = _PAIR.unpack_from(body, at)
        lost.append(first)
        lost += [(first + bit + 1) & 0xFFFF for bit in range(16) if more >> bit & 1]
        if len(lost) >= MOST_LOST_PER_NACK:
            break
    found.append(Lost(_TWO.unpack_from(body)[1], tuple(lost[:MOST_LOST_PER_NACK])))


def _read_psfb(body: bytes, kind: int, found: list[Feedback]) -> None:
    if len(body) < 8:
        raise ValueError("payload feedback is cut off")
    ssrc = _TWO.unpack_from(body)[1]
    if kind == PLI:
        found.append(KeyframeWanted(ssrc))
    elif kind == FIR:
        found.extend(KeyframeWanted(_TWO.unpack_from(body, at)[0]) for at in range(8, len(body) - 7, 8))
    elif kind == APPLICATION and body[8:12] == b"REMB" and len(body) >= 16:
        exponent = body[13] >> 2
        mantissa = (body[13] & 3) << 16 | body[14] << 8 | body[15]
        found.append(Bandwidth(min(mantissa << exponent, MOST_BANDWIDTH)))


_READERS = {SR: _read_sr, RR: _read_rr, BYE: _read_bye, RTPFB: _read_rtpfb, PSFB: _read_psfb}


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def receiver_report(ssrc: int, blocks: Sequence[ReportBlock]) -> bytes:
    """A receiver report (RFC 3550, 6.4.2) about the first 31 of these sources; too large a loss is cut to 24 bits."""
    body = struct.pack("!L", ssrc)
    for block in blocks[:31]:
        lost = min(max(block.packets_lost, -0x800000), 0x7FFFFF) & 0xFFFFFF
        body += _BLOCK.pack(
            block.ssrc,
            block.fraction_lost << 24 | lost,
            block.highest & 0xFFFFFFFF,
            block.jitter & 0xFFFFFFFF,
            block.last_report,
            block.delay & 0xFFFFFFFF,
        )
    return _packet(RR, min(len(blocks), 31), body)


def sender_report(report: SenderReport, packets: int, octets: int) -> bytes:
    """A sender report without report blocks; `packets` and payload `octets` sent so far wrap at 32 bits."""
    info = _SENDER_INFO.pack(
        report.ssrc, report.ntp, report.rtp_timestamp & 0xFFFFFFFF, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )
    return _packet(SR, 0, info)


def source_name(ssrc: int) -> bytes:
    """The CNAME of one of our sources (RFC 3550, 6.5.1)."""
    body = struct.pack("!LBB", ssrc, 1, len(CNAME)) + CNAME + b"\0"
    return _packet(SDES, 1, body + bytes(-len(body) % 4))


def goodbye(ssrcs: Iterable[int]) -> bytes:
    """A BYE: these sources, at most 31, end."""
    body = b"".join(struct.pack("!L", ssrc) for ssrc in ssrcs)
    return _packet(BYE, len(body) // 4, body)


def compound(ssrc: int, blocks: Sequence[ReportBlock] = (), more: bytes = b"") -> bytes:
    """Feedback (`more`) as every peer takes it: after a report and our name (RFC 3550 6.1, RFC 4585 3.1)."""
    return receiver_report(ssrc, blocks) + source_name(ssrc) + more


def nack(sender: int, ssrc: int, sequences: Sequence[int]) -> bytes:
    """Ask for packets of `ssrc` again; `sequences` are 16-bit and ascending, also across the wrap."""
    body = _TWO.pack(sender, ssrc)
    at = 0
    while at < len(sequences):
        first = sequences[at]
        more = 0
        at += 1
        while at < len(sequences) and 0 < (sequences[at] - first & 0xFFFF) <= 16:
            more |= 1 << ((sequences[at] - first & 0xFFFF) - 1)
            at += 1
        body += _PAIR.pack(first, more)
    return _packet(RTPFB, NACK, body)


def picture_loss(sender: int, ssrc: int) -> bytes:
    """A PLI: ask for a keyframe of `ssrc`."""
    return _packet(PSFB, PLI, _TWO.pack(sender, ssrc))


def bandwidth(sender: int, bits_per_second: int, ssrcs: Sequence[int]) -> bytes:
    """A REMB: send no more than this over all of these sources, at most 255, together; rounded down to 18 bits."""
    exponent = max(0, bits_per_second.bit_length() - 18)
    mantissa = bits_per_second >> exponent
    body = _TWO.pack(sender, 0) + b"REMB"
    body += bytes((len(ssrcs), exponent << 2 | mantissa >> 16, mantissa >> 8 & 0xFF, mantissa & 0xFF))
    body += b"".join(struct.pack("!L", ssrc) for ssrc in ssrcs)
    return _packet(PSFB, APPLICATION, body)
