"""How soon after its end a broadcast can be watched: recorder, event, server, playlist and first part."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from config.settings import MediaSettings
from media.recording.recorder import Recorder
from media.recording.tracks import SECOND_NS
from server.rooms.model import Room
from tests.harness.app import RunningServer
from tests.harness.scripted_rtp import H264, OPUS, broadcast

STREAM_SECONDS = 20
LONGEST_SECONDS = 30.0


async def replay_ready_seconds(server: RunningServer, settings: MediaSettings, room: Room, spool: Path) -> float:
    """From the end of a recorded stream until its playlist and first part answer over HTTP."""
    services = server.services
    stream = await services.streams.let_in(room.slug, services.rooms.key_of(room))
    await services.streams.publisher_joined(stream.id, services.clock.now(), services.clock.now())
    recorder = Recorder(
        stream_id=stream.id,
        room_id=stream.room_id,
        settings=settings.model_copy(update={"spool_folder": str(spool)}),
        objects=services.objects,
        request_keyframe=lambda: None,
    )
    await recorder.start()
    recorder.begin_run(H264, OPUS)
    began_ns = time.monotonic_ns() - STREAM_SECONDS * SECOND_NS
    for arrival in broadcast(H264.codec, STREAM_SECONDS):
        recorder.add(arrival.kind, arrival.packet, arrival.at_ns + began_ns)
    ended = time.perf_counter()
    summary = await recorder.finish()
    await services.bus.publish_event(
        "take_ready",
        {
            "stream_id": stream.id,
            "room_id": stream.room_id,
            "node_id": "media-1",
            "at": datetime.now(UTC).isoformat(),
            "duration_ms": summary.duration_ms,
            "has_video": True,
            "has_audio": True,
        },
    )
    async with aiohttp.ClientSession(server.url) as page, asyncio.timeout(LONGEST_SECONDS):
        while (playlist_url := await _playlist(page, stream.id)) is None:  # noqa: ASYNC110 -- made elsewhere
            await asyncio.sleep(0.02)
        async with page.get(playlist_url) as response:
            response.raise_for_status()
            lines = (await response.text()).splitlines()
        first = next(line for line in lines if line and not line.startswith("#"))
        async with page.get(f"{playlist_url.rpartition('/')[0]}/{first}") as response:
            response.raise_for_status()
            await response.read()
    seconds = time.perf_counter() - ended
    await recorder.aclose()
    return seconds


async def _playlist(page: aiohttp.ClientSession, stream_id: str) -> str | None:
    async with page.get(f"/api/streams/{stream_id}/replay") as response:
        if not response.ok:
            return None
        lesson_id = (await response.json())["lesson_id"]
    async with page.get(f"/api/lessons/{lesson_id}") as response:
        found: str | None = (await response.json())["playlist_url"] if response.ok else None
        return found
