"""A node's transport and one stream with real sessions, without a network: datagrams are handed over in memory.

The peers do real ICE checks, DTLS and SRTP, so that what they send gets as far as it would from outside.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field, replace
from typing import Any

from config.settings import MediaSettings
from config.tasks import Tasks
from media.answer import choose_for_publisher, choose_for_viewer
from media.cluster.silent import NoRecorder, say_nothing
from media.dtls import Certificate, Dtls
from media.glue import SRTP_OK, PacketMemory, SrtpKeys, srtcp_protect, srtcp_unprotect, srtp_protect, srtp_unprotect
from media.publisher import Publisher
from media.rtp.counters import Counters
from media.rtp.packet import RtpPacket, parse_rtp
from media.sdp import Offer, parse_offer
from media.session import Session
from media.stream import Stream, StreamContext, StreamEnding
from media.transport import stun
from media.transport.demux import Demux
from media.transport.ice import Address, IceLite
from media.viewer import Viewer
from tests.unit.media.conditions import WAIT_SECONDS, until
from tests.unit.media.offers import CHROMIUM, CHROMIUM_PLAYS
from tests.unit.media.tracks import make_fanout

CERTIFICATE = Certificate()  # of all peers: they are told apart by address
CONNECT_SECONDS = 60.0
SESSIONS = itertools.count(1)


@dataclass(eq=False)
class Peer:
    """A browser: the way to it, and what it has got."""

    arena: Arena
    session: Session
    offer: Offer
    address: Address
    fd: int = -1
    family: int = 0
    keys: SrtpKeys | None = None
    is_down: bool = False
    got: list[RtpPacket] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)  # RTCP
    memory: PacketMemory = field(default_factory=PacketMemory)

    def __post_init__(self) -> None:
        own = [("sha-256", self.arena.certificate.fingerprint)]
        # Who offers to be passive (FFmpeg) waits for our hello.
        self.dtls = Dtls(CERTIFICATE, self.offer.setup != "passive", own, self.send, self)

    async def connect(self) -> None:
        """Show the password, shake hands."""
        self.dtls.start()
        self.check()
        await until(lambda: self.session.is_connected and self.keys, "a connection")

    def check(self, pwd: str = "") -> None:
        """An ICE check."""
        credentials = self.session.credentials
        name = f"{credentials.ufrag}:{self.offer.ice_ufrag}"
        self.send(stun.binding_request(bytes(12), name, 1, (pwd or credentials.pwd).encode()))

    # -- what comes from the node

    def sendto(self, datagram: Any, address: Any, /) -> int:
        """The node's way to this peer."""
        assert address == self.address
        data = bytes(datagram)
        if 19 < data[0] < 64:
            self.dtls.feed(data)
        elif 127 < data[0] < 192 and 191 < data[1] < 224:
            self.told += self._open(data, srtcp_unprotect)
        elif 127 < data[0] < 192:
            self.got += map(parse_rtp, self._open(data, srtp_unprotect))
        return len(data)

    def _open(self, data: bytes, unprotect: Any) -> list[bytes]:
        """The plain packet, if it is one for us."""
        self.memory.view[: len(data)] = data
        self.memory.length[0] = len(data)
        if self.keys is None or unprotect(self.keys.inbound, self.memory.cdata, self.memory.length) != SRTP_OK:
            return []
        return [bytes(self.memory.view[: self.memory.length[0]])]

    def dtls_up(self, keys: SrtpKeys) -> None:
        """The node is who it said it is."""
        self.keys = keys

    def dtls_down(self) -> None:
        """The node has closed the connection."""
        self.is_down = True

    # -- what goes to the node

    def send(self, datagram: bytes | memoryview) -> None:
        """As it is."""
        self.arena.deliver(bytes(datagram), self)

    def send_rtp(self, packet: bytes) -> None:
        """Protected, if libsrtp takes it for a packet at all."""
        self._protect(packet, srtp_protect)

    def send_rtcp(self, packet: bytes) -> None:
        """The same for RTCP."""
        self._protect(packet, srtcp_protect)

    def _protect(self, packet: bytes, protect: Any) -> None:
        assert self.keys is not None
        self.memory.view[: len(packet)] = packet
        self.memory.length[0] = len(packet)
        if protect(self.keys.outbound, self.memory.cdata, self.memory.length) == SRTP_OK:
            self.send(self.memory.view[: self.memory.length[0]])


class Arena:
    """From `open()` to `close()`."""

    def __init__(self, node: Arena | None = None) -> None:
        """`node`: another one, with whose stream this one's shares the node."""
        self.counters: Counters = node.counters if node else Counters()
        self.ice: IceLite = node.ice if node else IceLite(self.counters)
        self.demux: Demux = node.demux if node else Demux(self.ice, self.counters)
        self.certificate: Certificate = node.certificate if node else Certificate()
        self.tasks = Tasks("arena")
        self.memory = PacketMemory()
        self.peers: list[Peer] = []
        self._running: list[asyncio.Task[None]] = []
        settings = MediaSettings.model_construct(publisher_grace_seconds=60.0)
        context = StreamContext(
            settings=settings,
            make_fanout=lambda kind, rate: make_fanout(kind, rate, self.counters),
            tasks=self.tasks,
            emit=say_nothing,
            ended=lambda stream: None,
        )
        self.stream = Stream("oranges", "room", "stream", NoRecorder, context)

    async def publisher(self, text: str = CHROMIUM) -> Peer:
        """Somebody who publishes, connected."""
        peer = self._peer(text)
        publisher = Publisher(peer.session, choose_for_publisher(peer.offer), self.stream, self.counters)
        self.stream.attach(publisher)
        await peer.connect()
        return peer

    async def viewer(self, text: str = CHROMIUM_PLAYS) -> Peer:
        """Somebody who watches, connected."""
        peer = self._peer(text)
        chosen = choose_for_viewer(peer.offer, self.stream.published)
        self.stream.add_viewer(Viewer(peer.session, chosen, self.stream, self.counters))
        await peer.connect()
        return peer

    def _peer(self, text: str) -> Peer:
        offer = replace(parse_offer(text), fingerprints=(("sha-256", CERTIFICATE.fingerprint),))
        number = next(SESSIONS)
        session = Session(f"s{number}", offer, self.certificate, self.ice, self.memory, self.counters)
        self._running.append(self.tasks.start("session", session.run(CONNECT_SECONDS)))
        peer = Peer(self, session, offer, (f"192.0.2.{number % 250}", number))
        self.peers.append(peer)
        return peer

    def deliver(self, data: bytes, peer: Peer) -> None:
        """As the sockets do: at most what fits into the memory is read of a datagram."""
        size = min(len(data), 2048)
        self.demux.memory.view[:size] = data[:size]
        self.demux.dispatch(self.demux.memory, size, peer.address, peer)

    async def close(self) -> None:
        """End everything."""
        self.stream.end(StreamEnding.SHUTDOWN)
        await asyncio.wait_for(asyncio.gather(*self._running), WAIT_SECONDS)
        await self.tasks.aclose()
        for peer in self.peers:
            peer.dtls.close()
