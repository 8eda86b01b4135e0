"""MongoDB, Redis and SeaweedFS for one test session: each started when first needed, all that are needed at once."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pymongo import MongoClient
from pymongo.database import Database
from redis import Redis

from dongting.child import Child, Program
from dongting.ports import SETTING, free_ports, free_row
from dongting.servers import SMALL, WEED_PORTS, Size, mongodb, mongodb_uri, redis_server, redis_url, seaweedfs
from dongting.supervisor import how_it_ended

Name = Literal["mongodb", "redis", "s3"]
Environment = dict[str, str]
Document = dict[str, Any]

PASSWORD = "only-for-tests"
KEYS = ("testaccess", "testsecretkey")
REDIS_DATABASES = 4096
MOST_NODES = 3  # media processes of one installation, whose UDP ports are in a row
SECRET = "a secret of thirty-two characters or more, only for tests"
LINES_TOLD = 40
ANSWER_SECONDS = 30


class DataServers:
    """Starts what is asked for and remembers it; `close` kills it all, for nobody wants the data.

    `say` hears of servers that have fallen.
    """

    def __init__(self, folder: Path, size: Size = SMALL, say: Callable[[str], None] | None = None) -> None:
        self._folder = folder
        self._size = size
        self._say = say or _to_stderr
        self._children: dict[Name, Child] = {}
        self._ready: set[Name] = set()
        self._client: MongoClient[Document] | None = None
        self._numbers = itertools.count(1)
        self._empty: list[str] = []  # databases that somebody was done with
        self._mongodb_port, self._redis_port, *weed = free_ports(2 + len(WEED_PORTS))
        self._weed_ports = tuple(weed)
        self._base = {
            # Whoever looks for ports in its name stays among those of this process.
            **{name: os.environ[name] for name in (SETTING,) if name in os.environ},
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LC_ALL": "C.UTF-8",
            "SSL_CERT_FILE": os.devnull,  # nobody asks outside, and to read the machine's takes each start 0.08 s
        }

    def need(self, *names: Name) -> None:
        """Return when these are running and ready; one that has fallen is started again, and that is said aloud."""
        makers: dict[Name, Callable[[], Program]] = {
            "mongodb": self._mongodb,
            "redis": self._redis,
            "s3": self._seaweedfs,
        }
        for name in names:
            if name not in self._children:
                self._begin(name, Child(makers[name]()))
            elif not self._children[name].is_running() and not self._children[name].was_told_to_end:
                self._say(_how_it_fell(self._children[name]))
                self._begin(name, self._children[name])
        for name in names:
            if name not in self._ready:
                self._children[name].wait_ready()
                self._ready.add(name)

    def _begin(self, name: Name, child: Child) -> None:
        self._ready.discard(name)
        self._children[name] = child
        child.start()

    def child(self, name: Name) -> Child:
        """The process itself, for tests that kill it; they start it again and wait until it is ready."""
        self.need(name)
        return self._children[name]

    @property
    def mongodb_uri(self) -> str:
        """Where MongoDB is."""
        self.need("mongodb")
        return mongodb_uri(self._mongodb_port, PASSWORD)

    def redis_url(self, database: int = 0) -> str:
        """Where Redis is."""
        self.need("redis")
        return redis_url(self._redis_port, PASSWORD, database)

    def s3_environment(self) -> Environment:
        """Where S3 is, as settings."""
        self.need("s3")
        return {
            "S3_ENDPOINT": f"127.0.0.1:{self._weed_ports[0]}",
            "S3_ACCESS_KEY": KEYS[0],
            "S3_SECRET_KEY": KEYS[1],
        }

    def new_environment(self, folder: Path) -> Environment:
        """Settings of a whole installation of its own: database, bucket, Redis database, ports, folders.

        A server that a test has killed and not started again, because it failed, is started again.
        """
        for name, child in self._children.items():
            if child.was_told_to_end and not child.is_running():
                self._begin(name, child)
        self.need("mongodb", "redis", "s3")
        number = next(self._numbers)
        database = self._empty.pop() if self._empty else f"test_{number}"
        udp = free_row(MOST_NODES)
        http, media, metrics = free_ports(3, range(udp, udp + MOST_NODES))
        return {
            **self._base,
            **self.s3_environment(),
            "MONGODB_URI": self.mongodb_uri,
            "MONGODB_DATABASE": database,
            "REDIS_URL": self.redis_url(number % REDIS_DATABASES),
            "S3_BUCKET": f"test-{number}",
            "INTERNAL_SECRET": SECRET,
            "PAYMENT_SANDBOX": "true",
            "PAYMENT_SANDBOX_SECRET": SECRET[::-1],
            "SERVER_HOST": "127.0.0.1",
            "SERVER_PORT": str(http),
            "MEDIA_HOST": "127.0.0.1",
            "MEDIA_HTTP_PORT": str(media),
            "MEDIA_UDP_PORT": str(udp),
            "MEDIA_ANNOUNCED_ADDRESSES": "127.0.0.1",
            "AUTHORIZE_URL": f"http://127.0.0.1:{http}/internal/publish",
            "WORKER_METRICS_PORT": str(metrics),
            "SPOOL_FOLDER": str(folder / "spool"),
            "WORKER_FOLDER": str(folder / "work"),
            "UPLOAD_FOLDER": str(folder / "uploads"),
            "LOG_LEVEL": "debug",
        }

    def forget(self, environment: Environment) -> None:
        """Delete what a test wrote to MongoDB and Redis; the objects go with the folder.

        The next one finds the collections empty and their indexes made, which takes a server most of its start.
        """
        if self._client is None:
            self._client = MongoClient(self.mongodb_uri, socketTimeoutMS=1000 * ANSWER_SECONDS)
        database = self._client[environment["MONGODB_DATABASE"]]
        for name in _with_something(database):
            database[name].delete_many({})
        self._empty.append(environment["MONGODB_DATABASE"])
        with Redis.from_url(environment["REDIS_URL"], socket_timeout=ANSWER_SECONDS) as redis:
            redis.flushdb()

    def close(self) -> None:
        """Kill them."""
        if self._client is not None:
            self._client.close()
            self._client = None
        for child in self._children.values():
            child.kill()
        self._children.clear()
        self._ready.clear()

    def _mongodb(self) -> Program:
        log = self._folder / "mongod.log"
        return mongodb(self._folder / "mongodb", log, self._mongodb_port, PASSWORD, self._base, self._size)

    def _redis(self) -> Program:
        log = self._folder / "redis.log"
        data = self._folder / "redis"
        return redis_server(data, log, self._redis_port, PASSWORD, self._base, databases=REDIS_DATABASES)

    def _seaweedfs(self) -> Program:
        log = self._folder / "seaweedfs.log"
        return seaweedfs(self._folder / "s3", log, self._weed_ports, KEYS, self._base, self._size)


def _with_something(database: Database[Document]) -> list[str]:
    """Which collections are not empty, asked at once."""

    def ask(name: str) -> list[Document]:
        return [{"$limit": 1}, {"$project": {"_id": 0, "name": {"$literal": name}}}]

    names = database.list_collection_names()
    if not names:
        return []
    first, *others = names
    unions = ({"$unionWith": {"coll": name, "pipeline": ask(name)}} for name in others)
    return [found["name"] for found in database[first].aggregate([*ask(first), *unions])]


def _how_it_fell(child: Child) -> str:
    lines = "\n  ".join(child.last_lines(LINES_TOLD)) or "nothing"
    return f"{child.program.name} {how_it_ended(child.exit_code)} though no test wanted it; it had said:\n  {lines}"


def _to_stderr(text: str) -> None:
    sys.stderr.write(f"{text}\n")
