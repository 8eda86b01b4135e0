"""Finding out which ports of this machine are free, and who has one that is not."""

from __future__ import annotations

import os
import random
import re
import socket
from collections.abc import Collection, Mapping
from pathlib import Path

# The setting that says among which ports free ones are looked for.
SETTING = "FREE_PORTS"
# Below the kernel's range for outgoing connections (32768…), so that a port found free is not handed out meanwhile.
DEFAULT = "20000-31999"
ATTEMPTS = 200
ANYWHERE = "0.0.0.0"  # noqa: S104 -- asked, not served


class NoPorts(Exception):
    """There is no free port where we may look; the text says where that was, or what is wrong with `FREE_PORTS`."""


def ports_to_look_among(environment: Mapping[str, str]) -> range:
    """What `FREE_PORTS` names, first and last port.

    Raises:
        NoPorts: it names none.
    """
    said = environment.get(SETTING) or DEFAULT
    found = re.fullmatch(r"([0-9]{1,5})-([0-9]{1,5})", said)
    first, last = map(int, found.groups()) if found else (0, 0)
    if not 0 < first <= last < 65_536:
        raise NoPorts(f"{SETTING}={said} is no first and last port, such as {DEFAULT}")
    return range(first, last + 1)


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


def free_ports(
    count: int, taken: Collection[int] = (), environment: Mapping[str, str] = os.environ
) -> tuple[int, ...]:
    """That many different ports that are free for TCP and UDP, and none of `taken`.

    Raises:
        NoPorts: there are too few.
    """
    among = ports_to_look_among(environment)
    found: list[int] = []
    for port in random.sample(among, min(len(among), ATTEMPTS + count)):
        if len(found) == count:
            break
        if _is_free_for_all(port, taken):
            found.append(port)
    if len(found) < count:
        raise NoPorts(f"fewer than {count} free ports between {among[0]} and {among[-1]}")
    return tuple(found)


def ports_named_in(environment: Mapping[str, str]) -> set[int]:
    """The ports of its settings (`…_PORT`), whether somebody listens there yet or not."""
    said = {value for name, value in environment.items() if name.endswith("_PORT")}
    return {int(value) for value in said if value.isascii() and value.isdigit()}


def free_row(count: int, taken: Collection[int] = (), environment: Mapping[str, str] = os.environ) -> int:
    """The first of that many ports in a row that are free for TCP and UDP, and none of `taken`.

    Raises:
        NoPorts: there is no such row.
    """
    among = ports_to_look_among(environment)
    firsts = among[: len(among) - count + 1]
    for first in random.sample(firsts, min(len(firsts), ATTEMPTS)):
        if all(_is_free_for_all(port, taken) for port in range(first, first + count)):
            return first
    raise NoPorts(f"no {count} free ports in a row between {among[0]} and {among[-1]}")


def _is_free_for_all(port: int, taken: Collection[int]) -> bool:
    return port not in taken and is_free(port, ANYWHERE) and is_free(port, ANYWHERE, udp=True)


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
