"""The application's own processes for tests: started from an environment, waited for, stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dongting.child import Child
from dongting.processes import Name, program_of
from tests.harness.data_servers import Environment

ROOT = Path(__file__).parents[2]


@contextmanager
def running(environment: Environment, folder: Path, *names: Name) -> Iterator[dict[str, Child]]:
    """Run these processes with logs in `folder`; yields them, ready, by name.

    A test may kill one and `start()` and `wait_ready()` it again. At the end what still runs is stopped.
    """
    children: dict[str, Child] = {
        name: Child(program_of(name, ROOT, environment, folder / f"{name}.log")) for name in names
    }
    try:
        for child in children.values():
            child.start()
        for child in children.values():
            child.wait_ready()
        yield children
    finally:
        for child in reversed(children.values()):
            child.stop()
