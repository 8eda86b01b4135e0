"""The application's own processes for tests: started from an environment, waited for, stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dongting.child import Child
from dongting.media_nodes import media_nodes
from dongting.processes import Name, program_of
from tests.harness.data_servers import Environment

ROOT = Path(__file__).parents[2]
RUNNING: list[Child] = []  # what a test has now; of those that failed the last words are shown


@dataclass(frozen=True, slots=True)
class MediaProcess:
    """One of several media nodes."""

    child: Child
    node_id: str
    url: str  # its own, where its neighbours reach it


@contextmanager
def running(environment: Environment, folder: Path, *names: Name) -> Iterator[dict[str, Child]]:
    """Run these processes with logs in `folder`; yields them, ready, by name.

    A test may kill one and `start()` and `wait_ready()` it again. At the end what still runs is stopped.
    """
    children: dict[str, Child] = {
        name: Child(program_of(name, ROOT, environment, folder / f"{name}.log")) for name in names
    }
    try:
        RUNNING.extend(children.values())
        for child in children.values():
            child.start()
        for child in children.values():
            child.wait_ready()
        yield children
    finally:
        for child in reversed(children.values()):
            child.stop()
            RUNNING.remove(child)


@contextmanager
def running_media(environment: Environment, folder: Path, count: int) -> Iterator[list[MediaProcess]]:
    """Run so many media processes behind one HTTP port, as `dongting up` does; yields them, ready.

    A test may kill one and `start()` and `wait_ready()` it again. At the end what still runs is stopped.
    """
    nodes = media_nodes({**environment, "MEDIA_PROCESSES": str(count)})
    processes = [
        MediaProcess(
            Child(program_of("media", ROOT, node.environment, folder / f"{node.name}.log", node.name)),
            node.environment["NODE_ID"],
            node.environment["MEDIA_INTERNAL_URL"],
        )
        for node in nodes
    ]
    try:
        RUNNING.extend(process.child for process in processes)
        for process in processes:
            process.child.start()
        for process in processes:
            process.child.wait_ready()
        yield processes
    finally:
        for process in processes:
            process.child.kill()
            RUNNING.remove(process.child)
