"""Records one stream: takes packets on the event loop, writes them in a thread, uploads parts as they close."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from config.logs import logger
from config.objects import Objects, ObjectsUnavailable
from config.settings import MediaSettings
from config.tasks import Tasks
from media.recording.health import Health
from media.recording.mirror import MirroredSpool, Onlooker
from media.recording.take import TakeSummary
from media.recording.take_spool import SpoolBusy, TakeSpool
from media.recording.timeline import SenderReport
from media.recording.tracks import SECOND_NS, Kind, TrackFormat
from media.recording.upload import Sleep, Uploader, earlier_take
from media.recording.writer import Clocks, TakeWriter

log = logger(__name__)

BATCH_SECONDS = 0.15  # how often the thread takes what came; part of the time that a crash costs
# Packets that wait for the thread: some 60 s of a 3 Mbit/s stream. When the disk is that slow the newest are lost,
# and what they broke is listed as a gap.
INBOX_PACKETS = 20_000
KEYFRAME_REQUEST_NS = SECOND_NS  # a publisher that did not answer is asked again
KNOWN_TAKE_SECONDS = 4.0  # a publisher does not wait longer for an object store that is away
TAKE_OVER_SECONDS = 10.0  # a publisher does not wait longer for a recovery of the same take
# When the spool cannot be written it is tried again after so long, then after twice as long, and so on.
FIRST_RETRY_SECONDS = 2.0
LONGEST_RETRY_SECONDS = 30.0
FINISH_SECONDS = 900.0  # longer than the object store may be away; then the next start finishes the take


class _Packet(NamedTuple):
    kind: Kind
    data: bytes
    arrival_ns: int


class _Report(NamedTuple):
    kind: Kind
    report: SenderReport


class _Run(NamedTuple):
    video: TrackFormat | None
    audio: TrackFormat | None


NOTHING = TakeSummary(0, has_video=False, has_audio=False)


class Recorder:
    """The recording of one stream, from its first publisher to `finish()`.

    `add` and `add_sender_report` only append to a bounded queue; everything else happens in the thread. When that
    queue is full the newest packets are lost. While the spool cannot be written everything is lost, and listed as a
    gap once it can be written again.
    """

    def __init__(
        self,
        *,
        stream_id: str,
        room_id: str,
        settings: MediaSettings,
        objects: Objects,
        request_keyframe: Callable[[], None],
        is_continued: bool = False,
        onlooker: Onlooker | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`is_continued`: another node may have recorded a part of this stream, and not be done with it yet.
        `onlooker`: who is shown the take while it grows. `sleep`: between tries to reach the object store."""
        self._stream_id = stream_id
        self._room_id = room_id
        self._settings = settings
        self._objects = objects
        self._request_keyframe = request_keyframe
        self._is_continued = is_continued
        self._onlooker = onlooker
        self._sleep = sleep
        self._inbox: deque[_Packet | _Report | _Run] = deque()
        self._dropped_packets = 0  # the inbox was full
        self._lost_packets = 0  # never came
        self._broken_packets = 0  # could not be read
        self._run: _Run | None = None  # the thread's: what the publisher sends
        self._is_off = False
        self._is_over = False  # the stream, and not only this node's part in it
        self._stopping = threading.Event()
        self._ended = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._spool: TakeSpool | None = None
        self._uploader: Uploader | None = None
        self._tasks = Tasks("recorder")
        self._finishing = asyncio.Lock()
        self._summary: TakeSummary | None = None
        self.first_picture_at: datetime | None = None

    @property
    def health(self) -> Health:
        """Whether what comes in now will be in the replay."""
        if self._is_off:
            return Health.OFF
        return Health.BEHIND if self._uploader is not None and self._uploader.is_behind else Health.ON

    @property
    def listed(self) -> range:
        """The numbers of the segments that players can see."""
        return range(0) if self._onlooker is None else self._onlooker.listed

    async def start(self) -> None:
        """Open the spool and begin to take packets. A stream that was recorded before goes on where it ended.

        A disk that cannot be written costs the recording, not the broadcast. Raises TimeoutError while a recovery
        holds the spool, and ValueError for an impossible stream id.
        """
        try:
            self._spool = spool = await self._open_spool()
        except TimeoutError:
            raise
        except OSError:
            log.exception("NOT RECORDED: the spool cannot be opened", stream=self._stream_id)
            self._is_off = True
            self._ended.set()
            return
        # Of another node's unfinished part the object store knows no name: ours keep apart from them until the end.
        if (
            spool.take.is_unasked and not self._is_continued
        ):  # asked only now: whoever held the spool before may just have finished a take
            try:
                await self._ask_for_earlier(spool)
            except BaseException:
                spool.close()  # else nobody could record this stream any more
                raise
        self.first_picture_at = spool.take.began_at
        self._uploader = Uploader(spool, self._objects, self._sleep)
        self._uploader.wake()
        self._tasks.keep("upload parts", self._uploader.run)
        loop = asyncio.get_running_loop()
        sink = None
        if self._onlooker is not None:
            self._onlooker.opened(spool.take)
            sink = MirroredSpool(spool, self._onlooker, partial(_on_loop, loop))
        boot = await asyncio.to_thread(_boot_id)
        clocks = Clocks(time.monotonic_ns(), datetime.now(UTC), boot)
        part_seconds = self._settings.recording_part_seconds
        writer = TakeWriter(spool, part_seconds, clocks, sink, is_continued=self._is_continued)
        writer.on_first_picture = lambda at: _on_loop(loop, self._set_first_picture, at)
        self._thread = threading.Thread(
            target=self._work, args=(loop, spool, writer), name=f"recorder {self._stream_id}", daemon=True
        )
        self._thread.start()

    def begin_run(self, video: TrackFormat | None, audio: TrackFormat | None) -> None:
        """A publisher joined, for the first time or again."""
        self._inbox.append(_Run(video, audio))

    def add(self, kind: Kind, packet: bytes, arrival_ns: int) -> None:
        """Take one RTP packet that came at `arrival_ns` of time.monotonic_ns()."""
        if len(self._inbox) < INBOX_PACKETS and not self._ended.is_set():
            self._inbox.append(_Packet(kind, packet, arrival_ns))
        else:
            self._dropped_packets += 1

    def add_sender_report(self, kind: Kind, ntp: int, rtp_timestamp: int) -> None:
        """Take the two times of an RTCP sender report; `ntp` in its 64-bit form."""
        if len(self._inbox) < INBOX_PACKETS:
            self._inbox.append(_Report(kind, SenderReport(ntp, rtp_timestamp)))

    async def finish(self, *, is_over: bool = True) -> TakeSummary:
        """End the recording and bring all of it into the object store. Twice gives the same answer. The spool stays
        until `remove`. `is_over`: the stream has ended, and does not only go on elsewhere or later.

        Raises TimeoutError after FINISH_SECONDS without an object store; the spool then keeps the take.
        """
        async with self._finishing:
            if self._summary is None:
                self._is_over = is_over
                self._summary = await self._finish()
            return self._summary

    async def aclose(self) -> None:
        """Stop at once, let go of the spool, leave the rest to recovery. Twice is fine."""
        await self._stop_thread()
        await self._tasks.aclose()
        if self._spool is not None:
            await asyncio.to_thread(self._spool.close)

    async def remove(self) -> None:
        """Close and delete the spool of a finished take, once the servers know of the take; until then recovery
        finds it there and announces it.

        Raises RuntimeError before `finish` has answered.
        """
        if self._summary is None:
            raise RuntimeError("the take is not finished")
        await self.aclose()
        if self._spool is not None:
            await asyncio.to_thread(self._spool.remove_if_unchanged)

    async def _finish(self) -> TakeSummary:
        if self._spool is None or self._uploader is None:
            if not self._is_off:
                raise RuntimeError("the recorder was not started")
            return NOTHING
        await self._stop_thread()
        async with asyncio.timeout(FINISH_SECONDS):
            summary = await self._uploader.publish()
        await self._tasks.aclose()
        log.info(
            "take finished",
            stream=self._stream_id,
            duration_ms=summary.duration_ms,
            gaps=len(self._spool.take.gaps),
            lost_packets=self._lost_packets,
            dropped_packets=self._dropped_packets,
            broken_packets=self._broken_packets,
        )
        return summary

    async def _stop_thread(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            await self._ended.wait()

    def _set_first_picture(self, at: datetime) -> None:
        self.first_picture_at = at

    async def _ask_for_earlier(self, spool: TakeSpool) -> None:
        """What the object store has of this stream from an earlier recording. If it does not answer now, the
        uploader asks again before it finishes the take."""
        try:
            async with asyncio.timeout(KNOWN_TAKE_SECONDS):
                earlier = await earlier_take(self._objects, self._stream_id)
        except (ObjectsUnavailable, TimeoutError, ValueError) as error:
            log.warning(
                "an earlier recording could not be looked up", stream=self._stream_id, error=type(error).__name__
            )
            return
        await asyncio.to_thread(spool.note_earlier, earlier)

    async def _open_spool(self) -> TakeSpool:
        """Open the spool, waiting while a recovery finishes what an earlier process left in it."""
        folder = Path(self._settings.spool_folder)
        names = (folder, self._stream_id, self._room_id)
        async with asyncio.timeout(TAKE_OVER_SECONDS):
            while True:
                try:
                    return await asyncio.to_thread(TakeSpool.open, *names, is_unasked=True)
                except SpoolBusy:
                    await asyncio.sleep(0.2)

    def _work(self, loop: asyncio.AbstractEventLoop, spool: TakeSpool, writer: TakeWriter) -> None:
        """The thread: writes until `finish`; what cannot be written is lost, and tried anew after a while."""
        try:
            retry_seconds = FIRST_RETRY_SECONDS
            while True:
                began_at_ns = spool.take.end_ns
                try:
                    self._write_batches(loop, spool, writer)
                    return
                except OSError:
                    log.exception("NOT RECORDED: the spool cannot be written", stream=self._stream_id)
                except Exception:
                    log.exception("NOT RECORDED: a fault in the recorder", stream=self._stream_id)
                self._is_off = True
                writer.interrupt()
                if spool.take.end_ns > began_at_ns:
                    retry_seconds = FIRST_RETRY_SECONDS
                if not self._wait(spool, retry_seconds):
                    return
                retry_seconds = min(2 * retry_seconds, LONGEST_RETRY_SECONDS)
                writer.begin_anew(*(self._run or (None, None)))
        finally:
            try:
                self._lost_packets, self._broken_packets = writer.lost_packets, writer.broken_packets
                spool.close_part(spool.take.end_ns)
            finally:
                if self._onlooker is not None:
                    _on_loop(loop, partial(self._onlooker.ended, is_over=self._is_over))
                _on_loop(loop, self._ended.set)

    def _wait(self, spool: TakeSpool, seconds: float) -> bool:
        """Drop what comes meanwhile, at most until an upload has made room; False: the recording is over."""
        until, uploaded = time.monotonic() + seconds, len(spool.take.uploaded)
        while time.monotonic() < until and len(spool.take.uploaded) == uploaded:
            is_over = self._stopping.wait(BATCH_SECONDS)
            for _ in range(len(self._inbox)):
                entry = self._inbox.popleft()
                if isinstance(entry, _Run):
                    self._run = entry
                else:
                    self._dropped_packets += 1
            if is_over:
                return False
        return True

    def _write_batches(self, loop: asyncio.AbstractEventLoop, spool: TakeSpool, writer: TakeWriter) -> None:
        asked_at = 0
        while True:
            is_last = self._stopping.wait(BATCH_SECONDS)
            self._write_batch(writer)
            now_ns = time.monotonic_ns()
            writer.tick(now_ns)
            if is_last:
                writer.end_run()
                return
            if self._is_off and spool.take.open_part and spool.take.parts[-1].bytes:
                self._is_off = False
                log.warning("the recording goes on", stream=self._stream_id)
            if writer.wants_keyframe and now_ns - asked_at >= KEYFRAME_REQUEST_NS:
                asked_at = now_ns
                _on_loop(loop, self._request_keyframe)
            if self._uploader is not None and spool.waiting_for_upload():
                _on_loop(loop, self._uploader.wake)

    def _write_batch(self, writer: TakeWriter) -> None:
        for _ in range(len(self._inbox)):
            entry = self._inbox.popleft()
            if isinstance(entry, _Packet):
                writer.push(*entry)
            elif isinstance(entry, _Report):
                writer.report(*entry)
            else:
                self._run = entry
                writer.begin_run(*entry)


def _boot_id() -> str:
    """Since when this machine's monotonic clock runs; empty where nobody says."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _on_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    """Call on the loop from the thread; a loop that is closed already needs nothing any more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call, *arguments)
