"""Where the media process spends its time in one phase: with cProfile (Python) or perf (C and kernel)."""

from __future__ import annotations

import asyncio
import io
import os
import pstats
import re
import shutil
import signal
import sys
from pathlib import Path
from typing import Protocol

from dongting.child import Child
from tests.bench.relay_parts.stage import MEDIA, Command, Stage

PROFILERS = ("cprofile", "perf")
PHASES = ("sending", "joining")
SHOWN = 40
WRITE_SECONDS = 20.0
POLL_SECONDS = 0.05
ATTACH_SECONDS = 1.0  # perf does not say when it has begun
# The machine may have no hardware counters; the clock's samples are there always.
RECORD = ("perf", "record", "-q", "-e", "cpu-clock", "-F", "997")
REPORT = (
    "perf",
    "report",
    "--stdio",
    "--no-children",
    "-g",
    "none",
    "--percent-limit",
    "0.5",
    "-F",
    "overhead,dso,sym",
)


class NoProfiler(Exception):
    """The wanted profiler is not installed."""


class Profiler(Protocol):
    """Something that watches the media process between `begin` and `end`, in one of PHASES."""

    command: Command
    phase: str

    async def begin(self, pid: int) -> None: ...
    async def end(self, pid: int) -> str: ...


def make_profiler(name: str, phase: str, stage: Stage) -> Profiler:
    """One of PROFILERS, for one of PHASES.

    Raises:
        NoProfiler: it is not installed.
    """
    if name == "cprofile":
        return _CProfile(phase, stage.folder / "cprofile.out")
    if shutil.which("perf") is None:
        raise NoProfiler("perf is not installed; --profile cprofile needs nothing")
    return _Perf(phase, stage)


async def _wait_for(path: Path) -> None:
    async with asyncio.timeout(WRITE_SECONDS):
        while not path.exists():  # noqa: ASYNC110, ASYNC240 -- another process writes it
            await asyncio.sleep(POLL_SECONDS)
    await asyncio.sleep(POLL_SECONDS)


class _CProfile:
    """Slows Python down several times: only the proportions of Python functions say anything."""

    def __init__(self, phase: str, path: Path) -> None:
        self.phase = phase
        self._path = path
        self.command: Command = (sys.executable, "-m", "tests.bench.relay_parts.profiled", str(path))

    async def begin(self, pid: int) -> None:
        self._path.unlink(missing_ok=True)
        os.kill(pid, signal.SIGUSR1)

    async def end(self, pid: int) -> str:
        os.kill(pid, signal.SIGUSR2)
        await _wait_for(self._path)
        text = io.StringIO()
        pstats.Stats(str(self._path), stream=text).strip_dirs().sort_stats("tottime").print_stats(SHOWN)
        return text.getvalue()


class _Perf:
    """Samples from outside: the process is hardly slower, but of Python only the interpreter is seen."""

    command: Command = MEDIA

    def __init__(self, phase: str, stage: Stage) -> None:
        self.phase = phase
        self._stage = stage
        self._data = stage.folder / "perf.data"
        self._record: Child | None = None

    async def begin(self, pid: int) -> None:
        command = (*RECORD, "-o", str(self._data), "-p", str(pid))
        self._record = Child(self._stage.program("perf", command, self._stage.folder / "perf.log"))
        self._record.start()
        await asyncio.sleep(ATTACH_SECONDS)

    async def end(self, pid: int) -> str:
        assert self._record is not None
        self._record.stop()
        process = await asyncio.create_subprocess_exec(
            *REPORT, "-i", str(self._data), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(WRITE_SECONDS):
            out, _ = await process.communicate()
        lines = [
            re.sub(r"  +", "  ", line)
            for line in out.decode(errors="replace").splitlines()
            if line and not line.startswith("#")
        ]
        return "\n".join(lines[:SHOWN])
