"""What a worker and its children cost: CPU time, and how much memory they have together at most."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

LOOK_EVERY_SECONDS = 0.25
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
USER_TIME_AT, CHILDREN_SYSTEM_TIME_AT = 11, 15  # in /proc/pid/stat, after the name


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[USER_TIME_AT:CHILDREN_SYSTEM_TIME_AT])) / TICKS


class PeakMemory:
    """Looks at a process with its children again and again, in a thread."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.megabytes = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY_SECONDS):
            self.megabytes = max(self.megabytes, _resident_bytes(self._pid) / 1e6)


def _resident_bytes(pid: int) -> int:
    """What a process and all below it have in memory; what they share is counted twice."""
    try:
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = {int(child) for thread in threads for child in (thread / "children").read_text().split()}
    except OSError:
        return 0  # it has just ended
    return own + sum(map(_resident_bytes, children))
