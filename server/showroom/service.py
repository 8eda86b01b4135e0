"""What people see in the showroom: halls, booths with their goods and clips."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Protocol

from config.clock import Clock
from server.catalog.model import Product
from server.errors import NotFound
from server.ids import new_id
from server.rooms.model import Room
from server.showroom.model import Booth, BoothView, Clip, Hall
from server.streams.model import Stream

CLIPS_PER_BOOTH = 12


class Halls(Protocol):
    """Where halls are kept."""

    async def put(self, hall: Hall) -> None: ...
    async def get(self, hall_id: str) -> Hall | None: ...
    async def all(self) -> list[Hall]: ...


class ClipStore(Protocol):
    """Where clips are kept."""

    async def ready_of(self, merchant_ids: list[str]) -> list[Clip]: ...


class Products(Protocol):
    """What merchants sell."""

    async def list(self, merchant_id: str | None = None, query: str | None = None) -> builtins.list[Product]: ...


class Rooms(Protocol):
    """Where merchants sell live."""

    async def by_merchant(self, merchant_ids: list[str]) -> list[Room]: ...


class Streams(Protocol):
    """What is on the air."""

    async def on_air(self) -> list[Stream]: ...


class Showroom:
    """Halls for those who look around."""

    def __init__(
        self, halls: Halls, clips: ClipStore, products: Products, rooms: Rooms, streams: Streams, clock: Clock
    ) -> None:
        self._halls = halls
        self._clips = clips
        self._products = products
        self._rooms = rooms
        self._streams = streams
        self._clock = clock

    async def add_hall(
        self,
        *,
        title: str,
        summary: str,
        scene_url: str,
        cover_url: str | None = None,
        booths: Sequence[Booth] = (),
        hall_id: str | None = None,
    ) -> Hall:
        """Open a hall; one with the same id is replaced. Booths without an id get one."""
        placed = tuple(
            booth if booth.id else Booth(new_id(), booth.merchant_id, booth.merchant_name, booth.yaw, booth.pitch)
            for booth in booths
        )
        hall = Hall(hall_id or new_id(), title, summary, cover_url, scene_url, placed, self._clock.now())
        await self._halls.put(hall)
        return hall

    async def browse(self) -> list[Hall]:
        """Every hall."""
        return await self._halls.all()

    async def look(self, hall_id: str) -> tuple[Hall, Sequence[BoothView]]:
        """One hall with what its booths show now. Raises NotFound."""
        hall = await self._halls.get(hall_id)
        if hall is None:
            raise NotFound("there is no such hall")
        merchant_ids = [booth.merchant_id for booth in hall.booths]
        clips = await self._clips.ready_of(merchant_ids)
        rooms = {room.merchant_id: room for room in await self._rooms.by_merchant(merchant_ids)}
        on_air = {stream.room_id for stream in await self._streams.on_air()}
        views = []
        for booth in hall.booths:
            room = rooms.get(booth.merchant_id)
            views.append(
                BoothView(
                    booth=booth,
                    room_slug=room.slug if room else None,
                    is_live=room is not None and room.id in on_air,
                    products=tuple(await self._products.list(booth.merchant_id)),
                    clips=tuple(clip for clip in clips if clip.merchant_id == booth.merchant_id)[:CLIPS_PER_BOOTH],
                )
            )
        return hall, views
