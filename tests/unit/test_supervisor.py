"""The supervisor of `dongting up`: who looks sees its programs from their first moment."""

from __future__ import annotations

import sys
from pathlib import Path

from dongting.child import Program
from dongting.supervisor import Supervisor


def test_who_looks_sees_a_program_while_it_starts(tmp_path: Path) -> None:
    # given a program that is ready when it has been asked three times
    asked = iter((False, False, True))
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    program = Program("slow", command, {}, tmp_path / "slow.log", tmp_path, is_ready=lambda: next(asked))
    seen: list[list[dict[str, object]]] = []

    def looked() -> None:
        seen.append([watched.as_json() for watched in supervisor.watched])

    supervisor = Supervisor(lambda tone, text: None, lambda: False, looked)
    try:
        # when
        supervisor.start([program])
        # then
        assert [[(shown["name"], shown["ready"]) for shown in look] for look in seen] == [
            [("slow", False)],
            [("slow", False)],
            [("slow", True)],
        ]
    finally:
        supervisor.kill()
