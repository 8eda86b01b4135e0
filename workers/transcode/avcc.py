"""The avcC box body (ISO 14496-15, 5.3.3.1): its parameter sets, and two of them made one; pure.

Parameter sets have numbers by which slices name them. Pictures of two encoders can stand in one track, and in any
player, when all sets are in its avcC under numbers of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from media.recording.sps import Sps, parse_pps_identifier, parse_sps

NAL_IDR, NAL_SPS, NAL_PPS = 5, 7, 8
LENGTH_BYTES = 4
MOST_SPS = 31  # the largest number of an SPS, and the most that avcC holds
PARAMETER_SETS = frozenset({NAL_SPS, NAL_PPS})


@dataclass(frozen=True, slots=True)
class Avcc:
    """Parameter sets of H.264; `extension` follows them in the higher profiles."""

    sps_units: tuple[bytes, ...]
    pps_units: tuple[bytes, ...]
    extension: bytes = b""

    @property
    def first(self) -> Sps:
        """What the first SPS says."""
        return parse_sps(self.sps_units[0])

    def free_number(self) -> int:
        """A number that none of the sets has. Raises ValueError if there is none."""
        taken = {parse_sps(unit).identifier for unit in self.sps_units}
        taken |= {parse_pps_identifier(unit) for unit in self.pps_units}
        for number in range(1, MOST_SPS + 1):
            if number not in taken:
                return number
        raise ValueError("every number is taken")

    def with_sets_of(self, annex_b: bytes) -> Avcc:
        """The same with the sets of another encoder."""
        units = list(split_annex_b(annex_b))
        return Avcc(
            (*self.sps_units, *(unit for unit in units if unit[0] & 0x1F == NAL_SPS)),
            (*self.pps_units, *(unit for unit in units if unit[0] & 0x1F == NAL_PPS)),
            self.extension,
        )

    def body(self) -> bytes:
        """The body of the box: constraints that all sets keep, the highest of their levels."""
        sets = [parse_sps(unit) for unit in self.sps_units]
        constraints, level = sets[0].constraints, max(one.level for one in sets)
        for one in sets:
            constraints &= one.constraints
        body = bytearray((1, sets[0].profile, constraints, level, 0xFC | LENGTH_BYTES - 1, 0xE0 | len(sets)))
        for unit in self.sps_units:
            body += len(unit).to_bytes(2, "big") + unit
        body.append(len(self.pps_units))
        for unit in self.pps_units:
            body += len(unit).to_bytes(2, "big") + unit
        return bytes(body + self.extension)


def read_avcc(body: bytes) -> Avcc:
    """Read the body of an avcC box. Raises ValueError and nothing else."""
    if len(body) < 7 or body[0] != 1:
        raise ValueError("not an avcC")
    if body[4] & 3 != LENGTH_BYTES - 1:
        raise ValueError("avcC with short lengths")
    sps_units, at = _read_units(body, 6, body[5] & 0x1F)
    if at >= len(body):
        raise ValueError("avcC is cut off")
    pps_units, at = _read_units(body, at + 1, body[at])
    if not sps_units or not pps_units:
        raise ValueError("avcC without parameter sets")
    for unit in sps_units:
        parse_sps(unit)
    for unit in pps_units:
        parse_pps_identifier(unit)
    return Avcc(sps_units, pps_units, body[at:])


def _read_units(body: bytes, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    units = []
    for _ in range(count):
        size = int.from_bytes(body[at : at + 2], "big")
        unit = body[at + 2 : at + 2 + size]
        if not size or len(unit) != size:
            raise ValueError("avcC is cut off")
        units.append(unit)
        at += 2 + size
    return tuple(units), at


def split_annex_b(data: bytes) -> Iterator[bytes]:
    """The NAL units between start codes."""
    for unit in data.split(b"\x00\x00\x01"):
        if stripped := unit.rstrip(b"\x00"):
            yield stripped


def to_lengths(annex_b: bytes) -> bytes:
    """A picture as avcC's samples have it: lengths instead of start codes, no parameter sets."""
    return b"".join(
        len(unit).to_bytes(LENGTH_BYTES, "big") + unit
        for unit in split_annex_b(annex_b)
        if unit[0] & 0x1F not in PARAMETER_SETS
    )


def has_idr(sample: bytes) -> bool:
    """Whether decoding can begin with a sample, all sets of before being forgotten."""
    at = 0
    while at + LENGTH_BYTES < len(sample):
        if sample[at + LENGTH_BYTES] & 0x1F == NAL_IDR:
            return True
        at += LENGTH_BYTES + int.from_bytes(sample[at : at + LENGTH_BYTES], "big")
    return False
