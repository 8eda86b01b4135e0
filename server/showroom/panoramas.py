"""Panoramas that halls can be built in: those that come with the platform, and those that operators upload."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Protocol

from config.clock import Clock
from server.catalog.model import check_line
from server.errors import Conflict, NotFound
from server.ids import new_id
from server.showroom.model import BUILT_IN, TITLE_LENGTH, Panorama, panorama_prefix
from server.showroom.tiles import cut, open_panorama

FOLDER = Path(__file__).parent / "built_in"  # `{id}.webp` of each BUILT_IN
PUTS_AT_ONCE = 8
MOST_PANORAMAS = 100


class Store(Protocol):
    """What this service keeps."""

    async def add(self, panorama: Panorama) -> None: ...
    async def get(self, panorama_id: str) -> Panorama | None: ...
    async def all(self) -> list[Panorama]: ...
    async def delete(self, panorama_id: str) -> bool: ...


class Halls(Protocol):
    """Knows where panoramas are used."""

    async def is_built_in(self, panorama_id: str) -> bool: ...


class Objects(Protocol):
    """Where tiles are kept."""

    async def put(self, key: str, data: bytes, content_type: str) -> None: ...
    async def delete_prefix(self, prefix: str) -> int: ...


class Panoramas:
    """All panoramas. One is cut at a time: a large one takes 600 MB and some seconds of a core."""

    def __init__(self, store: Store, halls: Halls, objects: Objects, clock: Clock) -> None:
        self._store = store
        self._halls = halls
        self._objects = objects
        self._clock = clock
        self._turn = asyncio.Lock()

    async def list(self) -> list[Panorama]:
        """Those that came with the platform, then those uploaded, oldest first."""
        built_in = [await self.get(panorama_id) for panorama_id in BUILT_IN]
        return built_in + [one for one in await self._store.all() if one.id not in BUILT_IN]

    async def get(self, panorama_id: str) -> Panorama:
        """One panorama; the platform's own are cut when they are first asked for. Raises NotFound."""
        kept = await self._store.get(panorama_id)
        if kept is not None:
            return kept
        title = BUILT_IN.get(panorama_id)
        if title is None:
            raise NotFound("there is no such panorama")
        raw = await asyncio.to_thread((FOLDER / f"{panorama_id}.webp").read_bytes)
        return await self._keep(panorama_id, title, raw)

    async def add(self, title: str, raw: bytes) -> Panorama:
        """Keep an uploaded picture. Raises BadRequest, UnsupportedType, Conflict (`too_many_panoramas`)."""
        checked = check_line("title", title, TITLE_LENGTH)
        if len(await self._store.all()) >= MOST_PANORAMAS:
            raise Conflict(f"there are {MOST_PANORAMAS} panoramas already", code="too_many_panoramas")
        return await self._keep(new_id(), checked, raw)

    async def remove(self, panorama_id: str) -> None:
        """Delete an uploaded one with its tiles. Raises NotFound, Conflict (`panorama_in_use`)."""
        panorama = await self._store.get(panorama_id)
        if panorama is None or panorama_id in BUILT_IN:
            raise NotFound("there is no such uploaded panorama")
        in_use = Conflict("a hall is built in it; give that another one first", code="panorama_in_use")
        if await self._halls.is_built_in(panorama_id):
            raise in_use
        await self._store.delete(panorama_id)
        if await self._halls.is_built_in(panorama_id):  # by somebody who had found it just before
            await self._store.add(panorama)
            raise in_use
        await self._objects.delete_prefix(panorama_prefix(panorama_id))

    async def _keep(self, panorama_id: str, title: str, raw: bytes) -> Panorama:
        async with self._turn:
            picture = await asyncio.to_thread(open_panorama, raw)
            pieces = await asyncio.to_thread(lambda: list(cut(picture)))
        prefix = panorama_prefix(panorama_id)
        for first in range(0, len(pieces), PUTS_AT_ONCE):
            await asyncio.gather(
                *(
                    self._objects.put(prefix + name, data, "image/webp")
                    for name, data in pieces[first : first + PUTS_AT_ONCE]
                )
            )
        panorama = Panorama(panorama_id, title, picture.width, self._clock.now())
        await self._store.add(panorama)  # after its tiles: what is listed can be seen
        return panorama
