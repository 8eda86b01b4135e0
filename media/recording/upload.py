"""Brings the files of a take into the object store: parts as they close, at the end the playlist and `take.json`."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from config.logs import logger
from config.objects import ObjectNotFound, Objects, ObjectsUnavailable
from media.hls.playlist import PLAYLIST_TYPE, vod_playlist
from media.recording.combine import combine
from media.recording.take import Take, TakeSummary, take_from_json
from media.recording.take_spool import TakeSpool

log = logger(__name__)

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 15.0
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

    def __init__(self, spool: TakeSpool, objects: Objects) -> None:
        self._spool = spool
        self._objects = objects
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()

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
            await self._upload_closed()

    async def _upload_closed(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while names := self._spool.waiting_for_upload():
            try:
                for name in names:
                    await self._upload(name)
                    wait = FIRST_WAIT_SECONDS
            except ObjectsUnavailable as error:
                log.warning(
                    "parts cannot be uploaded, they wait in the spool",
                    stream=self._spool.take.stream_id,
                    waiting=len(names),
                    error=str(error),
                )
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    async def _upload(self, name: str) -> None:
        kind = MP4_TYPE if name.endswith(".mp4") else PART_TYPE
        await self._objects.put_file(take_key(self._spool.take.stream_id, name), self._spool.path(name), kind)
        await asyncio.to_thread(self._spool.mark_uploaded, name)

    async def publish(self) -> TakeSummary:
        """Upload the rest, then the playlist, last `take.json`: whoever sees that one finds everything it names."""
        await self.upload_closed()
        await self._ask_for_earlier()
        take = await self._with_others(self._spool.take)
        playlist = vod_playlist(take.segments(), take.began_at)
        await self._put(take, "index.m3u8", playlist, PLAYLIST_TYPE)
        await self._put(take, "take.json", json.dumps(take.as_json(), ensure_ascii=False), JSON_TYPE)
        return take.summary()

    async def _ask_for_earlier(self) -> None:
        """Before `take.json` is written: is there one already that must be part of it?"""
        wait = FIRST_WAIT_SECONDS
        take = self._spool.take
        while take.is_unasked:
            try:
                earlier = await earlier_take(self._objects, take.stream_id)
            except ObjectsUnavailable as error:
                log.warning("the take cannot be finished yet", stream=take.stream_id, error=str(error))
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
                continue
            except ValueError as error:
                log.warning("an earlier take.json is not readable, replaced", stream=take.stream_id, error=str(error))
                earlier = None
            await asyncio.to_thread(self._spool.note_earlier, earlier)

    async def _with_others(self, take: Take) -> Take:
        """What other nodes recorded of the same stream, and brought here meanwhile, belongs to the take as well."""
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                stored = await earlier_take(self._objects, take.stream_id)
                return take if stored is None else combine(take, take_from_json(stored))
            except ObjectsUnavailable as error:
                log.warning("the take cannot be finished yet", stream=take.stream_id, error=str(error))
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
            except ValueError:
                return take  # not readable: replaced

    async def _put(self, take: Take, name: str, text: str, content_type: str) -> None:
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                await self._objects.put(take_key(take.stream_id, name), text.encode(), content_type)
                return
            except ObjectsUnavailable as error:
                log.warning("the take cannot be finished yet", stream=take.stream_id, error=str(error))
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
