"""Looking into a source before it is cut: its real length, its picture size, where its keyframes are."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from workers.transcode.plan import Size, SourceFacts, SourceRefused, check_length, upright
from workers.transcode.source import Piece, Reader

LOOKED_AT_KEYFRAMES = 10  # pictures that tell the size of a file; it is the same in all of it but for rarities
KEYFRAME_APART_MS = 500.0  # keyframes nearer than this to the last one are no places to cut
TRUNCATED_MS, TRUNCATED_SHARE = 2_000.0, 0.02  # a header may be wrong by so much
# What stands in an MP4 or QuickTime file on the uppermost level (ISO 14496-12, table 1; QTFF).
_BOXES = frozenset(b"ftyp mdat moov free skip wide uuid pdin moof sidx styp".split())


def look(piece: Piece) -> SourceFacts:
    """What a file holds, by reading all of its packets and decoding a few.

    Raises:
        SourceRefused: if it cannot be opened, nothing in it can be decoded, or much less is there than was promised.
    """
    with _open(piece) as reader:
        check_length(reader.told_duration_ms)
        scan = _Scan()
        scan.read(reader)
        if reader.told_duration_ms - scan.end_ms > max(TRUNCATED_MS, TRUNCATED_SHARE * reader.told_duration_ms):
            raise SourceRefused("truncated")
    return scan.facts(scan.end_ms)


def _open(piece: Piece) -> Reader:
    """Raises SourceRefused: `truncated` for what a phone films if its end is missing, which says what it holds."""
    try:
        return Reader(piece)
    except SourceRefused:
        if lacks_its_end(piece.path):
            raise SourceRefused("truncated") from None
        raise


def lacks_its_end(path: Path) -> bool:
    """Whether a file is whole boxes of MP4 to where it was cut off, and none of them says what is in it."""
    seen = set()
    with path.open("rb") as file:
        end = path.stat().st_size
        at = 0
        while at + 16 <= end:
            file.seek(at)
            size, name, large = struct.unpack(">I4sQ", file.read(16))
            size = large if size == 1 else size
            if name not in _BOXES or size < 8:
                return False
            seen.add(name)
            at += size
    return b"ftyp" in seen and (at > end or b"moov" not in seen)


def look_over(pieces: Sequence[Piece], length_ms: float) -> SourceFacts:
    """What several files hold of which so much is wanted. Raises SourceRefused."""
    scan = _Scan()
    for piece in pieces:
        with Reader(piece) as reader:
            scan.read(reader)
    return scan.facts(length_ms)


@dataclass(slots=True)
class _Scan:
    """What the packets so far have told."""

    sizes: Counter[Size] = field(default_factory=Counter)
    keyframes_ms: list[float] = field(default_factory=list)
    end_ms: float = 0.0
    channels: int = 0
    tried: int = 0

    def read(self, reader: Reader) -> None:
        """All of a file. Raises SourceRefused if it has pictures and none can be decoded."""
        self.tried = 0
        seen_before = self.sizes.total()
        for packet in reader.packets():
            self._add(reader, packet)
        if reader.video is None:
            return
        if self.sizes.total() == seen_before:  # the decoder holds its only picture back until the end
            self._count(reader, reader.flush())
        if self.sizes.total() == seen_before:
            raise SourceRefused("broken_source")

    def facts(self, length_ms: float) -> SourceFacts:
        """What is known by now."""
        return SourceFacts(length_ms, dict(self.sizes), self.channels > 0, self.channels, self.keyframes_ms)

    def _add(self, reader: Reader, packet: Packet[Stream]) -> None:
        if packet.pts is None or packet.time_base is None or not packet.size:
            return
        at_ms = reader.place(packet.pts, packet.time_base)
        self.end_ms = max(self.end_ms, at_ms + float((packet.duration or 0) * packet.time_base) * 1000)
        if reader.audio is not None and packet.stream is reader.audio:
            self.channels = max(self.channels, reader.audio.codec_context.channels)
        elif packet.is_keyframe:
            if not self.keyframes_ms or at_ms - self.keyframes_ms[-1] >= KEYFRAME_APART_MS:
                self.keyframes_ms.append(at_ms)
            if self.tried < LOOKED_AT_KEYFRAMES or not self.sizes:
                self.tried += 1
                self._count(reader, reader.decode(packet))

    def _count(self, reader: Reader, frames: Sequence[object]) -> None:
        for frame in frames:
            if isinstance(frame, VideoFrame):
                self.sizes[upright(frame.width, frame.height, frame.rotation, reader.pixel_aspect)] += 1
