"""Our own processes as programs: server, media, worker, each with the question that tells it is ready."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from config.settings import HAND_OVER_SECONDS
from dongting.child import Program

Name = Literal["server", "media", "worker"]
ASK_TIMEOUT_SECONDS = 1.0
EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104 -- recognised, not served

# How long each may take to stop: media finishes its recordings, a worker the piece that it is at.
STOP_SECONDS: dict[Name, float] = {"server": 15.0, "media": 20.0, "worker": 15.0}


def program_of(
    name: Name, root: Path, environment: Mapping[str, str], log: Path, called: str | None = None
) -> Program:
    """The program of one process of the checkout in `root`, with settings from `environment`."""
    patience = float(environment.get("DRAIN_SECONDS") or 0) + HAND_OVER_SECONDS if name == "media" else 0.0
    port = "MEDIA_INTERNAL_PORT" if environment.get("MEDIA_INTERNAL_PORT") else "MEDIA_HTTP_PORT"
    checks: dict[Name, Callable[[], bool]] = {
        "server": _asks(environment, "SERVER_HOST", "SERVER_PORT", 8080),
        "media": _asks(environment, "MEDIA_HOST", port, 8081),
        "worker": _asks(environment, "", "WORKER_METRICS_PORT", 8082),
    }
    return Program(
        name=called or name,
        command=_command(name, environment),
        environment={**environment, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(root)},
        log=log,
        folder=root,
        is_ready=checks[name],
        ready_seconds=60.0,
        stop_seconds=STOP_SECONDS[name] + patience,
    )


def _command(name: Name, environment: Mapping[str, str]) -> tuple[str, ...]:
    if name != "worker":
        return (sys.executable, "-m", name)
    # Workers don't speak to each other: the database's leases say who has which job.
    talk = ("--without-mingle", "--without-gossip", "--without-heartbeat")
    celery = (sys.executable, "-m", "celery", "-A", "workers.app", "worker", *talk)
    return (*celery, "--loglevel", environment.get("LOG_LEVEL", "info"))


def address_of(environment: Mapping[str, str], host_name: str, port_name: str, default_port: int) -> str:
    """Where a process of this machine is asked: its own address, or loopback if it listens on all."""
    host = environment.get(host_name, "")
    return f"{'127.0.0.1' if host in EVERY_ADDRESS else host}:{environment.get(port_name) or default_port}"


def _asks(environment: Mapping[str, str], host_name: str, port_name: str, default_port: int) -> Callable[[], bool]:
    url = f"http://{address_of(environment, host_name, port_name, default_port)}/readyz"
    # A proxy of the machine's settings has no business between two processes of one machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def is_ready() -> bool:
        try:
            with opener.open(url, timeout=ASK_TIMEOUT_SECONDS) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError, ValueError):
            return False

    return is_ready
