"""What a relayed packet costs: one stream to 50 … 1,000 viewers, beside the limit of protecting and sending in C.

    make bench-relay      or      .venv/bin/python -m tests.bench.relay --viewers 50,200 --seconds 10

The media process has core 0, all of the load core 1. It needs a C compiler. docs/benchmarks.md says how each figure
is measured and what it means. `--beside mediasoup` measures that server too, right after ours in each row, if it is
installed; nothing else needs it, and docs/benchmarks.md says how it was installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from dongting.child import NotReady
from tests.bench.relay_parts.figures import Beside, Row, bytes_each, percentile, summary
from tests.bench.relay_parts.native import Native, NoCompiler, compile_library
from tests.bench.relay_parts.peer import PeerFailed
from tests.bench.relay_parts.process import LOAD_CORE, OneCore, allow_files
from tests.bench.relay_parts.profiling import PHASES, PROFILERS, NoProfiler, make_profiler
from tests.bench.relay_parts.rivals import RIVALS, NoRival
from tests.bench.relay_parts.stage import MEDIA, UNRECORDED, Stage, open_stage
from tests.bench.relay_parts.turns import FEW_VIEWERS, LimitTurn, RelayTurn, alone_turn, limit_turn, relay_turn

VIEWERS = (50, 100, 200, 400, 1000)
SECONDS = 10.0
WIDTH = 120  # of the table, also in a file
LIMIT_SECONDS = 2.0  # of each of its two turns
ALONE_TURNS = 2  # of the stream without viewers, recorded and not, by turns
OTHER_FILES = 500  # of ours, beside the viewers' sockets
OVERHEAD_SECONDS = 120.0  # of one row, at most: starting, joining, stopping
FAULTS = (NoCompiler, NoProfiler, NoRival, OneCore, NotReady, PeerFailed, RuntimeError, OSError)
Shape = Callable[[Row], str]
COLUMNS: tuple[tuple[str, Shape], ...] = (
    ("viewers", lambda row: str(row.joined)),
    ("µs", lambda row: f"{row.cpu_us_per_packet:.2f}"),
    (
        "unrecorded",
        lambda row: "–" if row.unrecorded_us_per_packet is None else f"{row.unrecorded_us_per_packet:.2f}",
    ),
    (
        "uncut",
        lambda row: "–" if row.whole_frames_us_per_packet is None else f"{row.whole_frames_us_per_packet:.2f}",
    ),
    ("limit", lambda row: f"{row.limit_us_per_packet:.2f}"),
    ("paced", lambda row: f"{row.paced_limit_us_per_packet:.2f}"),
    ("ratio", lambda row: f"{row.ratio_to_limit:.2f}"),
    ("arrived", lambda row: f"{row.delivered_share:.3%}"),
    ("p50 ms", lambda row: f"{row.delay_ms_p50:.1f}"),
    ("p99 ms", lambda row: f"{row.delay_ms_p99:.1f}"),
    ("kB each", lambda row: "–" if row.bytes_per_viewer is None else f"{row.bytes_per_viewer / 1000:.0f}"),
    ("set-ups", lambda row: f"{row.setups_per_cpu_second:.0f}"),
    ("relay", lambda row: f"{row.core_share:.0%}"),
    ("waited", lambda row: f"{row.waited_share:.0%}"),
    ("load", lambda row: f"{row.load_core_share:.0%}"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    viewers: tuple[int, ...]
    seconds: float
    limit_seconds: float
    unrecorded: bool
    whole_frames: bool
    profile: str
    phase: str
    folder: Path | None
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What all rows are compared with."""

    stream_core_share: float
    recording_core_share: float
    few: RelayTurn


@dataclass(frozen=True, slots=True)
class Turns:
    """What was measured for one number of viewers."""

    limits: tuple[LimitTurn, LimitTurn]
    paced: LimitTurn
    relay: RelayTurn
    unrecorded: RelayTurn | None
    whole_frames: RelayTurn | None
    beside: dict[str, RelayTurn]


def make_beside(name: str, turn: RelayTurn, ours: RelayTurn) -> Beside:
    """Another server's figures."""
    window, cost = turn.window, turn.cpu_us_per_packet
    return Beside(
        name=name,
        joined=turn.joined,
        cpu_us_per_packet=round(cost, 3),
        signalling_us_per_packet=round(turn.signalling_us_per_packet, 3),
        ratio_of_ours=round(ours.cpu_us_per_packet / cost, 3),
        delivered_share=round(turn.delivered_share, 6),
        delay_ms_p50=round(percentile(turn.delays_ms, 50), 3),
        delay_ms_p99=round(percentile(turn.delays_ms, 99), 3),
        setups_per_cpu_second=round(turn.setups_per_cpu_second, 1),
        memory_bytes=window.memory_bytes,
        packets=turn.packets,
        core_share=round(window.cpu / window.seconds, 3),
        load_core_share=round(window.load_cpu / window.seconds, 3),
        waited_share=round(window.waited / window.seconds, 4),
        wrong_packets=turn.wrong_packets,
        other_packets=turn.other_packets,
    )


