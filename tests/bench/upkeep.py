"""What a viewer's STUN check and his RTCP report cost the node: CPU of its thread, from a real socket to the answer.

    .venv/bin/python -m tests.bench.upkeep --viewers 200 --rounds 20

Viewers are connected by real ICE, DTLS and SRTP. In each round each of them sends one datagram: all together, so that
the node goes from one to the next, and one by one, each after other work has used the caches, as between two frames.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import socket
import statistics
import struct
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import structlog
import uvloop
from aioice import stun as reference
from rich.console import Console
from rich.table import Table

from media.glue import PacketMemory, srtcp_protect
from media.rtp import feedback
from media.rtp.counters import COUNTED
from media.transport import stun
from media.transport.udp import UdpPort, UdpWay
from media.viewer import Viewer
from tests.unit.media.arena import Arena, Peer

CACHE_BYTES = 8 << 20  # written between two datagrams: more than a core has for itself
BUFFER_BYTES = 4 << 20
TAKE_SECONDS = 5.0  # for what was sent to be taken


@dataclass(frozen=True, slots=True)
class Browser:
    """One who watches, as far as he speaks."""

    peer: Peer
    viewer: Viewer
    socket: socket.socket

    def check(self, number: int) -> bytes:
        """A consent check."""
        credentials = self.peer.session.credentials
        request = reference.Message(reference.Method.BINDING, reference.Class.REQUEST)
        request.attributes["USERNAME"] = f"{credentials.ufrag}:{self.peer.offer.ice_ufrag}"
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.attributes["PRIORITY"] = 1_845_501_695
        request.add_message_integrity(credentials.pwd.encode())
        return bytes(request)

    def report(self, number: int) -> bytes:
        """A receiver report about sound and pictures, with REMB."""
        assert self.peer.keys is not None
        ssrcs = [placed.lane.ssrc for placed in self.viewer.placed]
        blocks = [feedback.ReportBlock(ssrc, 0, 0, 65_536 + 200 * number, 40, 0, 0) for ssrc in ssrcs]
        packet = feedback.receiver_report(1, blocks) + feedback.bandwidth(1, 5_000_000, ssrcs)
        memory = PacketMemory()
        memory.view[: len(packet)], memory.length[0] = packet, len(packet)
        srtcp_protect(self.peer.keys.outbound, memory.cdata, memory.length)
        return bytes(memory.view[: memory.length[0]])


INDICATION = struct.pack("!HHI12s", 0x0011, 0, stun.COOKIE, bytes(12))
NOTHING, CHECK, REPORT = "nothing (a STUN indication)", "STUN check", "RTCP report"
KINDS: dict[str, Callable[[Browser, int], bytes]] = {
    NOTHING: lambda browser, number: INDICATION,
    CHECK: Browser.check,
    REPORT: Browser.report,
}
ANSWERED = stun.RESPONSE.to_bytes(2, "big")


class Lost(Exception):
    """A datagram was not taken, or not for what it was."""


class Node:
    """A port that this event loop reads, and who watches."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._arena = Arena()
        self._socket = self._open()
        self._port = UdpPort([self._socket], self._arena.demux, self._arena.counters)
        self._rubbish = np.zeros(CACHE_BYTES, np.uint8)
        self.browsers: list[Browser] = []

    def _open(self) -> socket.socket:
        sock = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        sock.bind(("127.0.0.1", 0))
        return sock

    async def open(self, viewers: int) -> None:
        """Let so many viewers in; from now on they speak from sockets of their own."""
        self._port.start()
        way = UdpWay(self._socket)
        await self._arena.publisher()
        for _ in range(viewers):
            known = set(self._arena.stream.viewers)
            peer = await self._arena.viewer()
            (viewer,) = self._arena.stream.viewers - known
            sock = self._open()
            sock.connect(self._socket.getsockname())
            self._arena.ice.learn(peer.session, sock.getsockname())
            peer.session.path.move(sock.getsockname(), way)
            self.browsers.append(Browser(peer, viewer, sock))

    async def close(self) -> None:
        """End all sessions."""
        self._port.close()
        await self._arena.close()

    async def cost_together(self, kind: str, number: int) -> float:
        """Microseconds of a datagram when all have sent one."""
        return await self._take(self.browsers, kind, number)

    async def costs_apart(self, kind: str, number: int) -> list[float]:
        """The same for each, alone and with cold caches."""
        costs = []
        for browser in self.browsers:
            self._rubbish += 1
            costs.append(await self._take([browser], kind, number))
        return costs

    async def _take(self, browsers: Sequence[Browser], kind: str, number: int) -> float:
        """Have each of them send, and the event loop read; microseconds of this thread for each datagram."""
        counters = self._arena.counters
        datagrams = [KINDS[kind](browser, number) for browser in browsers]
        for browser, datagram in zip(browsers, datagrams, strict=True):
            browser.socket.send(datagram)
        awaited, end = counters.bytes_in + sum(map(len, datagrams)), time.monotonic() + TAKE_SECONDS
        began = time.thread_time_ns()
        while counters.bytes_in < awaited and time.monotonic() < end:  # noqa: ASYNC110 -- a port tells nobody
            await asyncio.sleep(0)
        spent = time.thread_time_ns() - began
        dropped = {
            name: getattr(counters, name)
            for name in COUNTED
            if name.startswith("dropped") and getattr(counters, name)
        }
        if counters.bytes_in != awaited or dropped:
            raise Lost(f"of {len(datagrams)} of one {kind} each not all were taken: {dropped}")
        if kind == CHECK and any(browser.socket.recv(2048)[:2] != ANSWERED for browser in browsers):
            raise Lost("a check was not answered")
        return spent / 1000 / len(datagrams)


async def measure(viewers: int, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of all rounds, kind by kind; the first round is thrown away."""
    with ExitStack() as stack:
        node = Node(stack)
        try:
            await node.open(viewers)
            together: dict[str, list[float]] = {kind: [] for kind in KINDS}
            apart: dict[str, list[float]] = {kind: [] for kind in KINDS}
            for number in range(rounds + 1):
                for kind in KINDS:
                    together[kind].append(await node.cost_together(kind, number))
                    apart[kind].append(statistics.median(await node.costs_apart(kind, number)))
            return {
                kind: {"together_us": _middle(together[kind]), "apart_us": _middle(apart[kind])} for kind in KINDS
            }
        finally:
            await node.close()


def _middle(costs: Sequence[float]) -> float:
    return round(statistics.median(costs[1:]), 1)


def main(arguments: Sequence[str]) -> int:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(prog="tests.bench.upkeep", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20)
    read = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    costs = uvloop.run(measure(read.viewers, read.rounds))
    shown = Table("", "together, µs", "apart, µs")
    for kind, cost in costs.items():
        shown.add_row(kind, str(cost["together_us"]), str(cost["apart_us"]))
    console = Console()
    console.print(shown)
    console.print_json(json.dumps({"viewers": read.viewers, "rounds": read.rounds, "costs": costs}), indent=None)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
