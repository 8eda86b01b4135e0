"""Flash orders on one hot product: through the service, from Socket.IO clients, and the plain way beside them.

    make bench-orders      or      .venv/bin/python -m tests.bench.orders --buyers 3000 --servers 2

Everything shares two cores: mongod (a replica set, majority and journal), Redis, the servers, the buyers. After each
part the database is read: what was sold, what buyers were told. docs/benchmarks.md says what each figure means.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dongting.child import NotReady
from tests.bench.orders_parts.ledger import Faults, check, total
from tests.bench.orders_parts.programs import Outcome, ProgramFailed, run_program
from tests.bench.orders_parts.stage import Stage, address_of, open_stage, running_servers
from tests.bench.relay_parts.figures import percentile
from tests.bench.relay_parts.process import allow_files

CORES = frozenset({0, 1})
WIDTH = 120
OTHER_FILES = 500
BURST_SECONDS = 1.0
PAUSE_SECONDS = 2.0  # between bursts: what the one before left to be told is told
START_SECONDS = 8.0  # by then every process of ours is up
MORE_PRESSES = 1.05  # than there are pieces, so that the last ones find nothing
FAULTS = (NotReady, ProgramFailed, RuntimeError, OSError)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to run."""

    service_orders: int
    at_once: int
    naive_orders: int
    buyers: int
    servers: int
    bursts: int
    times: int
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the table."""

    name: str
    outcome: Outcome
    pressed: int


async def service(stage: Stage, wanted: Wanted) -> tuple[Part, Faults, str]:
    """Everything below the transport, in as many processes as there will be servers; more buyers than pieces."""
    counter = await stage.open_counter(wanted.service_orders, 1)
    presses = int(wanted.service_orders * MORE_PRESSES) // wanted.servers
    asked = {
        "sale_id": counter.sale.id,
        "presses": presses,
        "at_once": wanted.at_once // wanted.servers,
        "begin_at": time.perf_counter() + START_SECONDS,
    }
    programs = [
        run_program("service", _quiet(stage), {**asked, "name": f"service-{number}"}, stage.folder)
        for number in range(wanted.servers)
    ]
    outcome = Outcome.together([one for (one,) in await asyncio.gather(*programs)])
    faults = await check(stage.database, counter.sale, outcome.acknowledged)
    return Part("service", outcome, presses * wanted.servers), faults, counter.sale.id


async def naive(stage: Stage, wanted: Wanted, like: str) -> tuple[Part, Faults]:
    """One conditional update and one insert for each order; as many at once as do best."""
    counter = await stage.open_counter(wanted.naive_orders, 1)
    presses = int(wanted.naive_orders * MORE_PRESSES)
    asked = {"sale_id": counter.sale.id, "presses": presses, "at_once": 32, "like": like}
    (outcome,) = await run_program("naive", _quiet(stage), asked, stage.folder)
    faults = await check(stage.database, counter.sale, outcome.acknowledged)
    return Part("naive", outcome, presses), faults


async def end_to_end(stage: Stage, wanted: Wanted) -> tuple[list[Part], Faults]:
    """From a press on a page to its answer on the page, all buyers in the room."""
    each = wanted.bursts + wanted.times
    counter = await stage.open_counter(int(wanted.buyers * each / MORE_PRESSES), each)
    tokens = await stage.sign_in(wanted.buyers)
    with running_servers(stage.environment, stage.folder, wanted.servers) as servers:
        asked: dict[str, Any] = {
            "addresses": [address_of(server) for server in servers],
            "tokens": tokens,
            "slug": counter.slug,
            "sale_id": counter.sale.id,
            "bursts": wanted.bursts,
            "burst_seconds": BURST_SECONDS,
            "pause_seconds": PAUSE_SECONDS,
            "times": wanted.times,
        }
        *bursts, throng = await run_program("buyers", _quiet(stage), asked, stage.folder)
    outcomes = [*bursts, throng]
    told = [line for outcome in outcomes for line in outcome.acknowledged]
    faults = await check(stage.database, counter.sale, told)
    parts = [Part(f"burst {number + 1}", one, wanted.buyers) for number, one in enumerate(bursts)]
    return [*parts, Part("end to end", throng, wanted.buyers * wanted.times)], faults


def _quiet(stage: Stage) -> dict[str, str]:
    return {**stage.environment, "LOG_LEVEL": "warning"}


def table(parts: Sequence[Part]) -> Table:
    """The parts for a person."""
    shown = Table(title=platform.platform())
    for name in ("part", "pressed", "orders", "seconds", "orders/s", "p50 ms", "p99 ms", "most ms", "refused"):
        shown.add_column(name, justify="right" if name not in {"part", "refused"} else "left")
    for part in parts:
        outcome = part.outcome
        waits = outcome.latencies_ms or [0.0]
        shown.add_row(
            part.name,
            str(part.pressed),
            str(len(outcome.acknowledged)),
            f"{outcome.seconds:.2f}",
            f"{outcome.rate:.0f}",
            f"{percentile(waits, 50):.0f}",
            f"{percentile(waits, 99):.0f}",
            f"{max(waits):.0f}",
            ", ".join(f"{name} {count}" for name, count in outcome.refusals.items()),
        )
    return shown


def summary(parts: Sequence[Part], faults: Faults) -> dict[str, float]:
    """The figures by their agreed names; of several bursts the worst."""
    rates = {part.name: round(part.outcome.rate) for part in parts}
    bursts = [percentile(p.outcome.latencies_ms, 99) for p in parts if p.name.startswith("burst")]
    return {
        "service_orders_per_second": rates["service"],
        "end_to_end_orders_per_second": rates.get("end to end", 0),
        "latency_ms_p99": round(max(bursts, default=0.0), 1),
        "naive_orders_per_second": rates["naive"],
        "oversold": faults.oversold,
        "lost": faults.lost,
        "doubled": faults.doubled,
        "unbalanced": faults.unbalanced,
    }


async def run(wanted: Wanted, console: Console) -> tuple[list[Part], Faults]:
    """Everything, once."""
    allow_files(wanted.buyers + OTHER_FILES)
    with ExitStack() as stack:
        folder = wanted.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        async with open_stage(folder) as stage:
            served, first, sale_id = await service(stage, wanted)
            console.print(f"through the service: {served.outcome.rate:.0f} orders/s", highlight=False)
            plain, second = await naive(stage, wanted, sale_id)
            console.print(f"the plain way: {plain.outcome.rate:.0f} orders/s", highlight=False)
            parts, third = await end_to_end(stage, wanted) if wanted.buyers else ([], Faults(0, 0, 0, 0))
            return [served, plain, *parts], total([first, second, third])


def read_arguments(arguments: Sequence[str]) -> Wanted:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="tests.bench.orders", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--service-orders", type=int, default=60_000, help="orders through the service (60,000)")
    parser.add_argument("--at-once", type=int, default=3_000, help="buyers that wait at the same time there (3,000)")
    parser.add_argument("--naive-orders", type=int, default=5_000, help="orders the plain way (5,000)")
    parser.add_argument("--buyers", type=int, default=3_000, help="Socket.IO clients (3,000); 0: leave them out")
    parser.add_argument("--servers", type=int, default=2, help="server processes (2: one for each core)")
    parser.add_argument("--bursts", type=int, default=3, help="how often all press within one second (3)")
    parser.add_argument("--times", type=int, default=5, help="presses of each, one after another, at the end (5)")
    parser.add_argument("--folder", type=Path, help="keep logs and data in this empty folder")
    wanted = Wanted(**vars(parser.parse_args(arguments)))
    if min(wanted.service_orders, wanted.at_once, wanted.naive_orders, wanted.servers, wanted.times) < 1:
        parser.error("all numbers must be greater than 0")
    return wanted


def main(arguments: Sequence[str]) -> int:
    """Print the table and the JSON line. Exit code 1: it could not be measured, or something was wrong."""
    wanted = read_arguments(arguments)
    console = Console(width=WIDTH)
    if len(os.sched_getaffinity(0)) > len(CORES) and os.sched_getaffinity(0) >= CORES:
        os.sched_setaffinity(0, CORES)
    try:
        parts, faults = asyncio.run(run(wanted, console))
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped")
        return 130
    except FAULTS as error:
        Console(stderr=True).print(f"not measured: {error or type(error).__name__}", markup=False)
        return 1
    console.print(table(parts))
    console.print_json(json.dumps(summary(parts, faults)), indent=None)
    return 1 if faults.any else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
