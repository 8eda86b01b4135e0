"""One RTP packet (RFC 3550): parsed once, forwarded many times; RTX (RFC 4588) opened."""

from __future__ import annotations

import struct

HEADER_BYTES = 12
HEADER = struct.Struct("!BBHLL")
MARKER = 0x80
EXTENDED = 0x10
VERSION_2 = 0x80
_UINT16 = struct.Struct("!H")


class RtpPacket:
    """What forwarding needs of a packet. `payload` has no padding; CSRCs are left behind.

    `extension` is the header extension with its head (RFC 8285), empty when there is none.
    """

    __slots__ = ("extension", "marker", "payload", "payload_type", "sequence", "ssrc", "timestamp")

    def __init__(
        self,
        payload_type: int,
        marker: int,
        sequence: int,
        timestamp: int,
        ssrc: int,
        payload: bytes,
        extension: bytes = b"",
    ) -> None:
        self.payload_type = payload_type
        self.marker = marker  # MARKER or 0, ready to be or-ed with a payload type
        self.sequence = sequence
        self.timestamp = timestamp
        self.ssrc = ssrc
        self.payload = payload
        self.extension = extension

    def __bytes__(self) -> bytes:
        """The packet without its header extension."""
        head = HEADER.pack(
            VERSION_2,
            self.marker | self.payload_type,
            self.sequence & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        return head + self.payload


def parse_rtp(data: bytes) -> RtpPacket:
    """Read a plain RTP packet.

    Raises:
        ValueError: when it is not one, or its lengths lie.
    """
    if len(data) < HEADER_BYTES:
        raise ValueError("RTP packet is shorter than its header")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first & 0xC0 != VERSION_2:
        raise ValueError("not RTP version 2")
    start = HEADER_BYTES + 4 * (first & 0x0F)
    extension = b""
    if first & EXTENDED:
        if len(data) < start + 4:
            raise ValueError("RTP header extension is cut off")
        begin = start
        start += 4 + 4 * int(_UINT16.unpack_from(data, start + 2)[0])
        extension = data[begin:start]
    end = len(data)
    if first & 0x20:
        padding = data[-1]
        if padding == 0:
            raise ValueError("RTP padding of no length")
        end -= padding
    if end < start:
        raise ValueError("RTP packet is shorter than it says")
    return RtpPacket(second & 0x7F, second & MARKER, sequence, timestamp, ssrc, data[start:end], extension)


def open_rtx(packet: RtpPacket, ssrc: int, payload_type: int) -> RtpPacket | None:
    """The original packet inside a retransmission (RFC 4588, 4); None when it is only padding (a bandwidth probe)."""
    payload = packet.payload
    if len(payload) <= 2:
        return None
    sequence = int(_UINT16.unpack_from(payload)[0])
    return RtpPacket(payload_type, packet.marker, sequence, packet.timestamp, ssrc, payload[2:], packet.extension)
