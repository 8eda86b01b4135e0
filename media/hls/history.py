"""The text of a playlist that grows for hours: what no longer changes is kept in pieces, as it is and zipped."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple

PIECE_SEGMENTS = 256  # some 20 kB; what is not in a piece yet is zipped with each playlist
LEVEL = 6
# RFC 1952: deflate, no name, no time, of an unknown system.
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


class Text(NamedTuple):
    """A playlist as it is sent; texts of one playlist share the pieces of `plain`."""

    plain: Sequence[bytes]
    zipped: bytes
    etag: str


class History:
    """The settled segments of one playlist, to which more come but none is changed.

    A playlist of four hours is 0.6 MB, and another one is asked for twice a second: only its ends are written,
    zipped and counted anew.
    """

    def __init__(self) -> None:
        self.count = 0  # of segments in pieces
        self._pieces: list[bytes] = []
        self._zipped: list[bytes] = []
        self._digest = hashlib.blake2b(digest_size=12)
        self._checked = (b"", 0, 0)  # a head, and the checksum of it and of so many pieces

    def text(self, head: str, settled: Sequence[str], last: int, tail: str) -> Text:
        """The head, `settled` up to `last`, and the tail. `settled` must begin as it did the last time."""
        while last - self.count >= PIECE_SEGMENTS:
            self._add("".join(settled[self.count : self.count + PIECE_SEGMENTS]).encode())
        begin, rest = head.encode(), ("".join(settled[self.count : last]) + tail).encode()
        digest = self._digest.copy()
        digest.update(begin)
        digest.update(rest)
        plain = (begin, *self._pieces, rest)
        return Text(plain, self._gzip(plain), digest.hexdigest())

    def _add(self, piece: bytes) -> None:
        self.count += PIECE_SEGMENTS
        self._pieces.append(piece)
        self._zipped.append(_deflate(piece))
        self._digest.update(piece)

    def _gzip(self, plain: Sequence[bytes]) -> bytes:
        begin, *_, rest = plain
        end = struct.pack("<II", zlib.crc32(rest, self._checksum(begin)), sum(map(len, plain)) & 0xFFFFFFFF)
        return b"".join((_GZIP_HEAD, _deflate(begin), *self._zipped, _deflate(rest, is_last=True), end))

    def _checksum(self, begin: bytes) -> int:
        """Of the head and all pieces; the head seldom changes."""
        head, checksum, count = self._checked
        if head != begin:
            checksum, count = zlib.crc32(begin), 0
        for piece in self._pieces[count:]:
            checksum = zlib.crc32(piece, checksum)
        self._checked = (begin, checksum, len(self._pieces))
        return checksum


def _deflate(data: bytes, *, is_last: bool = False) -> bytes:
    """Blocks of deflate (RFC 1951) that may stand after any others: they end at a byte and look back at nothing."""
    deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflater.compress(data) + deflater.flush(zlib.Z_FINISH if is_last else zlib.Z_FULL_FLUSH)
