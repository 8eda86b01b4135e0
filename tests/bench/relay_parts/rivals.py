"""Another server in the relay's place, with the same load: mediasoup, if somebody has installed it."""

from __future__ import annotations

import os
import shutil
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from dongting.child import Child
from dongting.ports import free_ports
from tests.bench.relay_parts.process import RELAY_CORE, on_core
from tests.bench.relay_parts.stage import Media, Stage

FRONT = Path(__file__).parent / "mediasoup_front.cjs"
MODULES = "NODE_PATH"
ASK_SECONDS = 1.0


class NoRival(Exception):
    """The server to compare with is not installed."""


def check_mediasoup(environment: Mapping[str, str]) -> None:
    """See that node and the package are there, before anything is measured.

    Raises:
        NoRival: one of them is missing.
    """
    if shutil.which("node") is None:
        raise NoRival("mediasoup needs node on the PATH")
    folders = [Path(folder) for folder in environment.get(MODULES, "").split(os.pathsep) if folder]
    if not any((folder / "mediasoup").is_dir() for folder in folders):
        raise NoRival(f"install the npm package mediasoup somewhere, and say its node_modules in {MODULES}")


@contextmanager
def mediasoup(stage: Stage, congestion_control: str) -> Iterator[Media]:
    """A fresh worker of mediasoup on the relay's core, with the node process that does its signalling.

    `congestion_control` is what the front calls it: "estimating" from REMB, as these viewers send it, or "none".
    """
    http, udp = free_ports(2)
    name, url = f"mediasoup-{udp}", f"http://127.0.0.1:{http}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    worker: list[int] = []

    def is_ready() -> bool:
        try:
            with opener.open(f"{url}/worker", timeout=ASK_SECONDS) as answer:
                worker.append(int(answer.read()))
        except OSError:
            return False
        return True

    command = ("node", str(FRONT), str(http), str(udp), congestion_control)
    child = Child(replace(stage.program(name, command, stage.folder / f"{name}.log"), is_ready=is_ready))
    try:
        with on_core(RELAY_CORE):
            child.start()
        child.wait_ready()
        assert child.pid is not None
        yield Media(child, url, worker[0], child.pid)
    finally:
        child.stop()


Check = Callable[[Mapping[str, str]], None]
Start = Callable[[Stage], AbstractContextManager[Media]]
RIVALS: Mapping[str, tuple[Check, Start]] = {
    "mediasoup": (check_mediasoup, partial(mediasoup, congestion_control="estimating")),
    "mediasoup-without-estimates": (check_mediasoup, partial(mediasoup, congestion_control="none")),
}
