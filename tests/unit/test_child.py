"""A child process: what it starts goes with it, and whoever has its id after it is left in peace."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dongting.child import Child, Program

PATIENCE_SECONDS = 20.0


@pytest.fixture
def make_child(tmp_path: Path) -> Iterator[Callable[[str], Child]]:
    """Runs lines of the shell as a child."""
    made: list[Child] = []

    def make(lines: str) -> Child:
        program = Program("child", ("/bin/sh", "-c", lines), dict(os.environ), tmp_path / "child.log", tmp_path)
        child = Child(program)
        child.start()
        made.append(child)
        return child

    yield make
    for child in made:
        child.kill()


@pytest.fixture
def killed_groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Whom `killpg` was called for; it kills them, too."""
    groups: list[int] = []
    really = os.killpg

    def note(group: int, sign: int) -> None:
        groups.append(group)
        really(group, sign)

    monkeypatch.setattr(os, "killpg", note)
    return groups


@pytest.mark.parametrize("end", ["by itself", "kill", "stop"])
def test_whoever_gets_its_id_when_it_is_gone_is_not_killed(
    make_child: Callable[[str], Child], killed_groups: list[int], end: str
) -> None:
    # given a child that has ended; from here on its id may be another process'
    child = make_child("exit 3" if end == "by itself" else "exec sleep 600")
    if end == "by itself":
        wait_until(lambda: child.exit_code == 3)
    elif end == "kill":
        child.kill()
    else:
        assert child.stop()
    killed_groups.clear()
    # when
    child.ask_to_stop()
    child.kill()
    child.stop()
    # then
    assert killed_groups == []


@pytest.mark.parametrize(
    "end", [Child.kill, Child.stop, lambda child: child.exit_code, lambda child: child.is_running()]
)
def test_what_a_child_leaves_when_it_ends_is_killed(
    make_child: Callable[[str], Child], end: Callable[[Child], object]
) -> None:
    # given a child that ends, and one of its own that doesn't
    child = make_child("sleep 600 & echo $!")
    wait_until(lambda: len(child.last_lines(1)) == 1)
    left = Path(f"/proc/{child.last_words()}/stat")
    assert child.pid
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert left.exists()
    # when
    end(child)
    # then
    wait_until(lambda: not left.exists() or left.read_text().rpartition(")")[2].split()[0] == "Z")


def test_it_knows_whether_it_was_told_to_end(make_child: Callable[[str], Child]) -> None:
    by_itself, killed, stopped = make_child("exit 0"), make_child("exec sleep 600"), make_child("exec sleep 600")
    wait_until(lambda: not by_itself.is_running())
    for child in (by_itself, killed):
        child.kill()
    stopped.stop()
    assert [child.was_told_to_end for child in (by_itself, killed, stopped)] == [False, True, True]
    killed.start()
    assert not killed.was_told_to_end


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
