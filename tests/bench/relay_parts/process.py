"""What the kernel says of a process: CPU time, memory; and on which core things run."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RELAY_CORE, LOAD_CORE = 0, 1


class OneCore(Exception):
    """The machine has too few cores to keep relay and load apart."""


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Processes and threads started within run on this core for good; we ourselves go back.

    Raises:
        OneCore: there is no such core for us.
    """
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {core})
    except OSError as error:
        raise OneCore("this benchmark needs cores 0 and 1: one for the relay, one for the load") from error
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads that a process has now, to the nanosecond. None of ours end while we look twice."""
    return _schedstat(pid, 0)


def waited_seconds(pid: int) -> float:
    """How long its threads were ready to run while their core was another's."""
    return _schedstat(pid, 1)


def _schedstat(pid: int, field: int) -> float:
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((thread / "schedstat").read_text().split()[field])
        except OSError:
            continue  # it has just ended
    return total / 1e9


def allow_files(wanted: int) -> None:
    """Let us open so many files, or as many as we may; each viewer is a socket."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def memory_bytes(pid: int) -> int:
    """The process' share of physical memory (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise OSError("smaps_rollup has no Pss")


def stolen_seconds() -> float:
    """How long our two cores were taken away by the machine below a virtual one; in steps of 10 ms."""
    total = 0
    for line in Path("/proc/stat").read_text().splitlines():
        fields = line.split()
        if fields[0] in (f"cpu{RELAY_CORE}", f"cpu{LOAD_CORE}"):
            total += int(fields[8])
    return total / os.sysconf("SC_CLK_TCK")
