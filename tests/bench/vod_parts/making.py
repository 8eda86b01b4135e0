"""The ladder of one video made by real workers: how long it takes, what it costs."""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dongting.child import Child
from dongting.ports import free_ports
from server.accounts.model import User
from server.making.model import WorkState
from server.recordings.ladder import Ladder
from server.wiring import Services
from tests.bench.vod_parts.processes import PeakMemory, cpu_seconds
from tests.harness.data_servers import Environment
from tests.harness.processes import running

LOOK_EVERY_SECONDS = 0.5  # each look costs the cores that the workers use some 4 ms
LONGEST_SECONDS = 3_600.0


class NotMade(Exception):
    """The ladder was not made."""


@dataclass(frozen=True, slots=True)
class Making:
    """`cpu_seconds` and `peak_mb` (of the largest worker) are those of workers and their children."""

    workers: int
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    chunks: int


async def make_with(
    services: Services, environment: Environment, folder: Path, host: User, video: Path, workers: int
) -> Making:
    """Upload a video and have so many workers make it; the upload, which no worker does, is not counted.

    Raises NotMade.
    """
    ports = free_ports(workers)
    with ExitStack() as stack:
        children: list[Child] = []
        for port in ports:
            own = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
            settings = {**environment, "WORKER_METRICS_PORT": str(port), "WORKER_FOLDER": str(own / "work")}
            children.append(await asyncio.to_thread(_start, stack, settings, own))
        pids = [child.pid for child in children if child.pid is not None]
        peaks = [stack.enter_context(PeakMemory(pid)) for pid in pids]
        spent_before = sum(map(cpu_seconds, pids))
        recordings = services.library.recordings
        size = (await asyncio.to_thread(video.stat)).st_size
        lesson = await recordings.add_upload(host, f"测试 {workers}", None, video, size)
        began = time.perf_counter()
        ladder = await _made(services, lesson.asset_id)
        wall = time.perf_counter() - began
        return Making(
            workers=workers,
            wall_seconds=wall,
            cpu_seconds=sum(map(cpu_seconds, pids)) - spent_before,
            peak_mb=max(peak.megabytes for peak in peaks),
            chunks=len(ladder.spans) + bool(ladder.sounds),
        )


def _start(stack: ExitStack, settings: Environment, folder: Path) -> Child:
    return stack.enter_context(running(settings, folder, "worker"))["worker"]


async def _made(services: Services, asset_id: str) -> Ladder:
    """The ladder of an asset once it is ready."""
    assets = services.database["assets"]
    async with asyncio.timeout(LONGEST_SECONDS):
        while True:
            asset = await assets.find_one({"_id": asset_id}, {"work": True})
            state = asset["work"]["state"] if asset else None
            if asset and state == WorkState.FAILED:
                raise NotMade(str(asset["work"]["error"]))
            if state == WorkState.READY:
                ready = await assets.find_one({"_id": asset_id}, {"ladder": True})
                return Ladder.model_validate((ready or {})["ladder"])
            await asyncio.sleep(LOOK_EVERY_SECONDS)
