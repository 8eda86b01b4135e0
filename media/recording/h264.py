"""H.264 in RTP (RFC 6184): packets to pictures as length-prefixed NAL units, and the avcC box body."""

from __future__ import annotations

from dataclasses import dataclass

from media.recording.sps import parse_pps_identifier, parse_sps
from media.recording.tracks import PICTURE_LIMIT_BYTES, VideoSetup

NAL_SLICE, NAL_IDR, NAL_SPS, NAL_PPS = 1, 5, 7, 8
NAL_AUD, NAL_END_OF_SEQUENCE, NAL_END_OF_STREAM, NAL_FILLER = 9, 10, 11, 12
STAP_A, FU_A = 24, 28
PARAMETER_SET_LIMIT = 16
# Not kept: avcC carries the parameter sets, and the rest says nothing in an MP4 sample.
_LEFT_OUT = {NAL_SPS, NAL_PPS, NAL_AUD, NAL_END_OF_SEQUENCE, NAL_END_OF_STREAM, NAL_FILLER}
_CHROMA_PROFILES = {100, 110, 122, 144}


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of a NAL unit from an FU-A payload; `header` only in the first one."""

    header: int | None
    data: bytes
    is_last: bool


def split_payload(payload: bytes) -> list[bytes] | Fragment:
    """The NAL units of a single or aggregation payload, or the piece in an FU-A (RFC 6184, 5.6 to 5.8). Raises
    ValueError."""
    if len(payload) < 2:
        raise ValueError("H.264 payload is too short")
    kind = payload[0] & 0x1F
    if 1 <= kind <= 23:
        return [payload]
    if kind == STAP_A:
        return _split_stap(payload)
    if kind == FU_A:
        if len(payload) < 3:
            raise ValueError("FU-A is cut off")
        flags = payload[1]
        header = payload[0] & 0xE0 | flags & 0x1F if flags & 0x80 else None
        return Fragment(header, payload[2:], flags & 0x40 != 0)
    raise ValueError("H.264 payload of a kind that is not in packetization-mode 1")


def _split_stap(payload: bytes) -> list[bytes]:
    units = []
    at = 1
    while at < len(payload):
        size = int.from_bytes(payload[at : at + 2], "big")
        unit = payload[at + 2 : at + 2 + size]
        if not size or len(unit) != size:
            raise ValueError("STAP-A is cut off")
        units.append(unit)
        at += 2 + size
    return units


def make_setup(sps_units: list[bytes], pps_units: list[bytes]) -> VideoSetup:
    """The set-up that parameter sets describe, with the body of avcC (ISO 14496-15, 5.3.3.1). Raises ValueError."""
    if not sps_units or not pps_units:
        raise ValueError("no H.264 parameter sets")
    sps = parse_sps(sps_units[0])
    body = bytearray((1, sps.profile, sps.constraints, sps.level, 0xFF, 0xE0 | len(sps_units)))
    for unit in sps_units:
        body += len(unit).to_bytes(2, "big") + unit
    body.append(len(pps_units))
    for unit in pps_units:
        body += len(unit).to_bytes(2, "big") + unit
    if sps.profile in _CHROMA_PROFILES:  # ISO 14496-15, 5.3.3.1.2
        body += bytes((0xFC | sps.chroma_format, 0xF8 | sps.luma_bits - 8, 0xF8 | sps.chroma_bits - 8, 0))
    name = f"avc1.{sps.profile:02x}{sps.constraints:02x}{sps.level:02x}"
    return VideoSetup("H264", name, sps.width, sps.height, bytes(body), sps.reorder_frames)


class H264Pictures:
    """Collects the payloads of one picture at a time, and remembers the parameter sets between pictures."""

    def __init__(self) -> None:
        self._units: list[bytes] = []
        self._fragmented: bytearray | None = None
        self._size = 0
        self._found_sets: dict[tuple[int, int], bytes] = {}  # in this picture
        self._known_sets: dict[tuple[int, int], bytes] = {}
        self._setup: VideoSetup | None = None

    def start(self) -> None:
        """Forget what was collected; the known parameter sets stay."""
        self._units = []
        self._fragmented = None
        self._size = 0
        self._found_sets = {}

    def add(self, payload: bytes) -> None:
        """Add one RTP payload. Raises ValueError if the picture is broken."""
        self._size += len(payload)
        if self._size > PICTURE_LIMIT_BYTES:
            raise ValueError("H.264 picture is too large")
        found = split_payload(payload)
        if isinstance(found, Fragment):
            self._add_fragment(found)
            return
        if self._fragmented is not None:
            raise ValueError("FU-A without its end")
        for unit in found:
            self._add_unit(unit)

    def _add_fragment(self, fragment: Fragment) -> None:
        if (fragment.header is None) == (self._fragmented is None):
            raise ValueError("FU-A without its beginning or end")
        if fragment.header is not None:
            self._fragmented = bytearray((fragment.header,))
        if self._fragmented is not None:
            self._fragmented += fragment.data
            if fragment.is_last:
                unit, self._fragmented = bytes(self._fragmented), None
                self._add_unit(unit)

    def _add_unit(self, unit: bytes) -> None:
        kind = unit[0] & 0x1F
        if kind in (NAL_SPS, NAL_PPS):
            self._keep_parameter_set(kind, unit)
        if kind not in _LEFT_OUT:
            self._units.append(unit)

    def _keep_parameter_set(self, kind: int, unit: bytes) -> None:
        key = (kind, parse_sps(unit).identifier if kind == NAL_SPS else parse_pps_identifier(unit))
        if len(unit) > 0xFFFF or len(self._found_sets) >= PARAMETER_SET_LIMIT:
            raise ValueError("too many H.264 parameter sets")
        self._found_sets[key] = unit

    def _learn_parameter_sets(self) -> bool:
        """Take over the sets of this picture; answers whether it had a pair, which replaces all older."""
        is_pair = {kind for kind, _ in self._found_sets} == {NAL_SPS, NAL_PPS}
        known = self._found_sets if is_pair else {**self._known_sets, **self._found_sets}
        if known != self._known_sets:
            if len(known) > PARAMETER_SET_LIMIT:
                raise ValueError("too many H.264 parameter sets")
            self._known_sets, self._setup = known, None
        return is_pair

    def finish(self, after_loss: bool) -> tuple[bytes, VideoSetup | None] | None:
        """The picture, with its set-up if it is a keyframe; None if there were only parameter sets.

        Raises ValueError if something is missing.
        """
        if self._fragmented is not None:
            raise ValueError("H.264 picture without its end")
        has_pair = self._learn_parameter_sets()
        slices = [unit for unit in self._units if NAL_SLICE <= unit[0] & 0x1F <= NAL_IDR]
        if not slices:
            return None
        # first_mb_in_slice of the first slice is 0, written as a single 1 bit; else the picture lost its head.
        if len(slices[0]) < 2 or not slices[0][1] & 0x80:
            raise ValueError("H.264 picture without its first slice")
        data = b"".join(len(unit).to_bytes(4, "big") + unit for unit in self._units)
        if slices[0][0] & 0x1F != NAL_IDR:
            return data, None
        if after_loss and not has_pair:
            raise ValueError("the parameter sets of this keyframe may be lost")
        return data, self._current_setup()

    def _current_setup(self) -> VideoSetup:
        if self._setup is None:
            ordered = sorted(self._known_sets.items())
            self._setup = make_setup(
                [unit for (kind, _), unit in ordered if kind == NAL_SPS],
                [unit for (kind, _), unit in ordered if kind == NAL_PPS],
            )
        return self._setup
