"""What a host does with cards: pin, explain, unpin; each span becomes a chapter of the replay."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from config.clock import Clock
from config.tasks import Tasks
from server.accounts.model import User
from server.cards.card import Card, ShownCard
from server.cards.model import Moment
from server.cards.shape import card_shape
from server.catalog.model import Product
from server.courses.model import LessonView
from server.errors import Conflict, NotAllowed, NotFound
from server.ids import new_id
from server.infra.announce import Build, room_channel
from server.infra.together import Together
from server.streams.model import Stream, timeline_ms, wall_clock

PIN_TRIES = 3
STOCK_WINDOW_SECONDS = 0.15
MOST_SHOWN = 200  # of a stream that somebody watches from its beginning; the newest


class Store(Protocol):
    """What this service keeps."""

    async def add(self, moment: Moment) -> bool: ...
    async def close(self, stream_id: str, end_ms: int) -> bool: ...
    async def explain(self, stream_id: str, *, is_explaining: bool) -> Moment | None: ...
    async def open_in(self, stream_id: str) -> Moment | None: ...
    async def open_with(self, product_id: str) -> list[Moment]: ...
    async def of_stream(self, stream_id: str) -> list[Moment]: ...
    async def newest_of(self, stream_id: str, limit: int) -> list[Moment]: ...


class Streams(Protocol):
    """What is on the air."""

    async def get(self, stream_id: str) -> Stream: ...
    async def on_air_in(self, room_id: str) -> Stream: ...


class Products(Protocol):
    """What can be pinned."""

    async def get(self, product_id: str) -> Product: ...
    async def get_many(self, product_ids: list[str]) -> dict[str, Product]: ...


class Lessons(Protocol):
    """What else can be pinned."""

    async def look(self, lesson_id: str, user: User | None) -> LessonView: ...
    async def look_many(self, lesson_ids: list[str], user: User | None) -> list[LessonView]: ...


class Voice(Protocol):
    """Tells the room."""

    async def tell(self, channel: str, event: str, data: dict[str, Any]) -> None: ...
    def tell_newest(self, channel: str, event: str, window_seconds: float, build: Build) -> None: ...


class Cards:
    """Cards of all rooms."""

    def __init__(
        self, store: Store, streams: Streams, products: Products, voice: Voice, tasks: Tasks, clock: Clock
    ) -> None:
        self._store = store
        self._streams = streams
        self._products = products
        self._voice = voice
        self._clock = clock
        self._lessons: Lessons | None = None
        self._shown = Together("asking what was shown", tasks, self._look_up)

    def show_lessons_of(self, lessons: Lessons) -> None:
        """Where lessons are found; the library is built after the cards."""
        self._lessons = lessons

    async def pin(self, room_id: str, merchant_id: str, product_id: str) -> Card:
        """Pin a product of the room's merchant in the stream that is on; the one before is unpinned.

        Raises:
            Conflict (`not_live`, `no_longer_sold`), NotFound, NotAllowed
        """
        product = await self._products.get(product_id)
        if product.merchant_id != merchant_id:
            raise NotAllowed("this product is sold by another merchant")
        product.check_sold()
        return await self._pin(room_id, product=product)

    async def pin_lesson(self, room_id: str, lesson_id: str) -> Card:
        """Pin a lesson of the library. Raises Conflict (`not_live`, `not_watchable`), NotFound."""
        if self._lessons is None:
            raise NotFound("there is no such lesson")
        lesson = await self._lessons.look(lesson_id, None)
        if not lesson.is_watchable:
            raise Conflict("this lesson can't be watched yet", code="not_watchable")
        return await self._pin(room_id, lesson=lesson)

    async def _pin(self, room_id: str, *, product: Product | None = None, lesson: LessonView | None = None) -> Card:
        title = product.name if product else lesson.lesson.title if lesson else ""
        product_id, lesson_id = product.id if product else None, lesson.lesson.id if lesson else None
        stream = await self._streams.on_air_in(room_id)
        for _ in range(PIN_TRIES):
            now = self._clock.now()
            start_ms = timeline_ms(stream, now)
            await self._store.close(stream.id, start_ms)
            moment = Moment(new_id(), stream.id, room_id, product_id, title, now, start_ms, lesson_id=lesson_id)
            if await self._store.add(moment):
                return await self._told(Card(moment, product, lesson))
        raise Conflict("another card is being pinned; please try again")

    async def explain(self, room_id: str, *, is_explaining: bool) -> Card:
        """Say whether the host is talking about the card now. Raises Conflict (`not_live`), NotFound."""
        stream = await self._streams.on_air_in(room_id)
        moment = await self._store.explain(stream.id, is_explaining=is_explaining)
        card = await self._card(moment) if moment else None
        if card is None:
            raise NotFound("no card is pinned")
        return await self._told(card)

    async def _told(self, card: Card) -> Card:
        await self._voice.tell(room_channel(card.moment.room_id), "card", {"card": card_shape(card)})
        return card

    async def _card(self, moment: Moment) -> Card | None:
        """The card of a moment; None when what it shows is gone."""
        return next(iter(await self._cards([moment])), None)

    async def _cards(self, moments: Sequence[Moment]) -> list[Card]:
        products = await self._products.get_many([each.product_id for each in moments if each.product_id])
        lessons = await self._lessons_of(moments)
        cards = [
            Card(each, products.get(each.product_id or ""), lessons.get(each.lesson_id or "")) for each in moments
        ]
        return [card for card in cards if card.product or card.lesson]

    async def unpin(self, room_id: str) -> None:
        """Take the card away. Raises Conflict (`not_live`)."""
        stream = await self._streams.on_air_in(room_id)
        await self._store.close(stream.id, timeline_ms(stream, self._clock.now()))
        await self._voice.tell(room_channel(room_id), "card", {"card": None})

    async def current(self, stream: Stream | None) -> Card | None:
        """The card of a stream."""
        moment = await self._store.open_in(stream.id) if stream else None
        return None if moment is None else await self._card(moment)

    async def shown_in(self, stream_id: str) -> list[ShownCard]:
        """The cards of a stream in order, for who goes back in it; without what is gone since. Raises NotFound."""
        return await self._shown.get(await self._streams.get(stream_id)) or []

    async def _look_up(self, streams: Sequence[Stream]) -> dict[Stream, list[ShownCard]]:
        return {stream: await self._shown_in(stream) for stream in streams}

    async def _shown_in(self, stream: Stream) -> list[ShownCard]:
        cards = await self._cards(await self._store.newest_of(stream.id, MOST_SHOWN))
        return [ShownCard(card, _end(stream, card.moment)) for card in cards]

    async def _lessons_of(self, moments: Sequence[Moment]) -> dict[str, LessonView]:
        wanted = list({each.lesson_id for each in moments if each.lesson_id})
        if not wanted or self._lessons is None:
            return {}
        return {view.lesson.id: view for view in await self._lessons.look_many(wanted, None)}

    async def product_changed(self, product_id: str) -> None:
        """Show the new price and stock wherever the product is pinned."""
        for moment in await self._store.open_with(product_id):
            again = partial(self._again, moment)
            self._voice.tell_newest(room_channel(moment.room_id), "card", STOCK_WINDOW_SECONDS, again)

    async def _again(self, moment: Moment) -> dict[str, Any] | None:
        now_open = await self._store.open_in(moment.stream_id)
        if now_open is None or now_open.id != moment.id:
            return None
        return {"card": card_shape(await self._card(now_open))}

    async def stream_ended(self, stream: Stream, duration_ms: int) -> None:
        """The last card ends with the stream. Heard late, it leaves the next stream's card alone."""
        if await self._store.close(stream.id, duration_ms):
            await self._voice.tell(room_channel(stream.room_id), "card", {"card": None})

    async def moments_of(self, stream_id: str) -> list[Moment]:
        """The moments of a stream in order."""
        return await self._store.of_stream(stream_id)


def _end(stream: Stream, moment: Moment) -> datetime | None:
    return None if moment.end_ms is None else wall_clock(stream, moment.end_ms)
