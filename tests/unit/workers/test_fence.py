"""The fence from outside: what a child answers comes through whole."""

from __future__ import annotations

import asyncio
import subprocess
import sys

from server.recordings.ladder import MadeChunk, Segment, Track
from workers.fence import LONGEST_LINE_BYTES
from workers.transcode.task import Encoded

SEGMENTS = 6 * 3600 // 4


async def test_what_a_child_says_of_six_hours_of_sound_fits_into_a_line() -> None:
    # given
    segments = tuple(
        Segment(name=f"{number:04}.m4s", duration_ms=4010.6666, bytes=90_123) for number in range(SEGMENTS)
    )
    tracks = tuple(
        Track(
            name=name,
            codec="mp4a.40.2",
            init="init.mp4",
            init_digest="0" * 64,
            begins_ms=0.0,
            frames=1_012_500,
            segments=segments,
        )
        for name in ("high", "medium", "low")
    )
    said = Encoded(chunk=MadeChunk(tracks=tracks))

    # when
    pipe = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
    pipe.feed_data(said.model_dump_json().encode() + b"\n")

    # then
    assert Encoded.model_validate_json(await pipe.readline()) == said


def test_a_child_begins_without_what_only_its_worker_needs() -> None:
    # A video of ten minutes has twenty children: each package that they don't need is paid for twenty times.
    code = "import sys, workers.transcode.__main__; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "av" in loaded
    assert not loaded & {"numpy", "structlog", "pydantic_settings", "pymongo", "aiohttp", "celery"}
