"""FFmpeg as a publisher: the clip in a loop over WHIP, ended the way that lets it say good-bye."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import imageio_ffmpeg

from config.logs import logger

log = logger(__name__)

GOODBYE_SECONDS = 6.0  # FFmpeg deletes its session at the media node; longer than this it is stuck
QUIT = b"q"  # as if typed: after a signal FFmpeg would not wait for the answer to its DELETE
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
        *command(clip, whip_url, key),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        await asyncio.shield(_end(process))


async def _end(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            _, errors = await process.communicate(QUIT)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        _, errors = await process.communicate()
    if last := errors[-LAST_WORDS_BYTES:].decode(errors="replace").strip():
        log.info("ffmpeg ended", said=last)
