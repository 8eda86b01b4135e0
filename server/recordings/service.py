"""What happens to recordings: a take becomes a watchable asset and a lesson at once, its ladder comes later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from config.clock import Clock
from config.logs import logger
from config.objects import ObjectNotFound
from server.accounts.model import User
from server.cards.model import Moment
from server.courses.model import Lesson, LessonView
from server.errors import Conflict, NotAllowed, NotFound
from server.ids import new_id
from server.infra.away import AWAY
from server.making.model import ENDED, WorkState, begin
from server.making.service import Queue
from server.recordings.chunks import Chunks
from server.recordings.model import (
    Asset,
    Chapter,
    Made,
    Source,
    SourceKind,
    Uploaded,
    asset_prefix,
    chapters_of,
    edition_prefix,
    filled_of,
    gaps_of,
    is_worth_a_lesson,
    upload_key,
    wasted_editions,
    watched_until,
)
from server.recordings.take import Take, fill_prefix, inserts_of, read_take, take_prefix
from server.rooms.model import Room
from server.streams.model import Stream

log = logger(__name__)

REMOVED_AFTER = timedelta(days=1)  # by then nobody can be bringing anything any more, not even what fills a gap
FINISHED_AFTER = timedelta(days=1)  # the uploads' own sweep has made a lesson of what is whole by then
GROWN_MS = 500  # a take that is told again and is this much longer is made again


class Store(Protocol):
    """What this service keeps."""

    async def add(self, asset: Asset) -> Asset: ...
    async def of_source(self, source: Source) -> Asset | None: ...
    async def replays_of(self, host_id: str) -> list[Asset]: ...
    async def move(self, before: Asset, after: Asset) -> Asset | None: ...
    async def untidy(self, ended_before: datetime) -> list[Asset]: ...
    async def stays_untidy(self, thing: Asset, until: datetime) -> None: ...
    async def tidied(self, thing: Asset) -> None: ...
    async def delete(self, asset_id: str) -> None: ...


class Objects(Protocol):
    """Where recordings are kept."""

    async def get(self, key: str) -> bytes: ...
    async def put_file(self, key: str, path: Path, content_type: str) -> None: ...
    async def delete_prefix(self, prefix: str) -> int: ...


class Lessons(Protocol):
    """Makes lessons of assets."""

    async def add_replay(self, asset: Asset, title: str, host_name: str) -> Lesson: ...
    async def check_upload(self, host_id: str, title: str, course_id: str | None) -> None: ...
    async def add_upload(self, asset: Asset, title: str, host_name: str, course_id: str | None) -> Lesson: ...
    async def of_asset(self, asset_id: str) -> Lesson | None: ...
    async def look(self, lesson_id: str, user: User | None) -> LessonView: ...
    async def is_taught(self, lesson: Lesson) -> bool: ...
    async def remove(self, lesson_id: str) -> None: ...


class Streams(Protocol):
    """Must know what became of a stream."""

    async def became_lesson(self, stream_id: str, lesson_id: str | None) -> None: ...


class Rooms(Protocol):
    """Knows whose stream it was."""

    async def get(self, room_id: str) -> Room | None: ...


class Cards(Protocol):
    """Knows when products were shown."""

    async def moments_of(self, stream_id: str) -> list[Moment]: ...


class Clips(Protocol):
    """Cuts clips of moments."""

    async def cut(self, stream: Stream, lesson_id: str, moments: Sequence[Moment], take: Take) -> None: ...
    async def withdraw_of(self, stream_id: str) -> None: ...
    async def remove_of(self, stream_id: str) -> None: ...


class Recordings:
    """Assets: from a take or an upload to something that everybody can watch."""

    def __init__(
        self,
        store: Store,
        queue: Queue[Asset],
        chunks: Chunks,
        objects: Objects,
        lessons: Lessons,
        streams: Streams,
        rooms: Rooms,
        cards: Cards,
        clips: Clips,
        clock: Clock,
        *,
        quiet_seconds: float,
    ) -> None:
        self._store = store
        self.queue = queue
        self.chunks = chunks
        self._objects = objects
        self._lessons = lessons
        self._streams = streams
        self._rooms = rooms
        self._cards = cards
        self._clips = clips
        self._clock = clock
        self._quiet = timedelta(seconds=quiet_seconds)  # after so long no worker writes for what has ended

    async def take_ready(self, stream: Stream, duration_ms: int, *, has_video: bool, has_audio: bool) -> None:
        """A take is in the object store: make its lesson, watchable at once, send the jobs. Safe to hear twice."""
        if not is_worth_a_lesson(duration_ms, has_video=has_video, has_audio=has_audio):
            log.info("nothing was recorded, no lesson", stream=stream.id)
            return
        take = await self._read_take(stream.id, duration_ms)
        moments = await self._cards.moments_of(stream.id)
        asset = await self._keep(await self._asset_of(stream, take, moments))
        if asset.removed:  # what was brought again goes again
            again = replace(asset, untidy=True, work=replace(asset.work, ended_at=self._clock.now()))
            await self._store.move(asset, again)
            return
        room = await self._rooms.get(stream.room_id)
        lesson = await self._lessons.add_replay(asset, stream.title, room.host_name if room else "")
        await self._streams.became_lesson(stream.id, lesson.id)
        await self._clips.cut(stream, lesson.id, moments, take)
        if asset.work.state is WorkState.WAITING:
            await self.queue.send(asset)

    async def add_upload(
        self,
        host: User,
        title: str,
        course_id: str | None,
        video: Path,
        size: int,
        *,
        chapters: tuple[Chapter, ...] = (),
    ) -> Lesson:
        """Make a lesson of a file on this machine. Raises BadRequest, NotFound, NotAllowed."""
        asset_id = new_id()
        try:
            await self._objects.put_file(upload_key(asset_id), video, "application/octet-stream")
            return await self.take_upload(
                Uploaded(asset_id, host.id, host.display_name, title, course_id, size, chapters)
            )
        except BaseException:
            await self._drop_upload(asset_id)
            raise

    async def take_upload(self, uploaded: Uploaded) -> Lesson:
        """Make the lesson of a video in the object store, and send the job. Safe to do twice.

        Raises:
            BadRequest, NotFound, NotAllowed
        """
        await self._lessons.check_upload(uploaded.host_id, uploaded.title, uploaded.course_id)
        now = self._clock.now()
        asset = await self._store.add(
            Asset(
                uploaded.asset_id,
                Source(SourceKind.UPLOAD, upload_key(uploaded.asset_id)),
                uploaded.host_id,
                now,
                begin(now),
                bytes=uploaded.size,
                chapters=uploaded.chapters,
                untidy=True,  # until it is seen that a lesson has come of it
            )
        )
        lesson = await self._lessons.add_upload(asset, uploaded.title, uploaded.host_name, uploaded.course_id)
        if asset.work.state is WorkState.WAITING:
            await self.queue.send(asset)
        return lesson

    async def _drop_upload(self, asset_id: str) -> None:
        """Nothing stays of an upload that has become no lesson; what is away now is only logged."""
        try:
            if (lesson := await self._lessons.of_asset(asset_id)) is not None:
                await self._lessons.remove(lesson.id)
            await self._objects.delete_prefix(upload_key(asset_id))
            await self._store.delete(asset_id)
        except AWAY as error:
            log.warning("an upload without a lesson is left", asset=asset_id, error=type(error).__name__)

    async def replay_of(self, stream_id: str) -> Lesson:
        """The lesson that a stream became. Raises NotFound."""
        asset = await self._store.of_source(Source(SourceKind.TAKE, stream_id))
        lesson = await self._lessons.of_asset(asset.id) if asset else None
        if lesson is None:
            raise NotFound("this stream has no replay (yet)")
        return lesson

    async def finish(self, asset: Asset, made: Made) -> bool:
        """Everything lies below the edition's prefix; False: another worker has the asset meanwhile."""
        prefix = edition_prefix(asset.id, asset.edition)

        def key(name: str | None) -> str | None:
            return prefix + name if name else None

        finished = await self.queue.finish(
            replace(
                asset,
                duration_ms=made.duration_ms,
                bytes=made.bytes,
                renditions=made.renditions,
                playlist_key=key(made.playlist),
                poster_key=key(made.poster),
                thumbs_key=key(made.thumbs),
                waveform_key=key(made.waveform),
                sounds=tuple(replace(sound, playlist_key=prefix + sound.playlist_key) for sound in made.sounds),
            )
        )
        if finished is None:
            return False
        await self.chunks.forget(asset.id, asset.edition + 1)
        return True

    async def cancel(self, host: User, lesson_id: str) -> None:
        """Stop making a lesson's video; its source stays. Raises NotFound, NotAllowed, Conflict."""
        asset = await self._asset_of_host(host, lesson_id)
        cancelled = await self.queue.cancel(asset)
        if cancelled is None:
            raise Conflict("it has just changed; please look again")
        await self.chunks.forget(asset.id, asset.edition + 1)

    async def tidy(self) -> None:
        """Delete what was made for plans that came to nothing, once no worker can be writing there any more.

        What could be watched, and was made anew, stays some hours longer. An upload whose server died before it made
        the lesson, and which nobody has finished for a day, goes as a whole.
        """
        now = self._clock.now()
        for asset in await self._store.untidy(now - self._quiet):
            if asset.removed:
                await self._tidy_removed(asset, now)
                continue
            until = watched_until(asset)
            if until is not None and now < until:
                await self._store.stays_untidy(asset, until)
                continue
            await self.chunks.forget(asset.id, asset.work.attempt + 1)
            if asset.source.kind is SourceKind.UPLOAD and await self._lessons.of_asset(asset.id) is None:
                if asset.created_at < now - FINISHED_AFTER:
                    await self._objects.delete_prefix(asset_prefix(asset.id))
                    await self._drop_upload(asset.id)
                else:
                    await self._store.stays_untidy(asset, asset.created_at + FINISHED_AFTER)
                continue
            for edition in wasted_editions(asset):
                await self._objects.delete_prefix(edition_prefix(asset.id, edition))
            await self._store.tidied(asset)

    async def retry(self, host: User, lesson_id: str) -> None:
        """Make a failed or stopped one from the beginning. Raises NotFound, NotAllowed, Conflict."""
        asset = await self._asset_of_host(host, lesson_id)
        if asset.work.state is not WorkState.FAILED:
            raise Conflict("only what has failed is made again", code="step_not_allowed")
        again = await self.queue.remake(replace(asset, ladder=None))
        if again is None:
            raise Conflict("it has just changed; please look again")
        await self.queue.send(again)

    async def remove(self, host: User, lesson_id: str) -> None:
        """Take a lesson away for good, with its video, its clips and what learners did in it.

        It is gone from all lists at once; its objects go with a sweep, once no worker can be writing there any more,
        and whatever a crash leaves goes with the next one. Raises NotFound, NotAllowed, Conflict.
        """
        asset = await self._asset_of_host(host, lesson_id)
        unwanted = replace(asset, removed=True, untidy=True)
        if asset.work.state in ENDED:
            again = replace(unwanted, work=replace(asset.work, ended_at=self._clock.now()))
            gone = await self._store.move(asset, again)
        else:
            gone = await self.queue.cancel(unwanted)
        if gone is None:
            raise Conflict("it has just changed; please look again")
        await self._lessons.remove(lesson_id)
        if asset.source.kind is SourceKind.TAKE:
            await self._streams.became_lesson(asset.source.ref, None)
            await self._clips.withdraw_of(asset.source.ref)

    async def is_removed(self, stream_id: str) -> bool:
        """Whether the host of a stream has taken its replay away."""
        asset = await self._store.of_source(Source(SourceKind.TAKE, stream_id))
        return asset is not None and asset.removed

    async def _tidy_removed(self, asset: Asset, now: datetime) -> None:
        """Delete all of it, and a day later what has come since.

        The record of a broadcast stays: a node that was down for long may tell of the take once more.
        """
        until = (asset.work.ended_at or asset.created_at) + REMOVED_AFTER
        is_take = asset.source.kind is SourceKind.TAKE
        await self._empty(asset, await self._lessons.of_asset(asset.id))
        if now < until:
            await self._store.stays_untidy(asset, until)
        elif is_take:
            await self._store.tidied(asset)
        else:
            await self._store.delete(asset.id)

    async def _asset_of_host(self, host: User, lesson_id: str) -> Asset:
        view = await self._lessons.look(lesson_id, host)
        if view.lesson.host_id != host.id:
            raise NotAllowed("this lesson belongs to another teacher")
        return view.asset

    async def remove_old_replays(self, host_id: str, keep: int) -> int:
        """Delete all but a host's newest replays with everything made of them; answers how many.

        Those that he has put into a course of his own stay. The asset's record goes last: whatever a crash leaves
        is found by the next call.
        """
        removed = 0
        for asset in (await self._store.replays_of(host_id))[keep:]:
            lesson = await self._lessons.of_asset(asset.id)
            if lesson is not None and await self._lessons.is_taught(lesson):
                continue
            await self._remove(asset, lesson)
            removed += 1
        return removed

    async def _remove(self, asset: Asset, lesson: Lesson | None) -> None:
        await self._empty(asset, lesson)
        await self._store.delete(asset.id)

    async def _empty(self, asset: Asset, lesson: Lesson | None) -> None:
        """Delete all that belongs to an asset, so that only its record is left."""
        if lesson is not None:
            await self._lessons.remove(lesson.id)
        await self.chunks.forget(asset.id, asset.work.attempt + 1)
        await self._objects.delete_prefix(asset_prefix(asset.id))
        if asset.source.kind is SourceKind.UPLOAD:
            await self._objects.delete_prefix(upload_key(asset.id))
            return
        stream_id = asset.source.ref
        await self._streams.became_lesson(stream_id, None)
        await self._clips.remove_of(stream_id)
        await self._objects.delete_prefix(take_prefix(stream_id))
        await self._objects.delete_prefix(fill_prefix(stream_id))

    async def _read_take(self, stream_id: str, duration_ms: int) -> Take:
        try:
            return read_take(await self._objects.get(take_prefix(stream_id) + "take.json"))
        except (ObjectNotFound, ValueError) as error:
            # The lesson is made all the same; the worker will say what is wrong with the take.
            log.warning("take.json cannot be used", stream=stream_id, error=str(error))
            return Take(stream_id=stream_id, duration_ms=duration_ms)

    async def _asset_of(self, stream: Stream, take: Take, moments: Sequence[Moment]) -> Asset:
        now = self._clock.now()
        duration_ms = take.replay_ms or round(take.duration_ms)
        return Asset(
            id=new_id(),
            source=Source(SourceKind.TAKE, stream.id),
            host_id=stream.host_id,
            created_at=now,
            work=begin(now),
            duration_ms=duration_ms,
            bytes=take.bytes,
            chapters=chapters_of(moments, take, duration_ms),
            gaps=gaps_of(take),
            filled=filled_of(take),
            inserts=inserts_of(take).inserts,
            playlist_key=take_prefix(stream.id) + "index.m3u8" if take.is_playable else None,
        )

    async def _keep(self, wanted: Asset) -> Asset:
        kept = await self._store.add(wanted)
        if kept.id == wanted.id or kept.removed or wanted.duration_ms < kept.duration_ms + GROWN_MS:
            return kept
        longer = replace(
            kept,
            duration_ms=wanted.duration_ms,
            bytes=wanted.bytes,
            chapters=wanted.chapters,
            gaps=wanted.gaps,
            filled=wanted.filled,
            inserts=wanted.inserts,
            playlist_key=wanted.playlist_key,  # the recorded parts again, until the ladder is as long as they are
            ladder=None,
            was_ready=kept.was_ready or kept.work.state is WorkState.READY,
        )
        moved = await self.queue.remake(longer)
        if moved is None:
            raise Conflict("the recording is changing; the event comes again")
        await self.chunks.forget(kept.id, kept.edition + 1)
        return moved