def make_row(viewers: int, base: Baseline, turns: Turns) -> Row:
    """One line of the table."""
    relay, limits = turns.relay, turns.limits
    window, cost = relay.window, relay.cpu_us_per_packet
    limit = sum(turn.us_per_packet for turn in limits) / len(limits)
    return Row(
        viewers=viewers,
        joined=relay.joined,
        cpu_us_per_packet=round(cost, 3),
        limit_us_per_packet=round(limit, 3),
        ratio_to_limit=round(cost / limit, 3),
        delivered_share=round(relay.delivered_share, 6),
        delay_ms_p50=round(percentile(relay.delays_ms, 50), 3),
        delay_ms_p99=round(percentile(relay.delays_ms, 99), 3),
        bytes_per_viewer=bytes_each(window.memory_bytes, relay.joined, base.few.window.memory_bytes, base.few.joined),
        memory_bytes=window.memory_bytes,
        setups_per_cpu_second=round(relay.setups_per_cpu_second, 1),
        packets=relay.packets,
        seconds=round(window.seconds, 2),
        core_share=round(window.cpu / window.seconds, 3),
        load_core_share=round(window.load_cpu / window.seconds, 3),
        limit_delivered_share=round(min(turn.delivered_share for turn in limits), 6),
        limits_us_per_packet=tuple(round(turn.us_per_packet, 3) for turn in limits),
        paced_limit_us_per_packet=round(turns.paced.us_per_packet, 3),
        stream_core_share=round(base.stream_core_share, 4),
        recording_core_share=round(base.recording_core_share, 4),
        unrecorded_us_per_packet=round(turns.unrecorded.cpu_us_per_packet, 3) if turns.unrecorded else None,
        whole_frames_us_per_packet=round(turns.whole_frames.cpu_us_per_packet, 3) if turns.whole_frames else None,
        checked_packets=relay.checked_packets,
        wrong_packets=relay.wrong_packets,
        publisher_late_ms=round(relay.publisher_late_ms, 2),
        waited_share=round(window.waited / window.seconds, 4),
        stolen_share=round(window.stolen / window.seconds, 4),
        drops=relay.drops,
        beside=tuple(make_beside(name, turn, relay) for name, turn in turns.beside.items()),
    )


async def measure_baseline(stage: Stage, native: Native, wanted: Wanted) -> Baseline:
    """The stream without viewers, recorded and not, by turns; and a few viewers."""
    recorded, unrecorded = [], []
    for _ in range(ALONE_TURNS):
        recorded.append(await alone_turn(stage, native, wanted.seconds, MEDIA))
        unrecorded.append(await alone_turn(stage, native, wanted.seconds, UNRECORDED))
    with_recording, without = sum(recorded) / ALONE_TURNS, sum(unrecorded) / ALONE_TURNS
    few = await relay_turn(stage.media(FEW_VIEWERS), native, FEW_VIEWERS, wanted.seconds)
    return Baseline(with_recording, with_recording - without, few)


async def measure(stage: Stage, native: Native, wanted: Wanted, console: Console) -> list[Row]:
    """A row for each number of viewers, the limit right before and after the relay."""
    profiler = make_profiler(wanted.profile, wanted.phase, stage) if wanted.profile else None
    base = await measure_baseline(stage, native, wanted)
    console.print(
        f"without viewers {base.stream_core_share:.1%} of the core, {base.recording_core_share:.1%} for recording; "
        f"with {base.few.joined} viewers {base.few.window.memory_bytes / 1e6:.0f} MB"
    )
    rows = []
    for viewers in wanted.viewers:
        async with asyncio.timeout(3 * (OVERHEAD_SECONDS + wanted.seconds + viewers * 0.1)):
            before = await limit_turn(stage, native, viewers, wanted.limit_seconds)
            command = profiler.command if profiler else MEDIA
            relay = await relay_turn(stage.media(viewers, command), native, viewers, wanted.seconds, profiler)
            beside = {}
            for name in wanted.beside:
                _, start = RIVALS[name]
                beside[name] = await relay_turn(start(stage), native, viewers, wanted.seconds)
            unrecorded = whole_frames = None
            if wanted.unrecorded:
                unrecorded = await relay_turn(stage.media(viewers, UNRECORDED), native, viewers, wanted.seconds)
            if wanted.whole_frames:
                uncut = stage.media(viewers)
                whole_frames = await relay_turn(uncut, native, viewers, wanted.seconds, whole_frames=True)
            paced = await limit_turn(stage, native, viewers, wanted.limit_seconds, is_paced=True)
            after = await limit_turn(stage, native, viewers, wanted.limit_seconds)
        row = make_row(viewers, base, Turns((before, after), paced, relay, unrecorded, whole_frames, beside))
        rows.append(row)
        console.print(", ".join(f"{shape(row)} {name}" for name, shape in COLUMNS), highlight=False, soft_wrap=True)
        for other in row.beside:
            console.print(f"  {tell(other)}", highlight=False, soft_wrap=True)
        if relay.profile:
            console.print(relay.profile, markup=False, highlight=False, soft_wrap=True)
        for problem in relay.problems[:3]:
            console.print(f"  {viewers - relay.joined} did not come: {problem}", markup=False)
    return rows


