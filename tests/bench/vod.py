"""Making videos watchable: the ladder beside one FFmpeg command, two workers beside one, replays, LL-HLS.

    make bench-vod      or      .venv/bin/python -m tests.bench.vod --seconds 600 --no-live

Everything shares two cores: mongod, Redis, the object store, a server, the workers. docs/benchmarks.md says what each
figure means. The figures of streams that are on (LL-HLS, recording) come from parts of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from rich.console import Console
from rich.table import Table

from config.settings import MediaSettings
from dongting.child import NotReady
from dongting.servers import Size
from server.accounts.model import Role
from tests.bench.vod_parts.ffmpeg import ladder_cpu_seconds, ladder_of, make_source
from tests.bench.vod_parts.live import measure_live
from tests.bench.vod_parts.making import Making, NotMade, make_with
from tests.bench.vod_parts.replay import replay_ready_seconds
from tests.harness.app import running_server
from tests.harness.data_servers import DataServers
from tests.harness.platform import settings_of

SOURCE_SECONDS = 600
WIDTH = 120
FAULTS = (NotReady, NotMade, RuntimeError, OSError)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    seconds: int
    no_live: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured: FFmpeg's command and the two workers ran before the one worker and again after it."""

    ffmpeg_cpu_seconds: tuple[float, float]
    one: Making
    two: tuple[Making, Making]
    replay_seconds: float


async def measure(wanted: Wanted, folder: Path, console: Console) -> Measured:
    """Run the parts one after another."""
    source = folder / "source.mp4"
    console.print(f"source: {wanted.seconds} s of 720p")
    make_source(source, wanted.seconds)
    servers = DataServers(folder, Size())
    try:
        environment = {**servers.new_environment(folder), "TRANSCODE_THREADS": "1", "LOG_LEVEL": "warning"}
        async with running_server(settings_of(environment)) as server:
            services = server.services
            host = await services.accounts.register(
                "bench", "a long password", "张红", None, roles=frozenset({Role.VIEWER, Role.HOST})
            )
            merchant = await services.catalog.add_merchant("华容果业合作社", "")
            room = await services.rooms.open(host, "bench", "开园", merchant.id)
            media = MediaSettings.model_validate({name.lower(): value for name, value in environment.items()})
            replay = await replay_ready_seconds(server, media, room, folder / "spool")
            await services.library.recordings.remove_old_replays(host.id, keep=0)
            renditions = folder / "ffmpeg"
            renditions.mkdir()
            ladder = ladder_of(source)

            async def ffmpeg() -> float:
                console.print("FFmpeg")
                return await asyncio.to_thread(ladder_cpu_seconds, source, ladder, renditions)

            async def make(workers: int) -> Making:
                console.print(f"{workers} worker(s)")
                return await make_with(services, environment, folder, host, source, workers)

            two_before, ffmpeg_before = await make(2), await ffmpeg()
            one = await make(1)
            ffmpeg_after, two_after = await ffmpeg(), await make(2)
            return Measured((ffmpeg_before, ffmpeg_after), one, (two_before, two_after), replay)
    finally:
        servers.close()


def table(wanted: Wanted, measured: Measured) -> Table:
    """What a person reads."""
    shown = Table(title=f"the ladder of {wanted.seconds} s of 720p")
    for column in ("", "wall", "CPU", "peak memory of a worker", "chunks"):
        shown.add_column(column, justify="left" if not column else "right")
    for making in (measured.one, *measured.two):
        shown.add_row(
            f"{making.workers} worker(s)",
            f"{making.wall_seconds:.1f} s",
            f"{making.cpu_seconds:.1f} s",
            f"{making.peak_mb:.0f} MB",
            str(making.chunks),
        )
    for when, seconds in zip(("before", "after"), measured.ffmpeg_cpu_seconds, strict=True):
        shown.add_row(f"one FFmpeg command, {when} the one worker", "", f"{seconds:.1f} s", "", "")
    return shown


def summary(measured: Measured, live: dict[str, float | None]) -> dict[str, Any]:
    """What a machine reads."""
    return {
        "ladder_cpu_ratio_to_ffmpeg": round(measured.one.cpu_seconds / mean(measured.ffmpeg_cpu_seconds), 3),
        "two_worker_speedup": round(measured.one.wall_seconds / mean(two.wall_seconds for two in measured.two), 2),
        "replay_ready_seconds": round(measured.replay_seconds, 2),
        **live,
        "worker_peak_mb": round(max(making.peak_mb for making in (measured.one, *measured.two))),
    }


def read_arguments(arguments: Sequence[str]) -> Wanted:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="tests.bench.vod", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=SOURCE_SECONDS, help="length of the source (600)")
    parser.add_argument("--no-live", action="store_true", help="leave LL-HLS and the cost of recording out")
    wanted = Wanted(**vars(parser.parse_args(arguments)))
    if wanted.seconds < 1:
        parser.error("the source must have a length")
    return wanted


def main(arguments: Sequence[str]) -> int:
    """Print the table and the JSON line. Exit code 1: it could not be measured."""
    wanted = read_arguments(arguments)
    console = Console(width=WIDTH)
    try:
        with tempfile.TemporaryDirectory(prefix="bench-vod-") as folder:
            measured = asyncio.run(measure(wanted, Path(folder), console))
        live = {} if wanted.no_live else measure_live()
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped")
        return 130
    except FAULTS as error:
        Console(stderr=True).print(f"not measured: {error or type(error).__name__}", markup=False)
        return 1
    console.print(table(wanted, measured))
    console.print_json(json.dumps(summary(measured, live)), indent=None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
