"""The H.264 sequence parameter set (ITU-T H.264, 7.3.2.1.1 with annex E): size, profile, reordering."""

from __future__ import annotations

from dataclasses import dataclass

LARGEST_SIDE = 16_384
LARGEST_PPS_IDENTIFIER = 255
_HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
_EXTENDED_SAR = 255
_ORDERED_PROFILES = {66}  # Baseline has no B slices


@dataclass(frozen=True, slots=True)
class Sps:
    """What recording needs of a sequence parameter set."""

    identifier: int
    profile: int
    constraints: int
    level: int
    chroma_format: int
    luma_bits: int
    chroma_bits: int
    width: int
    height: int
    reorder_frames: int


class _Bits:
    """Reads bits from the front. Raises ValueError past the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        self._left -= count
        if self._left < 0:
            raise ValueError("SPS is cut off")
        return (self._value >> self._left) & ((1 << count) - 1)

    def flag(self) -> bool:
        return self.read(1) == 1

    def unsigned(self) -> int:
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("SPS number is too long")
        return (1 << zeros) - 1 + self.read(zeros)

    def signed(self) -> int:
        code = self.unsigned()
        return (code + 1) // 2 if code & 1 else -(code // 2)


def parse_sps(unit: bytes) -> Sps:
    """Read an SPS NAL unit, its header byte included. Raises ValueError and nothing else."""
    if len(unit) < 5 or unit[0] & 0x1F != 7:
        raise ValueError("not an SPS")
    bits = _Bits(unit[1:].replace(b"\x00\x00\x03", b"\x00\x00"))
    profile, constraints, level = bits.read(8), bits.read(8), bits.read(8)
    identifier = bits.unsigned()
    chroma_format, luma_bits, chroma_bits, separate_planes = _read_chroma(bits, profile)
    bits.unsigned()  # log2_max_frame_num_minus4
    order_type = _read_order_type(bits)
    bits.unsigned()  # max_num_ref_frames
    bits.flag()  # gaps_in_frame_num_value_allowed_flag
    width, height = _read_size(bits, 0 if separate_planes else chroma_format)
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
        raise ValueError("SPS with an impossible size")
    reorder_frames = 0
    if bits.flag():
        reorder_frames = _read_vui_reordering(bits)
    if order_type == 2 or profile in _ORDERED_PROFILES:
        reorder_frames = 0  # pictures are shown in the order in which they are decoded
    return Sps(
        identifier, profile, constraints, level, chroma_format, luma_bits, chroma_bits, width, height, reorder_frames
    )


def parse_pps_identifier(unit: bytes) -> int:
    """pic_parameter_set_id of a PPS NAL unit (ITU-T H.264, 7.4.2.2), its header byte included: 0 … 255.

    Raises ValueError and nothing else.
    """
    if len(unit) < 2 or unit[0] & 0x1F != 8:
        raise ValueError("not a PPS")
    identifier = _Bits(unit[1:].replace(b"\x00\x00\x03", b"\x00\x00")).unsigned()
    if identifier > LARGEST_PPS_IDENTIFIER:
        raise ValueError("PPS with an impossible number")
    return identifier


def _read_chroma(bits: _Bits, profile: int) -> tuple[int, int, int, bool]:
    if profile not in _HIGH_PROFILES:
        return 1, 8, 8, False
    chroma_format = bits.unsigned()
    if chroma_format > 3:
        raise ValueError("SPS with an unknown chroma format")
    separate_planes = chroma_format == 3 and bits.flag()
    luma_bits, chroma_bits = 8 + bits.unsigned(), 8 + bits.unsigned()
    if luma_bits > 14 or chroma_bits > 14:
        raise ValueError("SPS with an unknown bit depth")
    bits.flag()  # qpprime_y_zero_transform_bypass_flag
    if bits.flag():
        for index in range(12 if chroma_format == 3 else 8):
            if bits.flag():
                _skip_scaling_list(bits, 16 if index < 6 else 64)
    return chroma_format, luma_bits, chroma_bits, separate_planes


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _read_order_type(bits: _Bits) -> int:
    order_type = bits.unsigned()
    if order_type == 0:
        bits.unsigned()
    elif order_type == 1:
        bits.flag()
        bits.signed()
        bits.signed()
        count = bits.unsigned()
        if count > 255:
            raise ValueError("SPS with too long a reference cycle")
        for _ in range(count):
            bits.signed()
    elif order_type != 2:
        raise ValueError("SPS with an unknown picture order")
    return order_type


def _read_size(bits: _Bits, chroma_format: int) -> tuple[int, int]:
    columns, rows = bits.unsigned() + 1, bits.unsigned() + 1
    frames_only = bits.flag()
    if not frames_only:
        bits.flag()
    bits.flag()  # direct_8x8_inference_flag
    width, height = 16 * columns, 16 * rows * (1 if frames_only else 2)
    if bits.flag():
        left, right, top, bottom = (bits.unsigned() for _ in range(4))
        unit_x = 2 if chroma_format in (1, 2) else 1
        unit_y = (2 if chroma_format == 1 else 1) * (1 if frames_only else 2)
        width -= unit_x * (left + right)
        height -= unit_y * (top + bottom)
    return width, height


def _read_vui_reordering(bits: _Bits) -> int:
    """max_num_reorder_frames of the VUI; 0 where it says nothing."""
    _skip_display(bits)
    has_nal_hrd = bits.flag()
    if has_nal_hrd:
        _skip_hrd(bits)
    has_vcl_hrd = bits.flag()
    if has_vcl_hrd:
        _skip_hrd(bits)
    if has_nal_hrd or has_vcl_hrd:
        bits.flag()
    bits.flag()  # pic_struct_present_flag
    if not bits.flag():
        return 0
    bits.flag()
    for _ in range(4):
        bits.unsigned()
    return min(bits.unsigned(), 16)


def _skip_display(bits: _Bits) -> None:
    if bits.flag() and bits.read(8) == _EXTENDED_SAR:
        bits.read(32)
    if bits.flag():
        bits.flag()  # overscan
    if bits.flag():
        bits.read(4)
        if bits.flag():
            bits.read(24)  # colours
    if bits.flag():
        bits.unsigned()
        bits.unsigned()
    if bits.flag():
        bits.read(65)  # timing


def _skip_hrd(bits: _Bits) -> None:
    count = bits.unsigned() + 1
    if count > 32:
        raise ValueError("SPS with too many HRD schedules")
    bits.read(8)
    for _ in range(count):
        bits.unsigned()
        bits.unsigned()
        bits.flag()
    bits.read(20)
