"""Clips of all broadcasts: cut by themselves for each moment, and by hosts; made by workers from the take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from config.clock import Clock
from config.objects import ObjectNotFound
from server.accounts.model import User
from server.cards.model import Moment
from server.catalog.model import Product
from server.clips.model import (
    MOST_CLIPS,
    Clip,
    OwnClip,
    Shown,
    check_span,
    check_title,
    clip_prefix,
    clip_span,
    in_replay,
    lacks_filled,
    wasted_prefixes,
)
from server.courses.model import LessonView
from server.errors import Conflict, NotAllowed, NotFound
from server.ids import new_id
from server.making.model import ENDED, WorkState, begin
from server.making.service import Queue
from server.recordings.model import SourceKind
from server.recordings.take import Take, Timeline, read_take, take_prefix
from server.rooms.model import Room
from server.streams.model import Stream

REMOVE_TRIES = 5  # a worker's beat, the queue and another page may each be first


class Store(Protocol):
    """What this service keeps."""

    async def add(self, clip: Clip) -> Clip: ...
    async def get(self, thing_id: str) -> Clip | None: ...
    async def move(self, before: Clip, after: Clip) -> Clip | None: ...
    async def of_stream(self, stream_id: str) -> list[Clip]: ...
    async def place(self, clip_id: str, edition: int, at_ms: int) -> None: ...
    async def shown_of_lesson(self, lesson_id: str) -> list[Clip]: ...
    async def shown_of_product(self, product_id: str) -> list[Clip]: ...
    async def untidy(self, ended_before: datetime) -> list[Clip]: ...
    async def tidied(self, thing: Clip) -> None: ...
    async def delete(self, clip_id: str) -> None: ...


class Products(Protocol):
    """Knows whose product it is."""

    async def get_many(self, product_ids: list[str]) -> dict[str, Product]: ...


class Rooms(Protocol):
    """Knows for whom a host sells."""

    async def get(self, room_id: str) -> Room | None: ...
    async def by_host(self, host_id: str) -> Room | None: ...


class Lessons(Protocol):
    """The replays that clips are cut from."""

    async def look(self, lesson_id: str, user: User | None) -> LessonView: ...
    async def look_own(self, lesson_id: str, teacher: User) -> LessonView: ...


class Objects(Protocol):
    """Where takes and clips are kept."""

    async def get(self, key: str) -> bytes: ...
    async def delete_prefix(self, prefix: str) -> int: ...


class Clips:
    """Clips for those who watch, and for hosts who cut them."""

    def __init__(
        self,
        store: Store,
        queue: Queue[Clip],
        products: Products,
        rooms: Rooms,
        lessons: Lessons,
        objects: Objects,
        clock: Clock,
        *,
        quiet_seconds: float,
    ) -> None:
        self._store = store
        self.queue = queue
        self._products = products
        self._rooms = rooms
        self._lessons = lessons
        self._objects = objects
        self._clock = clock
        self._quiet = timedelta(seconds=quiet_seconds)  # after so long no worker writes for what has ended

    async def cut(self, stream: Stream, lesson_id: str, moments: Sequence[Moment], take: Take) -> None:
        """Have a clip made of each moment. Safe to call twice: a moment has one clip, by whose id it is found.

        One that its host took away keeps its record, and is not made again.
        A take that is told again may have got something in between: what was cut before has another place then, and
        is cut anew if it was within it.
        """
        if take.parts:
            await self._fit(stream.id, take)
        products = await self._products.get_many([moment.product_id for moment in moments if moment.product_id])
        room = await self._rooms.get(stream.room_id)
        for moment in moments:
            span = clip_span(moment, round(take.duration_ms))
            if span is None:
                continue
            product = products.get(moment.product_id) if moment.product_id else None
            merchant_id = product.merchant_id if product else room.merchant_id if room else None
            new = self._new(moment.id, stream.id, lesson_id, moment.title, span, moment.product_id, merchant_id)
            clip = await self._store.add(replace(new, pinned_lesson_id=moment.lesson_id))
            if clip.work.state is WorkState.WAITING:
                await self.queue.send(clip)

    async def of_lesson(self, lesson_id: str, user: User | None) -> list[Clip]:
        """What was cut out of a replay, in its order. Raises NotFound."""
        await self._lessons.look(lesson_id, user)
        return await self._store.shown_of_lesson(lesson_id)

    async def of_product(self, product_id: str) -> list[Clip]:
        """Clips that show a product, newest first."""
        return await self._store.shown_of_product(product_id)

    async def look(self, clip_id: str) -> Clip:
        """One clip that can be watched. Raises NotFound."""
        clip = await self._store.get(clip_id)
        if clip is None or clip.shown is None or clip.removed:
            raise NotFound("there is no such clip")
        return clip

    async def own(self, host: User, lesson_id: str) -> list[OwnClip]:
        """All clips of a replay, also those that are being made. Raises NotFound, NotAllowed, Conflict."""
        stream_id = (await self._replay(host, lesson_id)).asset.source.ref
        timeline = Timeline((await self._take(stream_id)).parts)
        found = [clip for clip in await self._store.of_stream(stream_id) if not clip.removed]
        return [in_replay(clip, timeline) for clip in sorted(found, key=lambda clip: clip.start_ms)]

    async def add(
        self, host: User, lesson_id: str, title: str, span_ms: tuple[int, int], product_id: str | None
    ) -> OwnClip:
        """Cut a span of a replay. Raises BadRequest, NotFound, NotAllowed, Conflict (also `too_many_clips`)."""
        view = await self._replay(host, lesson_id)
        stream_id = view.asset.source.ref
        merchant_id = await self._merchant_of(host, product_id)
        timeline, span = await self._span(view, span_ms)
        if sum(clip.by_host for clip in await self._store.of_stream(stream_id) if not clip.removed) >= MOST_CLIPS:
            raise Conflict(f"a replay has at most {MOST_CLIPS} clips of your own", code="too_many_clips")
        new = self._new(new_id(), stream_id, lesson_id, check_title(title), span, product_id, merchant_id)
        clip = await self._store.add(replace(new, by_host=True))
        await self.queue.send(clip)
        return in_replay(clip, timeline)

    async def change(self, host: User, clip_id: str, title: str, span_ms: tuple[int, int]) -> OwnClip:
        """Change a clip's title and span; with another span it is cut anew. Raises as `add`."""
        before, view = await self._own(host, clip_id)
        timeline, span = await self._span(view, span_ms)
        titled = replace(before, title=check_title(title))
        own = in_replay(before, timeline)
        # A worker that has it would write the title that it knows.
        if span_ms == (own.start_ms, own.end_ms) and before.work.state is WorkState.READY:
            return in_replay(_still(await self._store.move(before, titled)), timeline)
        return in_replay(await self._make_anew(replace(titled, start_ms=span[0], end_ms=span[1])), timeline)

    async def cancel(self, host: User, clip_id: str) -> OwnClip:
        """Stop making a clip; what was shown before stays. Raises NotFound, NotAllowed, Conflict."""
        clip, view = await self._own(host, clip_id)
        timeline = Timeline((await self._take(view.asset.source.ref)).parts)
        return in_replay(_still(await self.queue.cancel(clip)), timeline)

    async def retry(self, host: User, clip_id: str) -> OwnClip:
        """Make one again that has failed or was stopped. Raises NotFound, NotAllowed, Conflict."""
        clip, view = await self._own(host, clip_id)
        timeline = Timeline((await self._take(view.asset.source.ref)).parts)
        if clip.work.state is not WorkState.FAILED:
            raise Conflict("only what has failed is made again", code="step_not_allowed")
        return in_replay(await self._make_anew(clip), timeline)

    async def remove(self, host: User, clip_id: str) -> None:
        """Take a clip away from everybody, whatever is done with it at this moment.

        Raises:
            NotFound, NotAllowed, Conflict (it changed again and again)
        """
        clip, _ = await self._own(host, clip_id)
        await self._withdraw(clip)

    async def withdraw_of(self, stream_id: str) -> None:
        """Take all clips of a stream away, as `remove` does."""
        for clip in await self._store.of_stream(stream_id):
            await self._withdraw(clip)

    async def _withdraw(self, clip: Clip) -> None:
        newest: Clip | None = clip
        for _ in range(REMOVE_TRIES):
            if newest is None or newest.removed:
                return
            wanted = replace(newest, removed=True, untidy=True)
            is_over = newest.work.state in ENDED
            if await (self._store.move(newest, wanted) if is_over else self.queue.cancel(wanted)) is not None:
                return
            newest = await self._store.get(clip.id)
        raise Conflict("it changes again and again; please look again")

    async def finish(self, clip: Clip, duration_ms: int, at_ms: int, *, has_poster: bool) -> bool:
        """A worker has written the clip's objects; False: another has the clip meanwhile."""
        shown = Shown(clip.edition, duration_ms, has_poster, at_ms, clip.start_ms)
        if await self.queue.finish(replace(clip, shown=shown)) is None:
            return False
        # Its take may have got something in between while it was cut; who placed what was shown then did not see it.
        await self._place(clip.id, shown, Timeline((await self._take(clip.stream_id)).parts))
        return True

    async def tidy(self) -> None:
        """Delete what nobody watches any more, once no worker can be writing there.

        Of a removed clip everything goes, its record last; a moment's record stays, or its clip would be made again.
        """
        for clip in await self._store.untidy(self._clock.now() - self._quiet):
            if clip.removed and clip.by_host:
                await self._forget(clip)
                continue
            for prefix in wasted_prefixes(clip):
                await self._objects.delete_prefix(prefix)
            await self._store.tidied(clip)

    async def remove_of(self, stream_id: str) -> None:
        """Delete the clips of a stream; each record goes after its objects."""
        for clip in await self._store.of_stream(stream_id):
            await self._forget(clip)

    async def _make_anew(self, clip: Clip) -> Clip:
        return _still(await self._try_anew(clip))

    async def _try_anew(self, clip: Clip) -> Clip | None:
        """Each time under other names: what is being tidied, and what people have in their caches, stays away."""
        again = await self.queue.remake(replace(clip, edition=clip.edition + 1, untidy=True))
        if again is not None:
            await self.queue.send(again)
        return again

    async def _fit(self, stream_id: str, take: Take) -> None:
        """What is shown gets its place in the replay as it is now; what lacks something is cut anew."""
        timeline = Timeline(take.parts)
        for clip in await self._store.of_stream(stream_id):
            if clip.shown is not None:
                await self._place(clip.id, clip.shown, timeline)
            newest: Clip | None = clip
            while newest is not None and lacks_filled(newest, take) and await self._try_anew(newest) is None:
                newest = await self._store.get(clip.id)  # its worker was first

    async def _place(self, clip_id: str, shown: Shown, timeline: Timeline) -> None:
        await self._store.place(clip_id, shown.edition, round(timeline.replay_time(shown.start_ms)))

    async def _forget(self, clip: Clip) -> None:
        await self._objects.delete_prefix(clip_prefix(clip.id, 0))
        await self._store.delete(clip.id)

    def _new(
        self,
        clip_id: str,
        stream_id: str,
        lesson_id: str,
        title: str,
        span: tuple[int, int],
        product_id: str | None,
        merchant_id: str | None,
    ) -> Clip:
        now = self._clock.now()
        return Clip(
            id=clip_id,
            stream_id=stream_id,
            lesson_id=lesson_id,
            product_id=product_id,
            merchant_id=merchant_id,
            title=title,
            start_ms=span[0],
            end_ms=span[1],
            created_at=now,
            work=begin(now),
        )

    async def _replay(self, host: User, lesson_id: str) -> LessonView:
        view = await self._lessons.look_own(lesson_id, host)
        if view.asset.source.kind is not SourceKind.TAKE:
            raise Conflict("clips are cut out of broadcasts only", code="no_replay")
        return view

    async def _own(self, host: User, clip_id: str) -> tuple[Clip, LessonView]:
        clip = await self._store.get(clip_id)
        if clip is None or clip.removed:
            raise NotFound("there is no such clip")
        return clip, await self._replay(host, clip.lesson_id)

    async def _span(self, view: LessonView, span_ms: tuple[int, int]) -> tuple[Timeline, tuple[int, int]]:
        """A span of the replay on the stream's timeline."""
        take = await self._take(view.asset.source.ref)
        timeline = Timeline(take.parts)
        check_span(*span_ms, take.replay_ms)
        return timeline, (round(timeline.stream_time(span_ms[0])), round(timeline.stream_time(span_ms[1])))

    async def _take(self, stream_id: str) -> Take:
        try:
            return read_take(await self._objects.get(take_prefix(stream_id) + "take.json"))
        except (ObjectNotFound, ValueError):
            raise Conflict("nothing of this broadcast can be cut", code="not_recorded") from None

    async def _merchant_of(self, host: User, product_id: str | None) -> str | None:
        room = await self._rooms.by_host(host.id)
        merchant_id = room.merchant_id if room else None
        if product_id is not None:
            product = (await self._products.get_many([product_id])).get(product_id)
            if product is None:
                raise NotFound("there is no such product")
            if product.merchant_id != merchant_id:
                raise NotAllowed("this product is sold by another merchant")
        return merchant_id


def _still(clip: Clip | None) -> Clip:
    """The clip, if nobody has changed it meanwhile. Raises Conflict."""
    if clip is None:
        raise Conflict("it has just changed; please look again")
    return clip
