"""What a chat message costs on its way to a room of 2,000 pages, beside python-socketio's own room emit.

    make bench-chat      or      .venv/bin/python -m tests.bench.chat --sockets 500 --hold 0 --seconds 5

The server has core 0, all of the load and the databases core 1. docs/benchmarks.md says how each figure is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from dongting.child import NotReady
from tests.bench.chat_parts.crowd import Crowd
from tests.bench.chat_parts.figures import Row, summary
from tests.bench.chat_parts.stage import SLUG, Running, Stage, open_stage
from tests.bench.chat_parts.storm import storm
from tests.bench.chat_parts.viewer import ViewerFailed
from tests.bench.relay_parts.process import LOAD_CORE, OneCore, allow_files

SOCKETS, HOLD = 2000, 5000
PER_SECOND = 50.0
PLAIN_PER_SECOND = 6.0  # what the library's emit can do with 2,000 pages without falling behind
GATHER_SECONDS = 0.15
SECONDS = 10.0
WIDTH = 120
OTHER_FILES = 500
OVERHEAD_SECONDS = 180.0
FAULTS = (OneCore, NotReady, ViewerFailed, TimeoutError, OSError)
Shape = Callable[[Row], str]
COLUMNS: tuple[tuple[str, Shape], ...] = (
    ("way", lambda row: row.way),
    ("sockets", lambda row: str(row.window.sockets)),
    ("per s", lambda row: f"{row.per_second:.0f}"),
    ("µs", lambda row: f"{row.window.us_per_delivery:.2f}"),
    ("arrived", lambda row: f"{row.window.delivered_share:.2%}"),
    ("p50 ms", lambda row: f"{row.window.delay_ms_p50:.0f}"),
    ("p99 ms", lambda row: f"{row.window.delay_ms_p99:.0f}"),
    ("kB each", lambda row: f"{row.window.bytes_per_socket / 1000:.0f}"),
    ("frames/s", lambda row: f"{row.window.frames / row.window.seconds:.0f}"),
    ("server", lambda row: f"{row.window.cpu / row.window.seconds:.0%}"),
    ("load", lambda row: f"{row.window.load_cpu / row.window.seconds:.0%}"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    sockets: int
    hold: int
    seconds: float
    is_alone: bool
    offers_deflate: bool
    folder: Path | None
    wrapper: tuple[str, ...]
    storm: int


@dataclass(frozen=True, slots=True)
class Pages:
    """Who comes to a room."""

    count: int
    cookies: Sequence[str]
    offers_deflate: bool


async def turn(
    way: str,
    server: AbstractContextManager[Running],
    pages: Pages,
    per_second: float,
    seconds: float,
    console: Console,
) -> Row:
    """One row: a fresh server, its pages, a window."""
    async with asyncio.timeout(OVERHEAD_SECONDS + seconds):
        with server as running:
            crowd = Crowd(running.port, running.pid, SLUG, pages.offers_deflate)
            try:
                await crowd.come(pages.count, pages.cookies)
                row = Row(way, per_second, await crowd.talk(per_second, seconds))
            finally:
                await crowd.go()
    console.print(", ".join(f"{shape(row)} {name}" for name, shape in COLUMNS), highlight=False, soft_wrap=True)
    return row


async def measure(stage: Stage, wanted: Wanted, console: Console) -> tuple[Row, Row | None, Row | None, Row | None]:
    """Ours, the library's two ways, and the large crowd."""
    # The cookies mean nothing to the library: it lets anybody talk.
    pages = Pages(wanted.sockets, stage.cookies, wanted.offers_deflate)
    ours = await turn("ours", stage.ours(wanted.wrapper), pages, PER_SECOND, wanted.seconds, console)
    if wanted.is_alone:
        return ours, None, None, None
    plain = await turn("emit", stage.plain(0.0), pages, PLAIN_PER_SECOND, wanted.seconds, console)
    gathered = await turn("emit, gathered", stage.plain(GATHER_SECONDS), pages, PER_SECOND, wanted.seconds, console)
    if not wanted.hold:
        return ours, plain, gathered, None
    many = replace(pages, count=wanted.hold)
    hold = await turn("ours", stage.ours(), many, PER_SECOND, wanted.seconds, console)
    return ours, plain, gathered, hold


def table(rows: Sequence[Row]) -> Table:
    """The rows for a person."""
    shown = Table(title=platform.platform())
    for name, _ in COLUMNS:
        shown.add_column(name, justify="right")
    for row in rows:
        shown.add_row(*(shape(row) for _, shape in COLUMNS))
    return shown


async def run_storm(wanted: Wanted, console: Console) -> None:
    """The storm alone; prints its rows."""
    prepare(2 * wanted.storm)  # the old connections and the new ones
    with ExitStack() as stack:
        folder = wanted.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        async with open_stage(folder) as stage:
            rows = [back.figures() for back in await storm(stage, wanted.storm)]
    shown = Table(title=platform.platform())
    for name in rows[0]:
        shown.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        shown.add_row(*(str(value) for value in row.values()))
    console.print(shown)
    console.print_json(json.dumps({"storm": rows}), indent=None)


def prepare(connections: int) -> None:
    """The load's core, and files enough."""
    os.sched_setaffinity(0, {LOAD_CORE})
    allow_files(connections + OTHER_FILES)


async def run(wanted: Wanted, console: Console) -> tuple[Row, Row | None, Row | None, Row | None]:
    """Everything, once."""
    prepare(max(wanted.sockets, wanted.hold))
    with ExitStack() as stack:
        folder = wanted.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        async with open_stage(folder) as stage:
            return await measure(stage, wanted, console)


def read_arguments(arguments: Sequence[str]) -> Wanted:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="tests.bench.chat", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sockets", type=int, default=SOCKETS, help=f"pages in the room ({SOCKETS})")
    parser.add_argument("--hold", type=int, default=HOLD, help=f"pages of the large crowd; 0: none ({HOLD})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long each row counts ({SECONDS:.0f})")
    parser.add_argument("--alone", action="store_true", help="only our server, nothing to compare with")
    parser.add_argument("--deflate", action="store_true", help="pages offer permessage-deflate, as browsers do")
    parser.add_argument("--folder", type=Path, help="keep logs and data in this empty folder")
    parser.add_argument("--wrapper", default="", help="a program that runs our server, as a profiler does")
    parser.add_argument(
        "--storm", type=int, default=0, help="instead: so many pages lose their server, and come back"
    )
    read = parser.parse_args(arguments)
    if read.sockets < 100 or read.hold < 0 or read.seconds <= 0:
        parser.error("at least 100 sockets and more than 0 seconds")
    return Wanted(
        read.sockets,
        read.hold,
        read.seconds,
        read.alone,
        read.deflate,
        read.folder,
        tuple(read.wrapper.split()),
        read.storm,
    )


def main(arguments: Sequence[str]) -> int:
    """Print the table and the JSON line. Exit code 1: it could not be measured."""
    wanted = read_arguments(arguments)
    console = Console(width=WIDTH)
    try:
        if wanted.storm:
            uvloop.run(run_storm(wanted, console))
            return 0
        rows = uvloop.run(run(wanted, console))
    except (KeyboardInterrupt, asyncio.CancelledError):
        Console(stderr=True).print("stopped")
        return 130
    except FAULTS as error:
        Console(stderr=True).print(f"not measured: {error or type(error).__name__}", markup=False)
        return 1
    console.print(table([row for row in rows if row is not None]))
    console.print_json(json.dumps(summary(*rows), ensure_ascii=False), indent=None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
