"""What `dongting up` runs on this machine: settings, secrets, ports and folders, gathered before anything starts."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from dongting.child import MARK
from dongting.media_nodes import count_of
from dongting.ports import free_ports, free_row, is_free, ports_named_in
from dongting.servers import HOST, WEED_PORTS, mongodb_uri, redis_url, write_private

SETTINGS_FILE = "dongting.env"
SECRETS_FILE = "secrets.env"
PORTS_FILE = "ports.json"
LOCK_FILE = "up.lock"
SECRET_NAMES = (
    *("INTERNAL_SECRET", "PAYMENT_SANDBOX_SECRET", "MONGODB_PASSWORD", "REDIS_PASSWORD"),
    *("S3_ACCESS_KEY", "S3_SECRET_KEY"),
)
# The setting that says "use this server, start none of your own", by the server that is then not started.
REPLACED_BY = {"mongodb": "MONGODB_URI", "redis": "REDIS_URL", "seaweedfs": "S3_ENDPOINT"}
# Ports that browsers and operators meet; 0 means any free one.
PORT_DEFAULTS = {"SERVER_PORT": 8080, "MEDIA_HTTP_PORT": 8081, "MEDIA_UDP_PORT": 8189, "WORKER_METRICS_PORT": 8082}
SAID_NO = ("0", "false", "no", "off")


class AlreadyRunning(Exception):
    """Another `up` has this folder; the text says which."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One installation on one machine."""

    root: Path
    var: Path
    # Every setting of server, media and worker.
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    # Ports of the servers that we start ourselves; a server that is missing here is somebody else's.
    own: Mapping[str, tuple[int, ...]]
    with_demo: bool

    @property
    def logs(self) -> Path:
        """Where every process writes what it has to say."""
        return self.var / "log"

    @property
    def server_environment(self) -> dict[str, str]:
        """What MongoDB, Redis and SeaweedFS see: nothing of ours but the mark."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ") if name in os.environ}
        return {**kept, MARK: str(self.var)}

    @property
    def address(self) -> str:
        """What to type into a browser on this machine."""
        return self.environment.get("PUBLIC_URL") or f"http://localhost:{self.environment['SERVER_PORT']}"


def gather(root: Path, var: Path, *, with_demo: bool, environ: Mapping[str, str]) -> Machine:
    """Read or make everything; the environment wins over `dongting.env`, and that over what was generated.

    Raises:
        NoPorts: no port is free for a server.
    """
    var = var.resolve()
    in_file = {k: v for k, v in dotenv_values(root / SETTINGS_FILE, interpolate=False).items() if v is not None}
    chosen = {**in_file, **{name: value for name, value in environ.items() if value}}
    generated = load_secrets(var / SECRETS_FILE)
    ours = [server for server, setting in REPLACED_BY.items() if not chosen.get(setting)]
    own = load_ports(var / PORTS_FILE, ours, chosen)
    with_demo = with_demo and chosen.get("DEMO", "").lower() not in SAID_NO
    environment = {
        **_reached(own, generated),
        "INTERNAL_SECRET": generated["INTERNAL_SECRET"],
        "PAYMENT_SANDBOX_SECRET": generated["PAYMENT_SANDBOX_SECRET"],
        "PAYMENT_SANDBOX": str(with_demo).lower(),
        "SPOOL_FOLDER": str(var / "spool"),
        "WORKER_FOLDER": str(var / "work"),
        "UPLOAD_FOLDER": str(var / "uploads"),
        "WEB_FOLDER": str(root / "web" / "dist"),
        **{name: str(port) for name, port in PORT_DEFAULTS.items()},
        **chosen,
        MARK: str(var),
    }
    environment.update(_any_free_port_for_zero(environment, {port for ports in own.values() for port in ports}))
    environment.setdefault("AUTHORIZE_URL", f"http://{HOST}:{environment['SERVER_PORT']}/internal/publish")
    return Machine(root, var, environment, generated, own, with_demo)


def _reached(own: Mapping[str, tuple[int, ...]], generated: Mapping[str, str]) -> dict[str, str]:
    reached = {}
    if "mongodb" in own:
        reached["MONGODB_URI"] = mongodb_uri(own["mongodb"][0], generated["MONGODB_PASSWORD"])
    if "redis" in own:
        reached["REDIS_URL"] = redis_url(own["redis"][0], generated["REDIS_PASSWORD"])
    if "seaweedfs" in own:
        reached["S3_ENDPOINT"] = f"{HOST}:{own['seaweedfs'][0]}"
        reached["S3_ACCESS_KEY"] = generated["S3_ACCESS_KEY"]
        reached["S3_SECRET_KEY"] = generated["S3_SECRET_KEY"]
    return reached


def _any_free_port_for_zero(environment: Mapping[str, str], taken: set[int]) -> dict[str, str]:
    zeros = [name for name in PORT_DEFAULTS if environment[name] == "0"]
    taken = taken | ports_named_in(environment)
    found = {name: str(port) for name, port in zip(zeros, free_ports(len(zeros), taken, environment), strict=True)}
    several = count_of(environment)
    if several > 1 and "MEDIA_UDP_PORT" in found:
        found["MEDIA_UDP_PORT"] = str(free_row(several, taken | ports_named_in(found), environment))
    return found


def remembered(root: Path, var: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What processes of an installation see that may be running: nothing is made, and no port is tried."""
    var = var.resolve()
    in_file = {k: v for k, v in dotenv_values(root / SETTINGS_FILE, interpolate=False).items() if v is not None}
    secrets_known = {k: v for k, v in dotenv_values(var / SECRETS_FILE, interpolate=False).items() if v}
    try:
        ports = {name: tuple(map(int, ports)) for name, ports in json.loads((var / PORTS_FILE).read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        ports = {}
    own = ports if set(SECRET_NAMES) <= set(secrets_known) else {}
    return {
        **_reached(own, secrets_known),
        **{name: secrets_known[name] for name in SECRET_NAMES[:2] if name in secrets_known},
        **in_file,
        **{name: value for name, value in environ.items() if value},
    }


def load_secrets(path: Path) -> dict[str, str]:
    """The secrets of this installation; those that are missing are made and kept."""
    kept = {name: value for name, value in dotenv_values(path, interpolate=False).items() if value}
    missing = [name for name in SECRET_NAMES if name not in kept]
    if missing:
        kept.update({name: secrets.token_hex(24) for name in missing})
        text = "".join(f"{name}={value}\n" for name, value in kept.items())
        write_private(path, "# Made by `dongting up`; whoever reads them owns the data.\n" + text)
    return kept


def load_ports(path: Path, servers: list[str], environment: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """Ports for these servers: those of last time if they are free, else others that no setting names; remembered."""
    try:
        remembered = {name: tuple(map(int, ports)) for name, ports in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        remembered = {}
    counts = {"mongodb": 1, "redis": 1, "seaweedfs": len(WEED_PORTS)}
    ports = {}
    promised = {*ports_named_in(environment), *(port for known in remembered.values() for port in known)}
    for server in servers:
        before = remembered.get(server, ())
        usable = len(before) == counts[server] and all(is_free(port) for port in before)
        ports[server] = before if usable else free_ports(counts[server], promised, environment)
        promised.update(ports[server])
    write_private(path, json.dumps({**remembered, **ports}))
    return ports


def take_lock(var: Path) -> int:
    """Claim the folder for this process until it ends; answers the lock's file descriptor, to be kept open.

    Raises:
        AlreadyRunning: somebody has it.
    """
    var.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(var / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(lock, 100).decode(errors="replace").strip() or "unknown"
        os.close(lock)
        raise AlreadyRunning(
            f"Dongting is already running from {var} (pid {holder}); stop it with Ctrl-C there or `kill {holder}`"
        ) from None
    os.ftruncate(lock, 0)
    os.write(lock, f"{os.getpid()}\n".encode())
    return lock
