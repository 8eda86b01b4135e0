"""What the relay needs around it: Redis, S3, the server's hook; and the media process itself, on its core."""

from __future__ import annotations

import os
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import urllib3
from aiohttp import web
from minio import Minio

from dongting.child import Child, NotReady, Program
from dongting.ports import free_ports
from dongting.processes import program_of
from tests.bench.relay_parts.process import LOAD_CORE, RELAY_CORE, on_core
from tests.harness.data_servers import SECRET, DataServers, Environment
from tests.harness.processes import ROOT

SLUG, KEY = "bench", "bench key"
Command = tuple[str, ...]
MEDIA: Command = (sys.executable, "-m", "media")
UNRECORDED: Command = (sys.executable, "-m", "tests.bench.relay_parts.unrecorded")
ANY_RATE = "1000000"  # all viewers have one address, and come at once
BUCKET = "bench"
ROOM_FOR_OTHERS = 200  # sessions beside the viewers: the publisher, and what the node keeps for publishers


@dataclass(frozen=True, slots=True)
class Media:
    """A media process that runs."""

    child: Child
    url: str
    pid: int  # of the process that forwards
    signalling_pid: int | None = None  # of another that answers HTTP, if it is not the same

    def check(self) -> None:
        """Raise what it said last if it is no longer there."""
        if not self.child.is_running():
            raise NotReady(f"the media process ended with {self.child.exit_code}: {self.child.last_words()}")

    def drops(self) -> dict[str, int]:
        """What it has thrown away so far, by reason, as its /metrics say."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        found = {}
        for line in lines:
            name, _, value = line.rpartition(" ")
            if "drop" in name and not line.startswith("#") and not name.endswith("_created") and float(value):
                found[name] = int(float(value))
        return found


class Stage:
    """The servers of the whole benchmark."""

    def __init__(self, folder: Path, servers: DataServers, hook_url: str) -> None:
        self.folder = folder
        self._servers = servers
        self._hook_url = hook_url
        self._runs = 0

    @contextmanager
    def media(self, viewers: int, command: Command = MEDIA) -> Iterator[Media]:
        """A fresh media process for so many viewers of one address; all else is as in production."""
        self._runs += 1
        folder = self.folder / f"media-{self._runs}"
        folder.mkdir()
        environment = self._environment(folder, viewers)
        program = program_of("media", ROOT, environment, folder / "media.log")
        child = Child(replace(program, command=command))
        try:
            with on_core(RELAY_CORE):
                child.start()
            child.wait_ready()
            assert child.pid is not None
            yield Media(child, f"http://127.0.0.1:{environment['MEDIA_HTTP_PORT']}", child.pid)
        finally:
            child.stop()

    def _environment(self, folder: Path, viewers: int) -> Environment:
        http, udp = free_ports(2)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            **self._servers.s3_environment(),
            "S3_BUCKET": BUCKET,
            "REDIS_URL": self._servers.redis_url(self._runs),
            "INTERNAL_SECRET": SECRET,
            "MEDIA_HOST": "127.0.0.1",
            "MEDIA_HTTP_PORT": str(http),
            "MEDIA_UDP_PORT": str(udp),
            "MEDIA_ANNOUNCED_ADDRESSES": "127.0.0.1",
            "AUTHORIZE_URL": self._hook_url,
            "SPOOL_FOLDER": str(folder / "spool"),
            "MAX_SESSIONS": str(viewers + ROOM_FOR_OTHERS),
            "CONNECTING_PER_ADDRESS": str(viewers + 1),
            "OPENS_PER_ADDRESS_PER_MINUTE": ANY_RATE,
            "CHANGES_PER_ADDRESS_PER_MINUTE": ANY_RATE,
        }

    def program(self, name: str, command: Command, log: Path) -> Program:
        """A program of the benchmark's own."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return Program(name, command, environment, log, ROOT, stop_seconds=5.0)


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    """Start the servers on the load's core; everything is killed at the end."""
    servers = DataServers(folder)
    runner = web.AppRunner(_hook(), access_log=None, shutdown_timeout=1.0)
    try:
        with on_core(LOAD_CORE):
            servers.need("redis", "s3")
        _make_bucket(servers.s3_environment())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield Stage(folder, servers, f"http://127.0.0.1:{runner.addresses[0][1]}/internal/publish")
    finally:
        await runner.cleanup()
        servers.close()


def _make_bucket(environment: Environment) -> None:
    """As the server does it; without a bucket the recorder would only fail."""
    client = Minio(
        endpoint=environment["S3_ENDPOINT"],
        access_key=environment["S3_ACCESS_KEY"],
        secret_key=environment["S3_SECRET_KEY"],
        secure=False,
        region="us-east-1",
        http_client=urllib3.PoolManager(timeout=20.0, retries=False),
    )
    client.make_bucket(bucket_name=BUCKET)


def _hook() -> web.Application:
    """The server's hook: our one key may publish into our one room."""

    async def authorize(request: web.Request) -> web.Response:
        body = await request.json()
        if (body.get("slug"), body.get("key")) != (SLUG, KEY):
            return web.json_response({"code": "key_wrong"}, status=403)
        return web.json_response({"room_id": "bench-room", "stream_id": f"bench-{os.urandom(6).hex()}", "title": ""})

    app = web.Application()
    app.router.add_post("/internal/publish", authorize)
    return app
