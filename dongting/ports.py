"""Finding out which ports of this machine are free, and who has one that is not."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

# Below the kernel's range for outgoing connections (32768…), so that a port found free is not handed out meanwhile.
FREE_PORTS = range(20_000, 32_000)
ATTEMPTS = 200
ANYWHERE = "0.0.0.0"  # noqa: S104 -- asked, not served


def is_free(port: int, host: str = "127.0.0.1", *, udp: bool = False) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            if not udp:
                probe.listen(1)
        except OSError:
            return False
    return True


def free_ports(count: int, taken: Collection[int] = ()) -> tuple[int, ...]:
    """That many different ports that are free for TCP and UDP, and none of `taken`.

    Raises:
        OSError: if the machine has too few.
    """
    found: list[int] = []
    for port in random.sample(FREE_PORTS, ATTEMPTS + count):
        if len(found) == count:
            return tuple(found)
        if port not in taken and is_free(port, ANYWHERE) and is_free(port, ANYWHERE, udp=True):
            found.append(port)
    raise OSError(f"fewer than {count} free ports between {FREE_PORTS.start} and {FREE_PORTS.stop}")


def ports_named_in(environment: Mapping[str, str]) -> set[int]:
    """The ports of its settings (`…_PORT`), whether somebody listens there yet or not."""
    said = {value for name, value in environment.items() if name.endswith("_PORT")}
    return {int(value) for value in said if value.isascii() and value.isdigit()}


def free_row(count: int, taken: Collection[int] = ()) -> int:
    """The first of that many ports in a row that are free for TCP and UDP, and none of `taken`.

    Raises:
        OSError: if there is no such row.
    """
    for first in random.sample(FREE_PORTS, ATTEMPTS):
        row = range(first, first + count)
        if all(p not in taken and is_free(p, ANYWHERE) and is_free(p, ANYWHERE, udp=True) for p in row):
            return first
    raise OSError(f"no {count} free ports in a row between {FREE_PORTS.start} and {FREE_PORTS.stop}")


def who_listens(port: int, *, udp: bool = False) -> str:
    """The process that has the port, as `name (pid 123)`; empty if it cannot be seen."""
    inodes = _socket_inodes(port, udp=udp)
    for folder in Path("/proc").iterdir() if inodes else ():
        if folder.name.isdigit() and _has_socket(folder, inodes):
            return f"{_name(folder)} (pid {folder.name})"
    return ""


def _socket_inodes(port: int, *, udp: bool) -> set[str]:
    inodes = set()
    for table in ("udp", "udp6") if udp else ("tcp", "tcp6"):
        try:
            lines = Path("/proc/net", table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            listens = udp or fields[3] == "0A"  # TCP_LISTEN
            if listens and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    return inodes


def _has_socket(folder: Path, inodes: set[str]) -> bool:
    try:
        return any(entry.readlink().name in inodes for entry in (folder / "fd").iterdir())
    except OSError:
        return False  # gone meanwhile, or another user's


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text().strip()
    except OSError:
        return "a process"