def tell(other: Beside) -> str:
    """Another server's figures for a person."""
    delays = f"p50 {other.delay_ms_p50:.1f} ms, p99 {other.delay_ms_p99:.1f} ms"
    more = f"{other.setups_per_cpu_second:.0f} set-ups, waited {other.waited_share:.0%}"
    return (
        f"{other.name}: {other.cpu_us_per_packet:.2f} µs (and {other.signalling_us_per_packet:.2f} for signalling), "
        f"ours is {other.ratio_of_ours:.2f} of it; {other.delivered_share:.3%} arrived, {delays}, {more}"
    )


def table(rows: Sequence[Row]) -> Table:
    """The rows for a person."""
    shown = Table(title=platform.platform())
    for name, _ in COLUMNS:
        shown.add_column(name, justify="right")
    for row in rows:
        shown.add_row(*(shape(row) for _, shape in COLUMNS))
    return shown


async def run(wanted: Wanted, console: Console) -> list[Row]:
    """Everything, once."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _stop(asyncio.current_task()))
    os.sched_setaffinity(0, {LOAD_CORE})
    allow_files(max(wanted.viewers) + OTHER_FILES)
    for name in wanted.beside:
        check, _ = RIVALS[name]
        check(os.environ)
    with ExitStack() as stack:
        folder = wanted.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        native = Native(compile_library(folder))
        async with open_stage(folder) as stage:
            return await measure(stage, native, wanted, console)


def _stop(task: asyncio.Task[object] | None) -> Callable[[], None]:
    def stop() -> None:
        if task is not None:
            task.cancel()

    return stop


def read_arguments(arguments: Sequence[str]) -> Wanted:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="tests.bench.relay", description=(__doc__ or "").splitlines()[0])
    numbers = ",".join(map(str, VIEWERS))
    parser.add_argument("--viewers", default=numbers, help=f"numbers of viewers, one row each (default {numbers})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long each row counts ({SECONDS:.0f})")
    parser.add_argument("--limit-seconds", type=float, default=LIMIT_SECONDS, help="of each of the limit's two turns")
    parser.add_argument("--unrecorded", action="store_true", help="measure a relay that records nothing as well")
    whole = "measure viewers who are handed whole frames as well: what the kernel does for viewers here is left out"
    parser.add_argument("--whole-frames", action="store_true", help=whole)
    parser.add_argument("--profile", choices=PROFILERS, default="", help="show where the media process is busy")
    parser.add_argument("--phase", choices=PHASES, default=PHASES[0], help="what to profile")
    beside = "measure this server as well, right after ours; it must be installed"
    parser.add_argument("--beside", choices=sorted(RIVALS), action="append", default=[], help=beside)
    parser.add_argument("--folder", type=Path, help="keep logs and data in this empty folder")
    read = parser.parse_args(arguments)
    viewers = tuple(int(number) for number in read.viewers.split(","))
    if min(viewers) < 1 or read.seconds <= 0 or read.limit_seconds <= 0:
        parser.error("all numbers must be greater than 0")
    limit_seconds, more = read.limit_seconds, (read.unrecorded, read.whole_frames)
    how = (read.profile, read.phase, read.folder)
    return Wanted(viewers, read.seconds, limit_seconds, *more, *how, tuple(read.beside))


def main(arguments: Sequence[str]) -> int:
    """Print the table and the JSON line. Exit code 1: it could not be measured, or packets were wrong."""
    wanted = read_arguments(arguments)
    console = Console(width=WIDTH)
    try:
        rows = asyncio.run(run(wanted, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        Console(stderr=True).print("stopped")
        return 130
    except FAULTS as error:
        Console(stderr=True).print(f"not measured: {error or type(error).__name__}", markup=False)
        return 1
    console.print(table(rows))
    console.print_json(json.dumps(summary(rows)), indent=None)
    wrong = any(row.wrong_packets or any(other.wrong_packets for other in row.beside) for row in rows)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
