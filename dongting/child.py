"""One child process: started with a log file, asked whether it is ready, stopped, and never outliving its parent."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

# In the environment of every child and what it starts; its value says which data folder it belongs to.
MARK = "DONGTING_CHILD_OF"
PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.05
LOG_TAIL_BYTES = 16_000

_libc = ctypes.CDLL(None, use_errno=True)


class NotReady(Exception):
    """A child died or did not become ready in time; the text says what its log says."""


def _always() -> bool:
    return True


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and how to tell that it is ready."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    folder: Path
    # Asked until it answers True; may block for about a second.
    is_ready: Callable[[], bool] = field(default=_always)
    ready_seconds: float = 30.0
    # How long it may take to stop after SIGTERM before it is killed.
    stop_seconds: float = 10.0
    # Removes what a killed process leaves lying about; called before a start and after the end.
    tidy: Callable[[], None] = field(default=_nothing)


class Child:
    """A running program, in a process group of its own.

    Start it from a thread that lives as long as it should: the kernel kills the child with that thread, which is how
    nothing stays behind after `kill -9` of the parent.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.was_told_to_end = False  # since its last start; what ends untold has fallen
        self._process: subprocess.Popen[bytes] | None = None
        self._collecting = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The process' id, if it was started."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it runs or was not started."""
        self._collect()
        return self._process.returncode if self._process else None

    def is_running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self.exit_code is None

    def start(self) -> None:
        """Start it. Returns at once; see `wait_ready`."""
        program = self.program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        program.tidy()
        self.was_told_to_end = False
        parent = os.getpid()
        with program.log.open("ab") as log:
            self._process = subprocess.Popen(
                program.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=program.folder,
                env=dict(program.environment),
                start_new_session=True,
                preexec_fn=lambda: _die_with(parent),
            )

    def wait_ready(self, seconds: float | None = None) -> None:
        """Wait until it is ready.

        Raises:
            NotReady: it died, or took too long.
        """
        limit = self.program.ready_seconds if seconds is None else seconds
        deadline = time.monotonic() + limit
        while self.is_running():
            if self.program.is_ready():
                return
            if time.monotonic() > deadline:
                raise NotReady(f"{self.program.name} was not ready after {limit:.0f} s; see {self.program.log}")
            time.sleep(POLL_SECONDS)
        raise NotReady(f"{self.program.name} ended with {self.exit_code}: {self.last_words()}")

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process itself; it stops its own children."""
        with self._collecting:
            if self._process is not None and self._process.returncode is None:
                self.was_told_to_end = True
                os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Kill the whole process group and collect it."""
        if self._process is None:
            return
        self.was_told_to_end |= self.is_running()
        self._collect(kill=True)
        self.program.tidy()

    def stop(self) -> bool:
        """Ask it to stop, wait, kill what is left. False if it had to be killed."""
        self.ask_to_stop()
        deadline = time.monotonic() + self.program.stop_seconds
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS / 5)
        ended = not self.is_running()
        self.kill()
        return ended

    def _collect(self, kill: bool = False) -> None:
        """Collect it if it has ended, or in any case, and first kill what is left of its group.

        Until it is collected its id is its own; from then on the system may give it to somebody else, whom we must
        not kill.
        """
        with self._collecting:
            process = self._process
            if process is None or process.returncode is not None:
                return
            if kill or os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                with suppress(ProcessLookupError, PermissionError):  # nobody is left, or a zombie only
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def last_words(self) -> str:
        """The last line of its log that is not empty."""
        lines = self.last_lines(1)
        return lines[0].strip()[:300] if lines else "nothing in its log"

    def last_lines(self, count: int) -> list[str]:
        """The last lines of its log that are not empty, at most so many."""
        try:
            with self.program.log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
                text = log.read().decode(errors="replace")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip()][-count:]


def _die_with(parent: int) -> None:
    """In the child, before exec: be killed when the parent dies, also when it died a moment ago."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def leftovers(var: Path) -> list[int]:
    """Processes that carry the mark of this data folder, other than ourselves."""
    wanted = f"{MARK}={var.resolve()}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue  # gone meanwhile, or another user's
    return found


def end_leftovers(var: Path, seconds: float = 5.0) -> int:
    """Kill them and wait until they are gone; answers how many there were."""
    left = leftovers(var)
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + seconds
    while left and leftovers(var) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return len(left)
