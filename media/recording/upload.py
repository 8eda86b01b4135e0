"""Brings the files of a take into the object store: parts as they close, at the end the playlist and `take.json`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

from config.conditional import ObjectChanged
from config.logs import logger
from config.objects import ObjectNotFound, Objects, ObjectsUnavailable
from media.hls.playlist import PLAYLIST_TYPE, vod_playlist
from media.recording.combine import combine
from media.recording.take import Take, TakeSummary, take_from_json
from media.recording.take_spool import TakeSpool

log = logger(__name__)

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 15.0
SILENT_SECONDS = 10.0  # a call that takes longer than two parts are long may hang: until it fails it may be a minute
T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]
Clock = Callable[[], float]
MP4_TYPE, PART_TYPE, JSON_TYPE = "video/mp4", "video/iso.segment", "application/json"


def take_key(stream_id: str, name: str) -> str:
    """The object key of one file of a take."""
    return f"public/takes/{stream_id}/{name}"


async def earlier_take(objects: Objects, stream_id: str) -> Any:
    """The body of a stream's take.json, None if there is none. Raises ObjectsUnavailable; ValueError for rubbish."""
    try:
        body = json.loads(await objects.get(take_key(stream_id, "take.json")))
    except ObjectNotFound:
        return None
    take_from_json(body)
    return body


class Uploader:
    """Uploads one take's files, one at a time. What fails stays in the spool and is tried again later, with waits
    that double up to LONGEST_WAIT_SECONDS."""

    def __init__(
        self, spool: TakeSpool, objects: Objects, sleep: Sleep = asyncio.sleep, clock: Clock = time.monotonic
    ) -> None:
        self._spool = spool
        self._objects = objects
        self._sleep = sleep
        self._clock = clock
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        self._has_failed = False  # the last call
        self._asked_at: float | None = None  # since when a call is under way

    @property
    def is_behind(self) -> bool:
        """Whether the object store did not answer lately, or has not for SILENT_SECONDS."""
        return self._has_failed or (self._asked_at is not None and self._clock() - self._asked_at > SILENT_SECONDS)

    def wake(self) -> None:
        """A file may wait. On the event loop only."""
        self._news.set()

    async def run(self) -> None:
        """Upload closed files as they come; runs until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self.upload_closed()

    async def upload_closed(self) -> None:
        """Upload every closed file, however long the object store is away."""
        async with self._turn:
            while names := self._spool.waiting_for_upload():
                for name in names:
                    await self._insist(lambda name=name: self._upload(name))  # type: ignore[misc]
            self._caught_up()

    async def _upload(self, name: str) -> None:
        key, path = take_key(self._spool.take.stream_id, name), self._spool.path(name)
        if await asyncio.to_thread(path.exists):
            await self._objects.put_file(key, path, MP4_TYPE if name.endswith(".mp4") else PART_TYPE)
        elif not await self._is_there(key):
            log.error(
                "A RECORDED FILE IS GONE from the spool: a gap in the recording",
                stream=self._spool.take.stream_id,
                file=name,
            )
            await asyncio.to_thread(self._spool.mark_lost, name)
            return
        await asyncio.to_thread(self._spool.mark_uploaded, name)

    async def _is_there(self, key: str) -> bool:
        try:
            await self._objects.stat(key)
        except ObjectNotFound:
            return False
        return True

    async def publish(self) -> TakeSummary:
        """Upload the rest, then the playlist, last `take.json`: whoever sees that one finds everything it names."""
        await self.upload_closed()
        await self._ask_for_earlier()
        own = self._spool.take.without_lost()
        wait = FIRST_WAIT_SECONDS
        while True:  # others write it too: nodes that had the stream, a worker that fills its gaps
            take, etag = await self._with_others(own)
            playlist = vod_playlist(take.segments(), take.began_at).encode()
            key = take_key(take.stream_id, "index.m3u8")
            await self._insist(partial(self._objects.put, key, playlist, PLAYLIST_TYPE))
            body = json.dumps(take.as_json(), ensure_ascii=False).encode()
            key = take_key(take.stream_id, "take.json")
            try:
                await self._insist(partial(self._objects.put_over, key, body, JSON_TYPE, etag))
            except ObjectChanged:
                log.info("the take was written by somebody else meanwhile, once more", stream=take.stream_id)
                await self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
                continue
            return take.summary()

    async def _ask_for_earlier(self) -> None:
        """Before `take.json` is written: is there one already that must be part of it?"""
        take = self._spool.take
        if not take.is_unasked:
            return
        try:
            earlier = await self._insist(lambda: earlier_take(self._objects, take.stream_id))
        except ValueError as error:
            log.warning("an earlier take.json is not readable, replaced", stream=take.stream_id, error=str(error))
            earlier = None
        await asyncio.to_thread(self._spool.note_earlier, earlier)

    async def _with_others(self, take: Take) -> tuple[Take, str | None]:
        """What others recorded or filled of the same stream, and brought meanwhile, belongs to the take as well; and
        the ETag of what is written over."""
        try:
            key = take_key(take.stream_id, "take.json")
            stored = await self._insist(partial(self._objects.get_tagged, key))
        except ObjectNotFound:
            return take, None
        try:
            return combine(take, take_from_json(json.loads(stored.body))), stored.etag
        except ValueError:
            return take, stored.etag  # not readable: replaced

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the object store until it answers."""
        wait = FIRST_WAIT_SECONDS
        while True:
            self._asked_at = self._clock()
            try:
                return await ask()
            except ObjectsUnavailable as error:
                self._fell_behind(error)
            finally:
                self._asked_at = None
            await self._sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _fell_behind(self, error: ObjectsUnavailable) -> None:
        waiting = len(self._spool.waiting_for_upload())
        about = {"stream": self._spool.take.stream_id, "waiting": waiting, "error": str(error)}
        if self._has_failed:
            log.warning("the object store is still away, parts wait in the spool", **about)
            return
        self._has_failed = True
        log.error("THE OBJECT STORE IS AWAY: the recording stays on this machine until it is back", **about)

    def _caught_up(self) -> None:
        if self._has_failed:
            self._has_failed = False
            log.warning("the object store is back, everything is there", stream=self._spool.take.stream_id)
