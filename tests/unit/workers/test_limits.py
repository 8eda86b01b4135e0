"""The fence from inside: what a child can't do any more once it has limited itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FENCED = "import sys; from workers.transcode.limits import limit_self; limit_self(2_000_000_000, 2)\n"
REFUSED, DONE = 3, 0
TRIES = {
    "open a connection": "import socket; socket.socket()",
    "talk to programs on this machine": "import socket; socket.socket(socket.AF_UNIX)",
    "start another program": "import os; os.execv('/bin/true', ['true'])",
    "start another program beside itself": "import os; os.posix_spawn('/bin/true', ['true'], {})",
    "take over a connection that its worker has open": (
        "import ctypes, os; call = ctypes.CDLL(None).syscall; "
        f"call(438, os.pidfd_open(os.getpid()), 0, 0) < 0 and sys.exit({REFUSED})"
    ),
}


def run_fenced(program: str) -> int:
    """How a child ends that limits itself first; REFUSED when it was not allowed to."""
    body = f"{FENCED}\ntry:\n    {program}\nexcept PermissionError:\n    sys.exit({REFUSED})\n"
    return subprocess.run([sys.executable, "-c", body], cwd=ROOT, timeout=60, check=False).returncode


@pytest.mark.parametrize("name", TRIES)
def test_a_child_cannot(name: str) -> None:
    assert run_fenced(TRIES[name]) == REFUSED


def test_a_child_can_still_use_files_and_threads() -> None:
    assert run_fenced("import threading; threading.Thread(target=lambda: open('/dev/null')).start()") == DONE


def test_a_child_has_no_more_memory_than_it_was_given() -> None:
    assert run_fenced("bytearray(3_000_000_000)") == 1


def test_a_child_that_spins_without_end_is_stopped() -> None:
    assert run_fenced("exec('while True: pass')") < 0
