"""A network of a test's own: a namespace with a way to this machine, over addresses of nobody's, and to no other."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Network
from typing import Any

CLONE_NEWNET = 0x4000_0000
BENCHMARKING = IPv4Network("198.18.0.0/15")  # RFC 2544: never routed, so that it is nobody's
PAIR_BITS = 30
TRIES = 5
COMMAND_SECONDS = 10.0


class NoNamespace(Exception):
    """This machine does not let us make one; the text says why."""


class Namespace:
    """What is at its two ends."""

    def __init__(self, outside: str, inside: str, path: str, thread: ThreadPoolExecutor) -> None:
        self.outside = outside  # this machine's address, as seen from within
        self.inside = inside
        self._path = path
        self._thread = thread

    def command(self, *words: str) -> tuple[str, ...]:
        """What to run instead, so that it runs within and dies with us. It keeps its process id."""
        return ("setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={self._path}", *words)

    def socket(self, about: tuple[Any, ...]) -> socket.socket:
        """A socket that connects within (aiohttp's `socket_factory`): it stays where the thread was that made it."""
        return self._thread.submit(socket.socket, *about[:3]).result()


@contextmanager
def network_namespace() -> Iterator[Namespace]:
    """One with a way to this machine and none to any other; raises NoNamespace.

    A thread of ours lives in it and it has no name, so the kernel removes it and its link, however we end.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NoNamespace("only root on Linux can make a network namespace")
    if missing := [name for name in ("ip", "nsenter", "setpriv") if shutil.which(name) is None]:
        raise NoNamespace(f"no `{missing[0]}` on this machine (Debian: iproute2, util-linux)")
    with ThreadPoolExecutor(1, "namespace") as thread:
        thread.submit(_leave_for_a_new_one).result()
        path = f"/proc/{os.getpid()}/task/{thread.submit(threading.get_native_id).result()}/ns/net"
        name, outside, inside = _link(path)
        try:
            _ip("address", "add", f"{outside}/{PAIR_BITS}", "dev", name)
            _ip("link", "set", name, "up")
            # What the thread starts is where the thread is.
            thread.submit(_ip, "address", "add", f"{inside}/{PAIR_BITS}", "dev", name).result()
            for each in ("lo", name):
                thread.submit(_ip, "link", "set", each, "up").result()
            yield Namespace(outside, inside, path, thread)
        finally:
            _ip("link", "delete", name)


def _leave_for_a_new_one() -> None:
    """Take the calling thread, and it alone, out of the machine's network (`os.unshare` comes with Python 3.12)."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise NoNamespace(f"unshare: {os.strerror(ctypes.get_errno())}")


def _link(path: str) -> tuple[str, str, str]:
    """A pair of interfaces, one here and one there: their name and addresses. The name claims the addresses."""
    problem = None
    for _ in range(TRIES):
        first = random.randrange(0, BENCHMARKING.num_addresses, 1 << (32 - PAIR_BITS))
        name = f"dongting{first}"
        try:
            _ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", path)
        except NoNamespace as error:
            problem = error
        else:
            return name, str(BENCHMARKING[first + 1]), str(BENCHMARKING[first + 2])
    raise problem or NoNamespace("no free addresses")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if done.returncode != 0:
        raise NoNamespace(f"`ip {' '.join(words)}`: {done.stderr.strip()}")
