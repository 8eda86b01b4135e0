"""The calling side of a session: this node as a WHEP client of another, on a UDP port of the session's own.

Two nodes may share many streams, and a peer is known by its address: so each copy has a port for itself.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from config.logs import logger
from config.tasks import Tasks
from media.answer import ChosenMedia
from media.cluster.neighbours import Neighbours
from media.cluster.offer import chosen_by, write_offer
from media.cluster.registry import NodeSeen
from media.dtls import Certificate
from media.glue import PacketMemory
from media.problems import unavailable
from media.rtp.counters import Counters
from media.rtp.path import Way
from media.sdp import BadSdp, Offer, parse_offer
from media.session import Session
from media.transport.demux import Demux
from media.transport.ice import Address, Credentials, IceLite
from media.transport.udp import UdpPort, UdpWay

log = logger(__name__)

FIRST_CHECK_SECONDS = 0.1  # between checks until one is answered
CHECK_SECONDS = 2.5  # RFC 7675: consent lasts 30 s and is asked for every few seconds
MOST_TARGETS = 6
SOCKET_BUFFER_BYTES = 4 << 20


class CallingSession(Session):
    """A session whose peer is ICE-lite: we check, and he answers."""

    def check(self, address: Address, way: Way) -> None:
        """Ask whether the peer is there, and tell him to send here."""
        username = f"{self._remote.ufrag}:{self.credentials.ufrag}"
        self._ice.ask(self, address, username, self._remote.pwd, way, is_controlling=True)

    def proven(self, address: Address, way: Way) -> None:
        """He answered: he is there, and consents."""
        self.consent_at = self.heard_at = time.monotonic()
        if self.path.address is None:
            self._ice.learn(self, address)
            self._move(address, way)


@dataclass(frozen=True, slots=True)
class Target:
    """Where the other node may be reached, and over which of our sockets."""

    address: Address
    way: Way


class Call:
    """One session with another node, from its answer on."""

    def __init__(
        self,
        session: CallingSession,
        chosen: tuple[ChosenMedia, ...],
        sockets: Sequence[socket.socket],
        port: UdpPort,
    ) -> None:
        self.session = session
        self.chosen = chosen
        self._sockets = sockets
        self._port = port

    async def run(self, node: NodeSeen, hosts: Sequence[str], connect_timeout_seconds: float) -> None:
        """Connect and stay until the end of the session."""
        self._port.start()
        try:
            targets = await self._targets(node, hosts)
            async with Tasks("call") as tasks:
                tasks.start("checks", self._check(targets))
                await self.session.run(connect_timeout_seconds)
        finally:
            self._port.close()

    async def _targets(self, node: NodeSeen, hosts: Sequence[str]) -> list[Target]:
        """The host that answered over HTTP first, then the candidates of its answer."""
        ways = {sock.family: UdpWay(sock) for sock in self._sockets}
        loop = asyncio.get_running_loop()
        found: list[Target] = []
        for host in hosts:
            try:
                seen = await loop.getaddrinfo(host, node.udp_port, type=socket.SOCK_DGRAM)
            except OSError:
                continue
            for family, _, _, _, address in seen:
                target = Target(address, ways[family]) if family in ways else None
                if target is not None and target not in found:
                    found.append(target)
        return found[:MOST_TARGETS]

    async def _check(self, targets: Sequence[Target]) -> None:
        place = 0
        while targets:
            current = next((t for t in targets if t.address == self.session.path.address), None)
            target = current or targets[place % len(targets)]
            place += 1
            self.session.check(target.address, target.way)
            await asyncio.sleep(FIRST_CHECK_SECONDS if current is None else CHECK_SECONDS)


class Caller:
    """Opens calls."""

    def __init__(
        self, certificate: Certificate, memory: PacketMemory, counters: Counters, neighbours: Neighbours
    ) -> None:
        self._certificate = certificate
        self._memory = memory
        self._counters = counters
        self._neighbours = neighbours

    async def call(self, node: NodeSeen, slug: str, kinds: frozenset[str]) -> tuple[Call, list[str]]:
        """Offer to play a stream of another node; answers the call, to be run, and the hosts to try.

        Raises:
            Refused: the node is not there.
            Problem: it does not give a copy.
        """
        credentials = Credentials.make()
        copy = await self._neighbours.ask_for_copy(
            node, slug, write_offer(credentials, self._certificate.fingerprint)
        )
        try:
            answer = parse_offer(copy.answer)
        except BadSdp as error:
            raise unavailable("the node with the publisher answers with no SDP") from error
        hosts = [urlsplit(node.internal_url).hostname or "", *_candidate_hosts(copy.answer)]
        return self._open(answer, credentials, chosen_by(answer, kinds)), hosts

    def _open(self, answer: Offer, credentials: Credentials, chosen: tuple[ChosenMedia, ...]) -> Call:
        ice = IceLite(self._counters)
        session = CallingSession(
            f"copy.{credentials.ufrag}",
            answer,
            self._certificate,
            ice,
            self._memory,
            self._counters,
            credentials=credentials,
        )
        sockets = list(_open_sockets())
        port = UdpPort(sockets, Demux(ice, self._counters), self._counters)
        return Call(session, chosen, sockets, port)


def _candidate_hosts(answer: str) -> list[str]:
    """The addresses of UDP candidates, in order."""
    hosts = []
    for line in answer.splitlines():
        words = line.split()
        if line.startswith("a=candidate:") and len(words) > 5 and words[2].lower() == "udp" and words[4] not in hosts:
            hosts.append(words[4])
    return hosts


def _open_sockets() -> list[socket.socket]:
    found = []
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 -- answers come here
        try:
            sock = socket.socket(family, socket.SOCK_DGRAM)
        except OSError:
            continue  # a machine without IPv6
        try:
            sock.setblocking(False)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
            sock.bind((host, 0))
        except OSError:
            sock.close()
            continue
        found.append(sock)
    return found
