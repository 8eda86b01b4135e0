"""`dongting up`: everything on one machine, started in order, watched, stopped in order."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from dongting import servers
from dongting.checks import CannotStart, check
from dongting.child import Child, NotReady, Program, end_leftovers
from dongting.logfiles import trim
from dongting.machine import Machine
from dongting.media_nodes import bring_takes_home, media_nodes
from dongting.ports import NoPorts
from dongting.processes import Name, program_of
from dongting.supervisor import TICK_SECONDS, Interrupted, Say, Supervisor

STATE_FILE = "state.json"
SEEDED_FILE = "demo-seeded"
SEED_SECONDS = 300.0
# Who stops when: first those who make new work, then those who finish it, last those who keep it.
DATA_SERVERS = (("seaweedfs",), ("redis",), ("mongod",))


class Signals:
    """Counts the requests to stop: one is a wish, a second one an order."""

    def __init__(self) -> None:
        self._count = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._counted)

    def _counted(self, *_: object) -> None:
        self._count += 1

    def stop_wanted(self) -> bool:
        """Whether we were asked to stop."""
        return self._count >= 1

    def is_forced(self) -> bool:
        """Whether we were asked twice."""
        return self._count >= 2


class Up:
    """One run of everything. `run` returns the exit code."""

    def __init__(self, machine: Machine, say: Say, welcome: Callable[[Machine], None]) -> None:
        self._machine = machine
        self._say = say
        self._welcome = welcome
        self._signals = Signals()
        self._supervisor = Supervisor(say, self._signals.stop_wanted, self._write_state)
        self._state: Mapping[str, object] = {}

    def run(self) -> int:
        """Start, watch until asked to stop, stop."""
        try:
            if left := end_leftovers(self._machine.var):
                self._say("warn", f"{left} processes of a run that was killed are ended")
            check(self._machine)
            self._start()
            while not self._signals.stop_wanted():
                self._supervisor.tick()
                time.sleep(TICK_SECONDS)
        except Interrupted:
            pass
        except (CannotStart, NoPorts, NotReady, servers.Missing) as error:
            self._say("bad", str(error))
            return self._stop(1)
        except BaseException:
            self._stop(1)  # a fault of ours: still nothing is left behind
            raise
        return self._stop(0)

    def _start(self) -> None:
        machine = self._machine
        self._supervisor.start(own_servers(machine))
        if moved := bring_takes_home(machine.environment):
            self._say("warn", f"{moved} unfinished recordings of media processes that are no longer started")
        ours = [self._program("server"), *self._media(), self._program("worker")]
        if not Path(machine.environment["WEB_FOLDER"], "index.html").is_file():
            self._say("warn", f"there is no page in {machine.environment['WEB_FOLDER']}: run `make web`")
        self._supervisor.start(ours)
        seeded = machine.var / SEEDED_FILE
        if seeded.exists() or not machine.with_demo:
            self._welcome(machine)  # what the demo may still bring is new only after an upgrade
        if machine.with_demo:
            first_time, made = not seeded.exists(), self._seed()
            self._supervisor.start([self._demo("host")])
            if made:
                seeded.touch()
            if first_time:
                self._welcome(machine)

    def _program(self, name: Name) -> Program:
        machine = self._machine
        return program_of(name, machine.root, machine.environment, self._log(name))

    def _media(self) -> list[Program]:
        nodes = media_nodes(self._machine.environment)
        root = self._machine.root
        return [program_of("media", root, node.environment, self._log(node.name), node.name) for node in nodes]

    def _log(self, name: str) -> Path:
        return self._machine.logs / f"{name}.log"

    def _demo(self, what: str) -> Program:
        return Program(
            name=f"demo {what}",
            command=(sys.executable, "-m", "dongting.demo", what),
            environment={**self._machine.environment, "PYTHONUNBUFFERED": "1"},
            log=self._log("demo"),
            folder=self._machine.root,
        )

    def _seed(self) -> bool:
        """Products, a course, a hall to look at; whether it worked. Without them everything else still runs."""
        trim(self._log("demo"))
        seeding = Child(self._demo("seed"))
        begun = time.monotonic()
        seeding.start()
        try:
            while seeding.is_running():
                if self._signals.stop_wanted():
                    raise Interrupted
                if time.monotonic() - begun > SEED_SECONDS:
                    break
                self._supervisor.tick()
                time.sleep(TICK_SECONDS)
        finally:
            seeding.kill()
        if seeding.exit_code == 0:
            self._say("good", f"demo seeded after {time.monotonic() - begun:.1f} s")
        else:
            self._say("bad", f"the demo could not be made: {seeding.last_words()} (see {self._log('demo')})")
        return seeding.exit_code == 0

    def _write_state(self) -> None:
        """For `dongting status`."""
        state = {
            "address": self._machine.address,
            "processes": [watched.as_json() for watched in self._supervisor.watched],
        }
        if state != self._state:
            self._state = state
            servers.write_private(self._machine.var / STATE_FILE, json.dumps(state, indent=1))

    def _stop(self, code: int) -> int:
        if self._supervisor.watched:
            self._say("warn", "stopping (Ctrl-C again: at once)")
        media = tuple(w.name for w in self._supervisor.watched if w.name.partition("-")[0] == "media")
        ours = (("demo host",), ("worker",), media, ("server",))
        self._supervisor.stop((*ours, *DATA_SERVERS), self._signals.is_forced)
        (self._machine.var / STATE_FILE).unlink(missing_ok=True)
        end_leftovers(self._machine.var)
        return code


def own_servers(machine: Machine) -> list[Program]:
    """MongoDB, Redis and SeaweedFS, unless a setting names others."""
    environment, secrets, logs = machine.server_environment, machine.secrets, machine.logs
    made = []
    if ports := machine.own.get("mongodb"):
        data = machine.var / "mongodb"
        password = secrets["MONGODB_PASSWORD"]
        made.append(servers.mongodb(data, logs / "mongod.log", ports[0], password, environment, servers.Size()))
    if ports := machine.own.get("redis"):
        data = machine.var / "redis"
        made.append(servers.redis_server(data, logs / "redis.log", ports[0], secrets["REDIS_PASSWORD"], environment))
    if ports := machine.own.get("seaweedfs"):
        data = machine.var / "s3"
        keys = (secrets["S3_ACCESS_KEY"], secrets["S3_SECRET_KEY"])
        made.append(servers.seaweedfs(data, logs / "seaweedfs.log", ports, keys, environment, servers.Size()))
    return made
