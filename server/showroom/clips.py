"""Cutting clips: one for each moment of a stream, made by workers from the take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from config.clock import Clock
from server.cards.model import Moment
from server.catalog.model import Product
from server.ids import new_id
from server.making.model import WorkState, begin
from server.making.service import Queue
from server.showroom.model import Clip, clip_prefix, clip_span


class Store(Protocol):
    """What this service keeps."""

    async def add(self, clip: Clip) -> Clip: ...
    async def of_stream(self, stream_id: str) -> list[Clip]: ...
    async def delete(self, clip_id: str) -> None: ...


class Products(Protocol):
    """Knows whose product it is."""

    async def get_many(self, product_ids: list[str]) -> dict[str, Product]: ...


class Objects(Protocol):
    """Where clips are kept."""

    async def delete_prefix(self, prefix: str) -> int: ...


class Clips:
    """Clips of all streams."""

    def __init__(self, store: Store, queue: Queue[Clip], products: Products, objects: Objects, clock: Clock) -> None:
        self._store = store
        self.queue = queue
        self._products = products
        self._objects = objects
        self._clock = clock

    async def cut(self, stream_id: str, lesson_id: str, moments: Sequence[Moment], duration_ms: int) -> None:
        """Have a clip made of each moment of a product. Safe to call twice: a moment has one clip."""
        shown = [(moment, moment.product_id) for moment in moments if moment.product_id is not None]
        products = await self._products.get_many([product_id for _, product_id in shown])
        for moment, product_id in shown:
            span = clip_span(moment, duration_ms)
            if span is None:
                continue
            product = products.get(product_id)
            now = self._clock.now()
            clip = await self._store.add(
                Clip(
                    id=new_id(),
                    stream_id=stream_id,
                    lesson_id=lesson_id,
                    product_id=product_id,
                    merchant_id=product.merchant_id if product else None,
                    title=moment.title,
                    start_ms=span[0],
                    end_ms=span[1],
                    created_at=now,
                    work=begin(now),
                )
            )
            if clip.work.state is WorkState.WAITING:
                await self.queue.send(clip)

    async def finish(self, clip: Clip, duration_ms: int, *, has_poster: bool) -> bool:
        """A worker has written the clip's objects; False: another has the clip meanwhile."""
        return await self.queue.finish(replace(clip, duration_ms=duration_ms, has_poster=has_poster)) is not None

    async def remove_of(self, stream_id: str) -> None:
        """Delete the clips of a stream; each record goes after its objects."""
        for clip in await self._store.of_stream(stream_id):
            await self._objects.delete_prefix(clip_prefix(clip.id))
            await self._store.delete(clip.id)
