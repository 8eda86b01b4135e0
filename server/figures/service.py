"""A host's figures: read for all his pages at once, and never so often that reading is what a server does."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from config.clock import Clock
from server.accounts.model import User
from server.errors import Conflict, NotFound
from server.figures.model import Figures, OrderSums, SaleCounts, SaleFigures, Sample, sale_figures, thinned
from server.flash.model import Sale
from server.rooms.model import Room
from server.streams.model import Stream

FRESH_SECONDS = 1.0
SHARE_OF_TIME = 10  # after a reading that took so long, none for ten times as long
ROOMS_KEPT = 200
SAMPLE_SECONDS = 10
SPAN = timedelta(seconds=SAMPLE_SECONDS)
SAMPLES_SHOWN = 120


class Store(Protocol):
    """What the records say."""

    async def orders_since(self, merchant_id: str, since: datetime) -> OrderSums: ...
    async def of_sale(self, sale_id: str, opens_at: datetime) -> SaleCounts: ...
    async def note_viewers(self, stream_id: str, at: datetime, viewers: int) -> None: ...
    async def viewers_of(self, stream_id: str, since: datetime | None = None) -> list[Sample]: ...


class Rooms(Protocol):
    """Finds a host's room."""

    async def by_host(self, host_id: str) -> Room | None: ...


class Streams(Protocol):
    """What is on the air, and what was."""

    async def open_in(self, room_id: str) -> Stream | None: ...
    async def last_in(self, room_id: str) -> Stream | None: ...
    async def on_air(self) -> list[Stream]: ...


class Sales(Protocol):
    """Sales of a broadcast."""

    async def last_of(self, stream_id: str) -> Sale | None: ...


class Audience(Protocol):
    """How many are there."""

    async def counts(self, room_ids: list[str]) -> dict[str, int]: ...


@dataclass(slots=True)
class _Reading:
    """What was read for one room, and when it may be read again."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    figures: Figures | None = None
    again_at: float = 0.0


class HostFigures:
    """Figures of the broadcast that is on, or was the last. All that is asked meanwhile gets the same reading."""

    def __init__(
        self, store: Store, rooms: Rooms, streams: Streams, sales: Sales, audience: Audience, clock: Clock
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._streams = streams
        self._sales = sales
        self._audience = audience
        self._clock = clock
        self._readings: OrderedDict[str, _Reading] = OrderedDict()  # the one that was asked for longest ago gives way
        self._noted: datetime | None = None

    async def look(self, host: User) -> Figures:
        """A host's figures. Raises NotFound, Conflict (`not_live`: he has never been on the air)."""
        room = await self._rooms.by_host(host.id)
        if room is None:
            raise NotFound("you have no room yet")
        reading = self._readings.setdefault(room.id, _Reading())
        self._readings.move_to_end(room.id)
        if len(self._readings) > ROOMS_KEPT:
            self._readings.popitem(last=False)
        async with reading.turn:
            begun = time.monotonic()
            if reading.figures is None or begun >= reading.again_at:
                reading.figures = await self._read(room)
                took = time.monotonic() - begun
                reading.again_at = begun + max(FRESH_SECONDS, SHARE_OF_TIME * took)
            return reading.figures

    async def _read(self, room: Room) -> Figures:
        stream = await self._streams.open_in(room.id) or await self._streams.last_in(room.id)
        if stream is None or stream.started_at is None:
            raise Conflict("there was no broadcast yet", code="not_live")
        samples = await self._store.viewers_of(stream.id)
        return Figures(
            stream_id=stream.id,
            orders=await self._store.orders_since(room.merchant_id, stream.started_at),
            viewers=thinned(samples, SAMPLES_SHOWN),
            sale=await self._sale(stream, samples),
        )

    async def _sale(self, stream: Stream, samples: Sequence[Sample]) -> SaleFigures | None:
        sale = await self._sales.last_of(stream.id)
        if sale is None:
            return None
        counts, now = await self._store.of_sale(sale.id, sale.opens_at), self._clock.now()
        # A sale shorter than the time between two samples has at least the one before it.
        near = [Sample(max(one.at, sale.opens_at), one.viewers) for one in samples if one.at >= sale.opens_at - SPAN]
        return sale_figures(sale, counts, near, now)

    async def sweep(self) -> None:
        """Note how many watch each broadcast, every SAMPLE_SECONDS; all servers note the same moments."""
        now = self._clock.now()
        slot = now - timedelta(seconds=now.timestamp() % SAMPLE_SECONDS)
        if slot == self._noted:
            return
        streams = await self._streams.on_air()
        counts = await self._audience.counts([stream.room_id for stream in streams])
        for stream in streams:
            await self._store.note_viewers(stream.id, slot, counts[stream.room_id])
        self._noted = slot
