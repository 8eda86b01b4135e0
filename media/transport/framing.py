"""Datagrams in a TCP stream (RFC 4571): each after its length in two bytes."""

from __future__ import annotations

from collections.abc import Iterator

LENGTH_BYTES = 2


def frame(datagram: bytes | memoryview) -> bytes:
    """A datagram as it goes into the stream."""
    return len(datagram).to_bytes(LENGTH_BYTES, "big") + datagram


class Frames:
    """Cuts what is read from one connection into datagrams; keeps at most the beginning of one."""

    __slots__ = ("_most", "_rest")

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._rest = b""

    @property
    def waiting(self) -> int:
        """How many bytes are kept until the rest of their datagram comes."""
        return len(self._rest)

    def cut(self, data: bytes) -> Iterator[memoryview]:
        """The datagrams that are whole now; empty ones (which keep a connection open) are left out.

        Raises:
            ValueError: the other end announces more than a datagram may have; nothing after it can be read.
        """
        data = self._rest + data if self._rest else data
        self._rest = b""
        view, place, size = memoryview(data), 0, len(data)
        while size - place >= LENGTH_BYTES:
            start = place + LENGTH_BYTES
            length = data[place] << 8 | data[place + 1]
            if length > self._most:
                raise ValueError("a datagram in a TCP stream is too long")
            if size - start < length:
                break
            place = start + length
            if length:
                yield view[start:place]
        self._rest = data[place:]
