"""FFmpeg as a publisher: the clip in a loop over WHIP, ended the way that lets it say good-bye."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import imageio_ffmpeg

from config.logs import logger

log = logger(__name__)

GOODBYE_SECONDS = 8.0  # FFmpeg deletes its session at the media node; longer than this it is stuck
HANDSHAKE_MS = 15_000  # ICE and DTLS on a machine that is still starting everything
LAST_WORDS_BYTES = 300


def command(clip: Path, whip_url: str, key: str) -> list[str]:
    """The clip as it is, never re-encoded, in real time, again and again."""
    return [
        imageio_ffmpeg.get_ffmpeg_exe(),
        *(
            "-hide_banner",
            "-loglevel",
            "error",
            "-nostdin",
            "-re",
            "-stream_loop",
            "-1",
            "-i",
            str(clip),
            "-c",
            "copy",
        ),
        *("-f", "whip", "-handshake_timeout", str(HANDSHAKE_MS), "-authorization", key, whip_url),
    ]


@asynccontextmanager
async def publishing(clip: Path, whip_url: str, key: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """FFmpeg at work; on leaving it is asked to end its session, and killed if it does not."""
    process = await asyncio.create_subprocess_exec(
        *command(clip, whip_url, key), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        await asyncio.shield(_end(process))


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            _, errors = await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        _, errors = await process.communicate()
    if last := errors[-LAST_WORDS_BYTES:].decode(errors="replace").strip():
        log.info("ffmpeg ended", said=last)
