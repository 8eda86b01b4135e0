"""What the chat benchmark runs: the real server with its room, and the plain one, each on its core."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from config.settings import ServerSettings
from dongting.child import Child, Program
from dongting.ports import free_ports
from dongting.processes import program_of
from server.accounts.model import Role
from server.infra.mongo import open_mongo
from server.wiring import open_services
from tests.bench.orders_parts.stage import sign_in
from tests.bench.relay_parts.process import LOAD_CORE, RELAY_CORE, on_core
from tests.harness.data_servers import DataServers, Environment
from tests.harness.processes import ROOT

SLUG = "bench"
PASSWORD = "a long password"
SPEAKERS = 50  # each may say 20 messages in 10 seconds


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs on its core."""

    pid: int
    port: int

    def kill(self) -> None:
        """As a machine dies: without a word."""
        os.kill(self.pid, signal.SIGKILL)


class Stage:
    """The servers of one benchmark; each run of a server is a fresh process."""

    def __init__(
        self,
        folder: Path,
        servers: DataServers,
        environment: Environment,
        cookies: list[str],
        settings: ServerSettings,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._servers = servers
        self._environment = environment
        self._runs = 0
        self.cookies = cookies

    async def sign_in(self, count: int) -> list[str]:
        """So many more people who are signed in; answers their cookies."""
        async with open_mongo(self._settings) as database:
            return await sign_in(database, count)

    @contextmanager
    def ours(self, wrapper: tuple[str, ...] = ()) -> Iterator[Running]:
        """The real server. `wrapper`: a program that runs it, as a profiler does."""
        (port,) = free_ports(1)
        environment = {**self._environment, "SERVER_PORT": str(port)}
        program = program_of("server", ROOT, environment, self._log("server"))
        with self._running(replace(program, command=(*wrapper, *program.command))) as pid:
            yield Running(pid, port)

    @contextmanager
    def plain(self, gather_seconds: float) -> Iterator[Running]:
        """The library's own room emit."""
        (port,) = free_ports(1)
        arguments = (str(port), self._environment["REDIS_URL"], str(gather_seconds))
        asked = program_of("server", ROOT, {**self._environment, "SERVER_PORT": str(port)}, self._log("plain"))
        program: Program = replace(
            asked, command=(sys.executable, "-m", "tests.bench.chat_parts.plain", *arguments), stop_seconds=3.0
        )
        with self._running(program) as pid:
            yield Running(pid, port)

    @contextmanager
    def _running(self, program: Program) -> Iterator[int]:
        child = Child(program)
        try:
            with on_core(RELAY_CORE):
                child.start()
            child.wait_ready()
            assert child.pid is not None
            yield child.pid
        finally:
            child.kill()  # nobody waits for thousands of pages to be told

    def _log(self, name: str) -> Path:
        self._runs += 1
        return self._folder / f"{name}-{self._runs}.log"


@asynccontextmanager
async def open_stage(folder: Path, changes: Environment | None = None) -> AsyncIterator[Stage]:
    """Databases on the load's core, a room, and people who are signed in; everything is killed at the end.

    `changes`: settings that are to be otherwise.
    """
    servers = DataServers(folder)
    try:
        with on_core(LOAD_CORE):
            environment = servers.new_environment(folder)
        environment |= {
            "PATH": os.environ["PATH"],
            "LOG_LEVEL": "warning",
            "TRUSTED_PROXY_HOPS": "1",
            **(changes or {}),
        }
        settings = ServerSettings.model_validate({name.lower(): value for name, value in environment.items()})
        async with open_services(settings, with_sockets=False) as services:
            roles = frozenset({Role.VIEWER, Role.HOST})
            host = await services.accounts.register("zhanghong", PASSWORD, "张红", None, roles=roles)
            merchant = await services.catalog.add_merchant("华容果业合作社", "")
            await services.rooms.open(host, SLUG, "冰糖橙开园", merchant.id)
            cookies = []
            for number in range(SPEAKERS):
                name = f"lin{number:03}"
                user = await services.accounts.register(name, PASSWORD, f"张红的邻居{number}", None)
                cookies.append(await services.accounts.open_session(user))
        yield Stage(folder, servers, environment, cookies, settings)
    finally:
        servers.close()
