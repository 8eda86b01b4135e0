"""Files of the node that had a stream before this one, as far as they are in the object store: it may be gone."""

from __future__ import annotations

import re

from media.hls.aac import aac_init, boxes_of, channels_of
from media.hls.live import fragment_of
from media.hls.shelf import AacMaker, Shelf
from media.problems import Problem, not_found

_NUMBER = re.compile(r"\d+")
WARM_UP_FRAGMENTS = 2  # of the same segment, heard before the one that is encoded


class FilesBefore:
    """Answers 404 (`Problem`) for what was not uploaded: of a dead node that is what its spool still has."""

    def __init__(self, shelf: Shelf, aac: AacMaker) -> None:
        self._shelf = shelf
        self._aac = aac

    async def read(self, stream_id: str, name: str) -> bytes:
        """A whole file, or a fragment cut out of its segment. Raises Problem: 404, 503."""
        fragment = fragment_of(name)
        if fragment is None:
            return await self._shelf.read(stream_id, name)
        segment, number = fragment
        pieces = fragments_in(await self._shelf.read(stream_id, segment))
        if number >= len(pieces):
            raise not_found("there is no such part")
        return pieces[number]

    async def read_aac(self, stream_id: str, name: str) -> bytes:
        """The same with the sound in AAC."""
        if name.endswith(".mp4"):
            return aac_init(await self._shelf.read(stream_id, name))
        segment, number = fragment_of(name) or (name, None)
        whole = await self._shelf.read(stream_id, segment)
        own, heard = whole, b""
        if number is not None:
            own, heard = await self.read(stream_id, name), b"".join(_warm_up(whole, number))
        init = await self._init_of(stream_id, segment)
        if not heard:
            heard = await self._before(stream_id, segment)
        return await self._aac.make(stream_id, name, heard, own, channels_of(init))

    async def _before(self, stream_id: str, segment: str) -> bytes:
        number = _number(segment)
        try:
            return await self._shelf.read(stream_id, f"part-{number - 1:06}.m4s") if number else b""
        except Problem:
            return b""  # it was the first, or was lost: a seam that can be heard, and no more

    async def _init_of(self, stream_id: str, segment: str) -> bytes:
        """The init segment of the newest run that can have begun before it; there are no more runs than segments."""
        inits = [name for name in await self._shelf.inits(stream_id) if _number(name) <= _number(segment)]
        if not inits:
            raise not_found("there is no such part")
        return await self._shelf.read(stream_id, max(inits, key=_number))


def fragments_in(segment: bytes) -> list[bytes]:
    """The fragments that a segment was written in, one after the other. Raises Problem: 404, it is rubbish."""
    try:
        begins = [begin for name, begin, _ in boxes_of(segment) if name == b"moof"]
    except ValueError:
        raise not_found("there is no such part") from None
    return [segment[begin:end] for begin, end in zip(begins, [*begins[1:], len(segment)], strict=True)]


def _warm_up(segment: bytes, number: int) -> list[bytes]:
    return fragments_in(segment)[max(0, number - WARM_UP_FRAGMENTS) : number]


def _number(name: str) -> int:
    found = _NUMBER.search(name)
    return int(found[0]) if found else 0
