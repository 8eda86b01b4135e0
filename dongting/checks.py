"""What must hold before anything is started; each fault is one line that says what to do."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from config.settings import MediaSettings, ServerSettings, SettingsError, SharedSettings, WorkerSettings, load
from dongting.machine import PORT_DEFAULTS, REPLACED_BY, SETTINGS_FILE, Machine
from dongting.media_nodes import udp_ports
from dongting.ports import ANYWHERE, is_free, who_listens
from dongting.servers import mongod_binary, mongod_libraries, redis_binary

MISSING_LIBRARY = "error while loading shared libraries: "
PACKAGES = {"libcurl": "libcurl4", "libssl": "libssl3", "libcrypto": "libssl3", "liblzma": "liblzma5"}


class CannotStart(Exception):
    """Something is missing or in the way; the text is one line that says what to do."""


def check(machine: Machine) -> None:
    """Raise CannotStart at the first thing that will not work."""
    for question in (_platform, _libraries, _settings, _ports):
        question(machine)


def _platform(machine: Machine) -> None:
    here = f"{platform.system()} {platform.machine()}"
    if machine.own and here not in ("Linux x86_64", "Linux AMD64"):
        names = ", ".join(REPLACED_BY[server] for server in machine.own)
        raise CannotStart(
            f"the bundled servers are for Linux x86-64, this is {here}: set {names} to servers of your own"
        )


def _libraries(machine: Machine) -> None:
    if "mongodb" in machine.own:
        _runs(mongod_binary(), REPLACED_BY["mongodb"], mongod_libraries(machine.var))
    if "redis" in machine.own:
        _runs(redis_binary(), REPLACED_BY["redis"], {})


def _runs(binary: Path, setting: str, libraries: Mapping[str, str]) -> None:
    """Start it only to say its version: the loader's own words name what is missing."""
    environment = {**os.environ, **libraries}
    command = [str(binary), "--version"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    if MISSING_LIBRARY in done.stderr:
        library = done.stderr.split(MISSING_LIBRARY, 1)[1].split(":", 1)[0]
        package = PACKAGES.get(library.split(".")[0].split("-")[0], library)
        raise CannotStart(f"{binary.name} needs {library}: `apt-get install {package}`, or set {setting}")
    if done.returncode == -signal.SIGILL:
        raise CannotStart(f"{binary.name} needs a processor with AVX, which this one lacks: set {setting}")
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise CannotStart(
            f"{binary.name} does not run here ({words[-1] if words else done.returncode}): set {setting}"
        )


def _settings(machine: Machine) -> None:
    os.environ.update(machine.environment)
    kinds: tuple[type[SharedSettings], ...] = (ServerSettings, MediaSettings, WorkerSettings)
    for kind in kinds:
        try:
            load(kind)
        except SettingsError as error:
            raise CannotStart(f"{error}\n  (from the environment or {machine.root / SETTINGS_FILE})") from None


def _wanted(machine: Machine) -> Iterator[tuple[str, int, int]]:
    """Each port with its setting and that one's default; media processes have UDP ports in a row."""
    for setting, default in PORT_DEFAULTS.items():
        several = udp_ports(machine.environment) if setting == "MEDIA_UDP_PORT" else ()
        yield from ((setting, default, port) for port in several or (int(machine.environment[setting]),))


def _ports(machine: Machine) -> None:
    taken: dict[int, str] = {}
    for setting, default, port in _wanted(machine):
        host = machine.environment.get("MEDIA_HOST" if "MEDIA" in setting else "SERVER_HOST") or ANYWHERE
        if port in taken:
            raise CannotStart(f"{setting} and {taken[port]} are both {port}: change one in {SETTINGS_FILE}")
        taken[port] = setting
        for udp in (True, False) if setting == "MEDIA_UDP_PORT" else (False,):  # TCP too, where UDP is blocked
            if not is_free(port, host, udp=udp):
                kind = "UDP port" if udp else "port"
                who = who_listens(port, udp=udp)
                by = f" by {who}" if who else ""
                raise CannotStart(
                    f"{kind} {port} is in use{by}: stop that, or set {setting}={default + 1000} in {SETTINGS_FILE}"
                )
