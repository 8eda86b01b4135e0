"""How smoothly a cheap phone shows a room in which 50 messages are said a second: frames, and the longest tasks.

    .venv/bin/python -m tests.bench.chat_page

Chromium slows the page's main thread six times (`Emulation.setCPUThrottlingRate`), as a cheap phone is against this
machine. docs/benchmarks.md says how each figure is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop
from playwright.async_api import Browser, Page, async_playwright
from rich.console import Console
from rich.table import Table

from dongting.child import NotReady
from tests.bench.chat_parts.crowd import Crowd
from tests.bench.chat_parts.stage import SLUG, open_stage
from tests.bench.chat_parts.viewer import ViewerFailed
from tests.browser.conftest import PHONE
from tests.harness.chromium import FLAGS, chromium_path
from tests.harness.processes import ROOT

BUILD = ROOT / "web" / "dist"
SLOWER = 6.0
PER_SECOND = 50.0
SECONDS = 10.0
LONG_MS = 50.0  # a longer task is one that a person can feel
FULL_LIST = 60  # lines: from then on each new one pushes an old one out
WAIT_MS = 30_000
# Frames between two moments, as the page itself is asked for them.
COUNT_FRAMES = """ms => new Promise(resolve => {
    const begin = performance.now(), gaps = [];
    let before = begin;
    const frame = now => {
        gaps.push(now - before);
        before = now;
        if (now - begin < ms) requestAnimationFrame(frame);
        else resolve({ frames: gaps.length, ms: now - begin, worst: Math.max(...gaps.slice(1)) });
    };
    requestAnimationFrame(frame);
})"""
FULL = f"() => document.querySelectorAll('[data-testid=chat-line]').length >= {FULL_LIST}"


class NoTrace(RuntimeError):
    """Chromium traced no task of the page."""


FAULTS = (NoTrace, NotReady, ViewerFailed, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Smoothness:
    """One window of one page."""

    per_second: float
    slower: float
    frames_per_second: float
    worst_frame_ms: float
    worst_task_ms: float
    long_tasks: int
    busy_share: float
    lines_per_second: float


def tasks_ms(trace: dict[str, Any]) -> list[float]:
    """How long each task of the page's main thread took, by a trace of Chromium."""
    events = trace["traceEvents"]
    threads = {
        (event["pid"], event["tid"]) for event in events if event.get("args", {}).get("name") == "CrRendererMain"
    }
    longest: dict[tuple[int, int], list[float]] = {}
    for event in events:
        where = (event.get("pid"), event.get("tid"))
        if where in threads and event.get("name") == "RunTask" and event.get("ph") == "X":
            longest.setdefault(where, []).append(event["dur"] / 1000)
    if not longest:
        raise NoTrace("no task of the page was traced")
    return max(longest.values(), key=sum)  # the page's own thread is the busiest


async def watch(browser: Browser, page: Page, per_second: float, slower: float, seconds: float) -> Smoothness:
    """One window, while others talk."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Emulation.setCPUThrottlingRate", {"rate": slower})
    await page.evaluate(COUNT_LINES)
    await browser.start_tracing(
        page=page, categories=["toplevel", "disabled-by-default-devtools.timeline", "devtools.timeline", "__metadata"]
    )
    frames = await page.evaluate(COUNT_FRAMES, seconds * 1000)
    trace = json.loads(await browser.stop_tracing())
    lines = int(await page.evaluate("() => Number(document.body.dataset.lines)"))
    tasks = tasks_ms(trace)
    return Smoothness(
        per_second=per_second,
        slower=slower,
        frames_per_second=round(frames["frames"] * 1000 / frames["ms"], 1),
        worst_frame_ms=round(frames["worst"], 1),
        worst_task_ms=round(max(tasks), 1),
        long_tasks=sum(task > LONG_MS for task in tasks),
        busy_share=round(sum(tasks) / frames["ms"], 3),
        lines_per_second=round(lines * 1000 / frames["ms"], 1),
    )


# Lines that came into the list, so that a page which shows nothing is not called smooth.
COUNT_LINES = """() => {
    document.body.dataset.lines = '0';
    const isLine = node => node.dataset?.testid === 'chat-line';
    new MutationObserver(changes => {
        const added = changes.reduce((sum, change) => sum + [...change.addedNodes].filter(isLine).length, 0);
        document.body.dataset.lines = String(Number(document.body.dataset.lines) + added);
    }).observe(document.querySelector('[data-testid=chat-list]'), { childList: true, subtree: true });
}"""


async def measure(per_second: float, slower: float, seconds: float, build: Path) -> Smoothness:
    """A server, people who talk, a phone that looks."""
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as name:
        async with open_stage(Path(name), {"WEB_FOLDER": str(build)}) as stage, async_playwright() as playwright:
            os.sched_setaffinity(0, cores)
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))
            with stage.ours() as running:
                crowd = Crowd(running.port, running.pid, SLUG)
                stop = asyncio.Event()
                try:
                    await crowd.come(len(stage.cookies), stage.cookies)
                    page = await browser.new_page(viewport=PHONE, locale="zh-CN")
                    await page.goto(f"http://127.0.0.1:{running.port}/r/{SLUG}")
                    talking = asyncio.create_task(crowd.keep_talking(per_second, stop, itertools.count()))
                    try:
                        await page.wait_for_function(FULL, timeout=WAIT_MS)
                        return await watch(browser, page, per_second, slower, seconds)
                    finally:
                        stop.set()
                        with contextlib.suppress(*FAULTS):
                            await talking
                finally:
                    await browser.close()
                    await crowd.go()


def main(arguments: Sequence[str]) -> int:
    """Print the table and the JSON line. Exit code 1: it could not be measured."""
    parser = argparse.ArgumentParser(prog="tests.bench.chat_page", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--slower", type=float, default=SLOWER, help=f"how much slower the phone is ({SLOWER:.0f})")
    parser.add_argument("--per-second", type=float, default=PER_SECOND, help=f"messages a second ({PER_SECOND:.0f})")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"how long the window is ({SECONDS:.0f})")
    parser.add_argument("--build", type=Path, default=BUILD, help="another build of the page, to compare with")
    wanted = parser.parse_args(arguments)
    try:
        seen = uvloop.run(measure(wanted.per_second, wanted.slower, wanted.seconds, wanted.build.resolve()))
    except FAULTS as error:
        Console(stderr=True).print(f"not measured: {error or type(error).__name__}", markup=False)
        return 1
    table = Table(title=platform.platform())
    for column in asdict(seen):
        table.add_column(column.replace("_", " "), justify="right")
    table.add_row(*map(str, asdict(seen).values()))
    console = Console(width=120)
    console.print(table)
    console.print_json(json.dumps(asdict(seen)), indent=None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
