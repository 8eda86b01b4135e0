"""What a node does for its streams by the clock: repeats of requests, reports, the end of peers that fell silent."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable

from config.logs import logger
from media.session import Ending
from media.stream import Stream
from media.viewer import Viewer

log = logger(__name__)

TICK_SECONDS = 0.02
STREAM_TICKS = 2  # NACKs and keyframe requests are repeated this often at most
MOST_PROBES = 16  # lines that are tried at once; more wait
SECOND_TICKS = 50  # each viewer has his turn once in so many; all at once they would hold up the packets


async def keep_up(streams: Callable[[], Iterable[Stream]], consent_timeout_seconds: float) -> None:
    """Tick all streams and their viewers; runs until cancelled."""
    turns = Turns(streams, consent_timeout_seconds)
    ticks = 0
    while True:
        await asyncio.sleep(TICK_SECONDS)
        now = time.monotonic()
        if ticks % STREAM_TICKS == 0:
            for stream in list(streams()):
                _guarded(stream.tick, now)
        _guarded(turns.tick, now, time.time())
        ticks += 1


def _guarded(tick: Callable[..., None], *times: float) -> None:
    """A fault in the upkeep of one is no reason to neglect all others."""
    try:
        tick(*times)
    except Exception:
        log.exception("upkeep failed")


class Turns:
    """Gives every viewer a turn once in SECOND_TICKS, a few at a time."""

    def __init__(self, streams: Callable[[], Iterable[Stream]], consent_timeout_seconds: float) -> None:
        self._streams = streams
        self._consent_timeout_seconds = consent_timeout_seconds
        self._waiting: deque[tuple[Stream, Viewer]] = deque()
        self._probing: dict[Viewer, Stream] = {}
        self._at_once = 0
        self._left = 0

    def tick(self, now: float, wall: float) -> None:
        """Serve the next few."""
        silent_since = now - self._consent_timeout_seconds
        if self._left == 0:
            self._begin_round(silent_since)
        self._left -= 1
        for viewer, stream in tuple(self._probing.items()):
            del self._probing[viewer]  # also if this fails
            if stream.publisher is None:
                viewer.stop_probing()
            elif viewer.is_probing and viewer.session.is_connected:
                viewer.probe(now)
                self._probing[viewer] = stream
        for _ in range(min(self._at_once, len(self._waiting))):
            stream, viewer = self._waiting.popleft()
            if not viewer.session.is_connected:
                continue
            if viewer.session.consent_at < silent_since:
                viewer.session.end(Ending.CONSENT_EXPIRED)
            elif stream.publisher is not None:
                viewer.tick(wall)
                if viewer.is_probing and len(self._probing) < MOST_PROBES:
                    self._probing[viewer] = stream

    def _begin_round(self, silent_since: float) -> None:
        self._left = SECOND_TICKS
        self._waiting.clear()
        for stream in self._streams():
            publisher = stream.publisher
            if publisher is not None and publisher.session.is_connected and publisher.alive_at < silent_since:
                publisher.session.end(Ending.CONSENT_EXPIRED)
            self._waiting.extend((stream, viewer) for viewer in stream.viewers)
        self._at_once = -(-len(self._waiting) // SECOND_TICKS)
