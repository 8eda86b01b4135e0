"""How large the pictures of a layer are, read from a keyframe that is kept."""

from __future__ import annotations

from collections.abc import Sequence

from media.recording.h264 import Fragment, split_payload
from media.recording.sps import parse_sps
from media.recording.vp8 import descriptor_length, read_setup
from media.rtp.packet import RtpPacket

SPS = 7
LOOKED_AT = 8  # packets; parameter sets come first
UNKNOWN = (0, 0)


def picture_size(codec: str, packets: Sequence[RtpPacket]) -> tuple[int, int]:
    """Width and height as the first packets of a keyframe say; (0, 0) when they don't, or in another codec."""
    for packet in packets[:LOOKED_AT]:
        try:
            if codec == "VP8":
                setup = read_setup(packet.payload[descriptor_length(packet.payload)[0] :])
                return setup.width, setup.height
            if codec == "H264":
                found = _h264_size(packet.payload)
                if found != UNKNOWN:
                    return found
        except ValueError:
            return UNKNOWN
    return UNKNOWN


def _h264_size(payload: bytes) -> tuple[int, int]:
    units = split_payload(payload)
    if isinstance(units, Fragment):
        return UNKNOWN
    for unit in units:
        if unit and unit[0] & 0x1F == SPS:
            sps = parse_sps(unit)
            return sps.width, sps.height
    return UNKNOWN
