"""`dongting up` as a person meets it: it starts everything, mends what is killed, stops all, keeps the data."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dongting.child import leftovers
from dongting.machine import PORT_DEFAULTS
from dongting.ports import SETTING, free_ports
from dongting.up import STATE_FILE

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
NAMES = {"mongod", "redis", "seaweedfs", "server", "media", "worker"}
PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.1
ANY_PORT = dict.fromkeys(PORT_DEFAULTS, "0")


@dataclass
class Run:
    """One `dongting up` and what it printed."""

    var: Path
    output: Path
    process: subprocess.Popen[bytes]

    def said(self) -> str:
        """Everything it printed."""
        return self.output.read_text("utf-8")

    def state(self) -> dict[str, Any]:
        """What `dongting status` would show."""
        try:
            loaded: dict[str, Any] = json.loads((self.var / STATE_FILE).read_text())
        except (OSError, ValueError):
            return {"processes": []}
        return loaded

    def processes(self) -> dict[str, dict[str, Any]]:
        """Its processes by name."""
        return {process["name"]: process for process in self.state()["processes"]}

    def all_ready(self, names: set[str] = NAMES) -> bool:
        """Whether everything is up."""
        processes = self.processes()
        return set(processes) == names and all(process["ready"] for process in processes.values())

    def wait(self, what: Callable[[], bool]) -> None:
        """Wait for something, but not for ever and not for a dead process."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not what():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(POLL_SECONDS)

    def stop(self) -> int:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE_SECONDS)

    def ask(self, method: str, path: str, body: dict[str, str]) -> int:
        """Send JSON to the server; answers the status."""
        request = urllib.request.Request(
            self.state()["address"] + path,
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code


Start = Callable[..., Run]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts `dongting up` in a folder of this test."""
    started: list[Run] = []

    def begin(**settings: str) -> Run:
        output = tmp_path / f"output-{len(started)}.txt"
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LC_ALL": "C.UTF-8",
            **{name: os.environ[name] for name in (SETTING,) if name in os.environ},
            **ANY_PORT,
            **settings,
        }
        command = [sys.executable, "-m", "dongting", "up", "--no-demo", "--var", str(tmp_path / "var")]
        with output.open("wb") as file:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT)
        started.append(Run(tmp_path / "var", output, process))
        return started[-1]

    yield begin
    for run in started:
        run.process.kill()
        run.process.wait()


def test_it_mends_what_is_killed_and_keeps_the_data(start: Start) -> None:
    # given an installation with somebody in it
    run = start()
    run.wait(run.all_ready)
    account = {"name": "lihua", "password": "a long password", "display_name": "李华"}
    assert run.ask("POST", "/api/accounts", account) == 201

    # when each process is killed in turn, each is back, and said to be
    for name in sorted(NAMES):
        os.kill(run.processes()[name]["pid"], signal.SIGKILL)
        run.wait(lambda name=name: run.processes()[name]["restarts"] == 1 and run.all_ready())  # type: ignore[misc]
        assert f"{name} was killed by SIGKILL and is back" in run.said()

    # then the account is still there, and a second `up` says who runs
    sign_in = {"login": "lihua", "password": "a long password"}
    run.wait(lambda: run.ask("POST", "/api/session", sign_in) == 200)
    second = start()
    assert second.process.wait(PATIENCE_SECONDS) == 1
    assert "already running" in second.said()
    assert len(second.said().splitlines()) == 1

    # and Ctrl-C leaves nothing behind
    assert run.stop() == 0, run.said()
    assert leftovers(run.var) == []

    # and the next start has the data
    again = start()
    again.wait(again.all_ready)
    assert again.ask("POST", "/api/session", sign_in) == 200
    # and nothing stays when `up` itself is killed
    again.process.kill()
    again.process.wait()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while leftovers(again.var):
        assert time.monotonic() < deadline, leftovers(again.var)
        time.sleep(POLL_SECONDS)


def is_answered(port: int) -> bool:
    """Whether somebody answers; who was asked at the moment of a death asks again."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_several_media_processes_answer_at_one_port(start: Start) -> None:
    # given
    (port,) = free_ports(1)
    names = NAMES - {"media"} | {"media-1", "media-2", "media-3"}
    run = start(MEDIA_PROCESSES="3", MEDIA_HTTP_PORT=str(port))
    run.wait(lambda: run.all_ready(names))

    # when all but one are killed
    for name in ("media-1", "media-3"):
        os.kill(run.processes()[name]["pid"], signal.SIGKILL)

    # then the port answers, and all are back
    run.wait(lambda: is_answered(port))
    run.wait(lambda: run.all_ready(names) and run.processes()["media-3"]["restarts"] == 1)
    assert "media-1 was killed by SIGKILL and is back" in run.said(), run.said()
    assert run.stop() == 0, run.said()
    assert leftovers(run.var) == []


@pytest.mark.parametrize(
    ("setting", "kind"), [("SERVER_PORT", socket.SOCK_STREAM), ("MEDIA_UDP_PORT", socket.SOCK_DGRAM)]
)
def test_a_port_in_use_is_one_line_that_says_what_to_do(start: Start, setting: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("0.0.0.0", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = str(taken.getsockname()[1])
        run = start(**{setting: port})
        assert run.process.wait(PATIENCE_SECONDS) == 1
    assert len(run.said().splitlines()) == 1
    for word in (port, setting, f"pid {os.getpid()}"):
        assert word in run.said()


def test_a_wrong_setting_is_named(start: Start) -> None:
    run = start(TRANSCODE_THREADS="many")
    assert run.process.wait(PATIENCE_SECONDS) == 1
    assert "TRANSCODE_THREADS" in run.said()


def test_ports_that_are_none_are_named(start: Start) -> None:
    run = start(FREE_PORTS="many")
    assert run.process.wait(PATIENCE_SECONDS) == 1
    assert run.said().splitlines() == ["✗ FREE_PORTS=many is no first and last port, such as 20000-31999"]
