"""Several media processes on one machine: a name, ports and a spool folder for each, one HTTP port for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dongting.ports import free_ports, ports_named_in

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class MediaNode:
    """One media process: how it is called here, and its settings."""

    name: str
    environment: Mapping[str, str]


def count_of(environment: Mapping[str, str]) -> int:
    """How many there shall be; what is no number is told of when the settings are read."""
    said = environment.get("MEDIA_PROCESSES", "")
    return max(1, int(said)) if said.isascii() and said.isdigit() else 1


def udp_ports(environment: Mapping[str, str]) -> range:
    """The ports of all of them for WebRTC."""
    first = int(environment["MEDIA_UDP_PORT"])
    return range(first, first + count_of(environment))


def media_nodes(environment: Mapping[str, str]) -> list[MediaNode]:
    """All of them. A single one is as the settings say."""
    count = count_of(environment)
    if count == 1:
        return [MediaNode("media", environment)]
    prefix = environment.get("NODE_ID") or "media"
    spool = environment.get("SPOOL_FOLDER") or "var/spool"
    nodes = []
    for number, udp, own in zip(range(1, count + 1), udp_ports(environment), _own_ports(environment), strict=True):
        settings = {
            "NODE_ID": f"{prefix}-{number}",
            "MEDIA_UDP_PORT": str(udp),
            "MEDIA_INTERNAL_PORT": str(own),
            "MEDIA_INTERNAL_URL": f"http://{_host(environment)}:{own}",
            "SPOOL_FOLDER": spool_folder(spool, number),
        }
        nodes.append(MediaNode(f"media-{number}", {**environment, **settings}))
    return nodes


def _own_ports(environment: Mapping[str, str]) -> Sequence[int]:
    """For each its own HTTP port, on which the others and Prometheus ask it."""
    count = count_of(environment)
    first = int(environment.get("MEDIA_INTERNAL_PORT") or 0)
    if first:
        return range(first, first + count)
    return free_ports(count, {*udp_ports(environment), *ports_named_in(environment)}, environment)


def _host(environment: Mapping[str, str]) -> str:
    host = environment.get("MEDIA_HOST", "")
    return HOST if host in ("", "0.0.0.0", "::") else host  # noqa: S104 -- recognised, not served


def spool_folder(first: str, number: int) -> str:
    """The first one has the folder of the settings, so that one process finds what several left, and they its."""
    return first if number == 1 else f"{first}-{number}"


def bring_takes_home(environment: Mapping[str, str]) -> int:
    """Unfinished takes of processes that are no longer started go to the first one's spool; answers how many.

    Only while none of them runs.
    """
    spool = Path(environment.get("SPOOL_FOLDER") or "var/spool")
    kept = {Path(spool_folder(str(spool), number)).name for number in range(1, count_of(environment) + 1)}
    moved = 0
    for folder in sorted(spool.parent.glob(f"{spool.name}-[0-9]*")):
        if folder.name in kept or not folder.is_dir():
            continue
        for take in sorted(path for path in folder.iterdir() if path.is_dir()):
            home = spool / take.name
            spool.mkdir(parents=True, exist_ok=True)
            # Two nodes may have recorded parts of one stream; a take knows its stream, whatever its folder's name.
            take.rename(home if not home.exists() else spool / f"{take.name}.{folder.name}")
            moved += 1
        if not any(folder.iterdir()):
            folder.rmdir()
    return moved
