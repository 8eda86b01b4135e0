"""The host who streams by himself: the clip, broadcast after broadcast, with cards and flash sales, until stopped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from config.logs import logger
from config.settings import ServerSettings
from dongting.demo import data
from dongting.demo.publisher import publishing
from dongting.demo.replays import keep_newest
from dongting.demo.room import HostRoom, NotReachable, signed_in
from dongting.demo.timetable import Cue, cues
from server.infra.away import AWAY

log = logger(__name__)

RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0)  # the last is repeated
GOING_LIVE_SECONDS = 30.0
POLL_SECONDS = 2.0
# FFmpeg sends into the void when its media node has died or left: that is noticed here. It also says good-bye in vain
# (GOODBYE_SECONDS), so a new broadcast begins then, some 12 s later.
LOST_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Times:
    """How long things last; tests make them short."""

    # The first broadcast is short, so that a newcomer soon sees a replay, a lesson and clips.
    first_seconds: float = 200.0
    broadcast_seconds: float = 20 * 60.0
    pause_seconds: float = 25.0
    kept_replays: int = 3
    retry_seconds: tuple[float, ...] = field(default=RETRY_SECONDS)


class Lost(Exception):
    """The broadcast broke off; begin again."""


class DemoHost:
    """One host, one room, one clip."""

    def __init__(self, settings: ServerSettings, times: Times | None = None) -> None:
        self._settings = settings
        self._times = times or Times()
        self._base = f"http://127.0.0.1:{settings.server_port}"
        self._broadcasts = 0
        self._failures = 0

    @property
    def broadcasts(self) -> int:
        """How many came to their planned end."""
        return self._broadcasts

    async def run(self) -> None:
        """Broadcast after broadcast, until cancelled."""
        while True:
            try:
                await self._broadcast()
            except (NotReachable, Lost) as error:
                wait = self._times.retry_seconds[min(self._failures, len(self._times.retry_seconds) - 1)]
                self._failures += 1
                log.info("not on the air, trying again", reason=str(error), in_seconds=wait)
                await asyncio.sleep(wait)
                continue
            await self._tidy()
            self._broadcasts += 1
            await asyncio.sleep(self._times.pause_seconds)

    async def _broadcast(self) -> None:
        async with signed_in(self._base, data.LIVE_HOST, data.PASSWORD) as room:
            found = await room.look()
            async with publishing(data.CONTENT / "show.mp4", found["whip_url"], found["stream_key"]) as ffmpeg:
                await self._wait_live(room, ffmpeg)
                self._failures = 0
                log.info("on the air", broadcast=self._broadcasts + 1)
                await room.enter()
                await self._follow_watched(room, ffmpeg)

    async def _follow_watched(self, room: HostRoom, ffmpeg: asyncio.subprocess.Process) -> None:
        """The timetable, unless the broadcast breaks off. Raises Lost."""
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch(room, ffmpeg))
                await self._follow(room)
                watch.cancel()
        except* Lost as lost:
            raise lost.exceptions[0] from None

    async def _wait_live(self, room: HostRoom, ffmpeg: asyncio.subprocess.Process) -> None:
        try:
            async with asyncio.timeout(GOING_LIVE_SECONDS):
                while (await room.look())["state"] != "live":
                    if ffmpeg.returncode is not None:
                        raise Lost("ffmpeg could not publish")
                    await asyncio.sleep(0.3)
        except TimeoutError:
            raise Lost("no picture arrived") from None

    async def _follow(self, room: HostRoom) -> None:
        """Do what the timetable says until the broadcast is over."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        last = self._times.broadcast_seconds if self._broadcasts else self._times.first_seconds
        for cue in cues(data.ACTS, data.CLIP_SECONDS):
            await asyncio.sleep(began + min(cue.at_seconds, last) - loop.time())
            if cue.at_seconds >= last:
                return
            await self._play(room, cue)

    async def _play(self, room: HostRoom, cue: Cue) -> None:
        await room.send("pin", {"product_id": cue.product})
        if cue.words:
            await room.send("chat", {"text": cue.words})
        if cue.opens_sale:
            try:
                await room.open_sale({"product_id": cue.product, **data.SALE_TERMS[cue.product]})
            except NotReachable as error:
                log.info("no flash sale this time", reason=str(error))

    async def _watch(self, room: HostRoom, ffmpeg: asyncio.subprocess.Process) -> None:
        """Notice that nothing arrives any more. Raises Lost."""
        loop = asyncio.get_running_loop()
        good_at = loop.time()
        while loop.time() - good_at < LOST_SECONDS:
            if ffmpeg.returncode is not None:
                raise Lost("ffmpeg ended by itself")
            await asyncio.sleep(POLL_SECONDS)
            try:
                if (await room.look())["state"] == "live":
                    good_at = loop.time()
            except NotReachable:
                good_at = loop.time()  # the server restarts; the media node goes on without it
        raise Lost("the room is not live any more")

    async def _tidy(self) -> None:
        try:
            removed = await keep_newest(self._settings, data.LIVE_HOST, self._times.kept_replays)
        except AWAY as error:
            log.info("old replays stay for now", error=type(error).__name__)
        else:
            log.info("broadcast over", removed_replays=removed)
