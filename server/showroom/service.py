"""What people see in the showroom: halls, booths with their goods and clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from config.clock import Clock
from server.catalog.model import Merchant, Product
from server.clips.model import Clip
from server.errors import BadRequest, Conflict, NotFound
from server.ids import new_id
from server.rooms.model import Room
from server.showroom.model import BoothView, Hall, HallPlan, Panorama, check_plan
from server.streams.model import Stream

CLIPS_PER_BOOTH = 12
PRODUCTS_PER_BOOTH = 24
FIRST_VERSION = 1


class Halls(Protocol):
    """Where halls are kept."""

    async def add(self, hall: Hall) -> bool: ...
    async def change(self, hall: Hall, version: int) -> bool: ...
    async def get(self, hall_id: str) -> Hall | None: ...
    async def all(self, *, open_only: bool) -> list[Hall]: ...
    async def delete(self, hall_id: str) -> bool: ...


class Panoramas(Protocol):
    """What halls are built in."""

    async def get(self, panorama_id: str) -> Panorama: ...


class ClipStore(Protocol):
    """Where clips are kept."""

    async def shown_of(self, merchant_ids: list[str]) -> list[Clip]: ...


class Catalog(Protocol):
    """Merchants and what they sell."""

    async def get_merchants(self, merchant_ids: list[str]) -> dict[str, Merchant]: ...
    async def newest_of(self, merchant_ids: Sequence[str], most: int) -> Mapping[str, Sequence[Product]]: ...


class Rooms(Protocol):
    """Where merchants sell live."""

    async def by_merchant(self, merchant_ids: list[str]) -> list[Room]: ...


class Streams(Protocol):
    """What is on the air."""

    async def on_air(self) -> list[Stream]: ...


class Showroom:
    """Halls for those who look around, and for operators who build them."""

    def __init__(
        self,
        halls: Halls,
        panoramas: Panoramas,
        clips: ClipStore,
        catalog: Catalog,
        rooms: Rooms,
        streams: Streams,
        clock: Clock,
    ) -> None:
        self._halls = halls
        self._panoramas = panoramas
        self._clips = clips
        self._catalog = catalog
        self._rooms = rooms
        self._streams = streams
        self._clock = clock

    async def build(self, plan: HallPlan, *, hall_id: str | None = None) -> Hall:
        """Build a hall. Raises BadRequest, NotFound (no such panorama), Conflict (`hall_exists`)."""
        checked = await self._check(plan)
        panorama = await self._panoramas.get(checked.panorama_id)
        hall = Hall(hall_id or new_id(), checked, panorama, FIRST_VERSION, self._clock.now())
        if not await self._halls.add(hall):
            raise Conflict("there is a hall with this id", code="hall_exists")
        return hall

    async def rebuild(self, hall_id: str, plan: HallPlan, version: int) -> Hall:
        """Change a hall that the operator saw in this version. Raises BadRequest, NotFound, Conflict."""
        before = await self._get(hall_id)
        checked = await self._check(plan)
        panorama = await self._panoramas.get(checked.panorama_id)
        after = replace(before, plan=checked, panorama=panorama, version=version + 1)
        if not await self._halls.change(after, version):
            raise Conflict("somebody else has changed this hall; please look again")
        return after

    async def tear_down(self, hall_id: str) -> None:
        """Delete a hall; its panorama stays for others. Raises NotFound."""
        if not await self._halls.delete(hall_id):
            raise NotFound("there is no such hall")

    async def browse(self, *, open_only: bool = True) -> list[Hall]:
        """Halls, oldest first."""
        return await self._halls.all(open_only=open_only)

    async def look(self, hall_id: str, *, open_only: bool = True) -> tuple[Hall, Sequence[BoothView]]:
        """One hall with what its booths show now. Raises NotFound, also for one that is not open."""
        hall = await self._get(hall_id)
        if open_only and not hall.plan.is_open:
            raise NotFound("there is no such hall")
        merchant_ids = [booth.merchant_id for booth in hall.plan.booths]
        merchants = await self._catalog.get_merchants(merchant_ids)
        products = await self._catalog.newest_of(merchant_ids, PRODUCTS_PER_BOOTH)
        clips = await self._clips.shown_of(merchant_ids)
        on_air = {stream.room_id for stream in await self._streams.on_air()}
        by_next = await self._rooms.by_merchant(merchant_ids)
        rooms: dict[str, Room] = {}  # of several of a merchant the one that is live, or the next to be
        for one in sorted(by_next, key=lambda one: one.id not in on_air):
            rooms.setdefault(one.merchant_id, one)
        views = []
        for booth in hall.plan.booths:
            merchant, room = merchants.get(booth.merchant_id), rooms.get(booth.merchant_id)
            if merchant is None:
                continue  # who is no merchant any more has no booth
            views.append(
                BoothView(
                    booth=booth,
                    merchant=merchant,
                    room_slug=room.slug if room else None,
                    is_live=room is not None and room.id in on_air,
                    products=tuple(products.get(merchant.id, ())),
                    clips=tuple(clip for clip in clips if clip.merchant_id == merchant.id)[:CLIPS_PER_BOOTH],
                )
            )
        return hall, views

    async def _get(self, hall_id: str) -> Hall:
        hall = await self._halls.get(hall_id)
        if hall is None:
            raise NotFound("there is no such hall")
        return hall

    async def _check(self, plan: HallPlan) -> HallPlan:
        checked = check_plan(plan)
        merchant_ids = [booth.merchant_id for booth in checked.booths]
        if len(await self._catalog.get_merchants(merchant_ids)) < len(merchant_ids):
            raise BadRequest("booths: there is no such merchant")
        return checked
