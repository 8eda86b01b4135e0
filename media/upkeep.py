"""What a node does for its streams by the clock: repeats of requests, reports, the end of peers that fell silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from media.session import Ending
from media.stream import Stream

TICK_SECONDS = 0.05  # NACKs and keyframe requests are repeated this often at most
SECOND = 1.0


async def keep_up(streams: Callable[[], Iterable[Stream]], consent_timeout_seconds: float) -> None:
    """Tick all streams; runs until cancelled."""
    next_second = 0.0
    while True:
        await asyncio.sleep(TICK_SECONDS)
        now = time.monotonic()
        for stream in list(streams()):
            stream.tick(now)
        if now >= next_second:
            next_second = now + SECOND
            for stream in list(streams()):
                _tick_second(stream, now - consent_timeout_seconds, time.time())


def _tick_second(stream: Stream, silent_since: float, wall: float) -> None:
    publisher = stream.publisher
    if publisher is not None and publisher.session.is_connected and publisher.alive_at < silent_since:
        publisher.session.end(Ending.CONSENT_EXPIRED)
    for viewer in stream.viewers:
        if not viewer.session.is_connected:
            continue
        if viewer.session.consent_at < silent_since:
            viewer.session.end(Ending.CONSENT_EXPIRED)
        elif publisher is not None:
            viewer.tick(wall)
