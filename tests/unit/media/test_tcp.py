"""ICE over TCP on real sockets: who is let in, what it may cost, what is left when it ends; on both event loops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
import uvloop
from aioice import stun as reference

from media.glue import PacketMemory
from media.rtp.counters import Counters
from media.rtp.path import Way
from media.transport.framing import Frames, frame
from media.transport.ice import Address, Credentials, IceLite
from media.transport.port import Port
from media.transport.sockets import UNSENT_BYTES
from media.transport.tcp import TcpConnection, TcpLimits
from tests.unit.media.conditions import WAIT_SECONDS, until
from tests.unit.media.test_ice import Somebody, check

PACKET = b"\x80" + bytes(1099)


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> Any:
    """The node runs on uvloop; its buffers are not those of asyncio."""
    return request.param()


@dataclass(eq=False)
class Peer(Somebody):
    """A session: what it was sent, and how it is reached."""

    ways: list[Way] = field(default_factory=list)
    got: list[tuple[str, bytes]] = field(default_factory=list)

    def consented(self, address: Address, username: str, is_nominated: bool, way: Way) -> None:
        super().consented(address, username, is_nominated, way)
        self.ways.append(way)

    def receive_dtls(self, datagram: bytes) -> None:
        self.got.append(("dtls", datagram))

    def receive_rtp(self, memory: PacketMemory, size: int) -> None:
        self.got.append(("rtp", bytes(memory.view[:size])))

    def receive_rtcp(self, memory: PacketMemory, size: int) -> None:
        self.got.append(("rtcp", bytes(memory.view[:size])))


@dataclass
class Line:
    """A client's end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    frames: Frames = field(default_factory=lambda: Frames(65_535))
    waiting: list[bytes] = field(default_factory=list)

    def send(self, *datagrams: bytes) -> None:
        self.writer.write(b"".join(map(frame, datagrams)))

    async def receive(self) -> bytes:
        """The next datagram; empty: the connection was closed."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not self.waiting:
                try:
                    data = await self.reader.read(65_536)
                except ConnectionResetError:
                    return b""
                if not data:
                    return b""
                self.waiting = [bytes(datagram) for datagram in self.frames.cut(data)]
        return self.waiting.pop(0)

    @property
    def address(self) -> tuple[str, int]:
        name = self.writer.get_extra_info("sockname")
        return name[0], name[1]


@dataclass
class World:
    """A port, and one peer who may come."""

    limits: TcpLimits = field(default_factory=TcpLimits)
    counters: Counters = field(default_factory=Counters)
    peer: Peer = field(default_factory=Peer)
    credentials: Credentials = field(default_factory=Credentials.make)
    lines: list[Line] = field(default_factory=list)

    async def open(self, host: str = "") -> None:
        self.ice = IceLite(self.counters)
        self.ice.register(self.credentials, self.peer)
        self.port = Port(host, 0, self.ice, self.counters, self.limits)
        await self.port.start()

    async def connect(self, host: str = "127.0.0.1") -> Line:
        line = Line(*await asyncio.open_connection(host, self.port.number))
        self.lines.append(line)
        return line

    async def join(self, host: str = "127.0.0.1") -> tuple[Line, TcpConnection]:
        """A line over which the peer has shown his password."""
        line = await self.connect(host)
        line.send(check(self.credentials))
        answer = reference.parse_message(await line.receive())
        assert answer.attributes["XOR-MAPPED-ADDRESS"] == line.address
        way = self.peer.ways[-1]
        assert isinstance(way, TcpConnection)
        return line, way

    async def close(self) -> None:
        for line in self.lines:
            line.writer.close()
        await self.port.aclose()
        await self.port.aclose()


@pytest_asyncio.fixture
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    made = World(getattr(request, "param", TcpLimits()))
    await made.open()
    yield made
    await made.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_check_over_tcp_is_answered_and_opens_the_way(world: World, host: str) -> None:
    # given
    line, way = await world.join(host)
    assert way.fd == -1

    # when
    line.send(b"\x16dtls", b"", PACKET, b"\x80\xc8report")

    # then
    await until(lambda: len(world.peer.got) == 3, "three datagrams")
    assert world.peer.got == [("dtls", b"\x16dtls"), ("rtp", PACKET), ("rtcp", b"\x80\xc8report")]
    assert way.sendto(PACKET, None) == len(PACKET)
    assert await line.receive() == PACKET


async def test_udp_and_tcp_from_the_same_port_are_two_addresses(world: World) -> None:
    # given
    line, _ = await world.join()
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(line.address)
        sock.connect(("127.0.0.1", world.port.number))

        # when
        sock.send(check(world.credentials))
        await loop.sock_recv(sock, 2048)

    # then
    (over_tcp, *_), (over_udp, *_) = world.peer.checks
    assert over_tcp[:2] == over_udp == line.address
    assert over_tcp != over_udp


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\n\r\n", frame(PACKET), b"\xff\xff", frame(b"\x16\xfe\xfd")])
async def test_a_stranger_who_speaks_anything_but_stun_is_hung_up_on(world: World, first: bytes) -> None:
    line = await world.connect()
    line.writer.write(first)
    assert await line.receive() == b""
    assert world.counters.dropped_junk == 1
    await until(lambda: world.port.tcp.connections == 0, "the connection to be closed")


@pytest.mark.parametrize("world", [TcpLimits(unproven_seconds=2.0, sweep_seconds=0.05)], indirect=True)
async def test_a_stranger_who_shows_no_password_is_hung_up_on_after_a_while(world: World) -> None:
    # given
    silent, guessing = await world.connect(), await world.connect()
    line, _ = await world.join()

    # when
    guessing.send(check(world.credentials, pwd="a wrong password"), check(Credentials.make()))
    silent.writer.write(b"\x00")

    # then
    assert await silent.receive() == await guessing.receive() == b""
    line.send(check(world.credentials))
    assert await line.receive()
    assert world.port.tcp.connections == 1


@pytest.mark.parametrize("world", [TcpLimits(unproven_per_address=3)], indirect=True)
async def test_one_address_has_only_so_many_connections_that_show_no_password(world: World) -> None:
    # given
    lines = [await world.connect() for _ in range(4)]

    # when
    refused = await lines[3].receive()

    # then: those who have shown theirs do not count
    assert refused == b""
    assert world.counters.tcp_refused == 1
    lines[0].send(check(world.credentials))
    await lines[0].receive()
    await world.join()


@pytest.mark.parametrize("world", [TcpLimits(unproven=3)], indirect=True)
async def test_when_strangers_take_every_place_the_oldest_gives_way(world: World) -> None:
    strangers = [await world.connect() for _ in range(3)]
    await until(lambda: world.port.tcp.connections == 3, "three strangers")
    await world.join()
    assert await strangers[0].receive() == b""
    assert world.port.tcp.connections == 3


async def test_a_peer_who_hangs_up_stays_and_may_come_back(world: World) -> None:
    # given
    line, way = await world.join()
    (address, _, _) = world.peer.checks[0]

    # when
    line.writer.close()
    await until(lambda: world.peer.lost_at == [address], "the loss to be noticed")

    # then
    assert world.ice.peer_at(address) is None
    assert world.port.tcp.connections == 0
    with pytest.raises(OSError, match="closed"):
        way.sendto(PACKET, address)
    await world.join()


@pytest.mark.parametrize("world", [TcpLimits(sweep_seconds=0.05)], indirect=True)
async def test_the_end_of_a_session_closes_its_connections_once_they_have_what_was_sent(world: World) -> None:
    # given
    line, way = await world.join()

    # when
    way.sendto(b"goodbye", None)
    world.ice.forget(world.peer)

    # then
    assert await line.receive() == b"goodbye"
    await until(lambda: world.port.tcp.connections == 0, "the connection to be closed")
    assert await line.receive() == b""


HURRIED = TcpLimits(burst_bytes=200_000, burst_seconds=3600, steady_bytes=20_000)  # behind for less than an hour
BEHIND = TcpLimits(burst_bytes=200_000, burst_seconds=0, steady_bytes=20_000)


@pytest.mark.parametrize(("world", "room"), [(HURRIED, 200_000), (BEHIND, 20_000)], indirect=["world"])
async def test_a_peer_on_a_slow_link_loses_whole_datagrams_and_never_waits_for_old_ones(
    world: World, room: int
) -> None:
    # given: he reads nothing
    line, way = await world.join()
    line.writer.transport.pause_reading()  # type: ignore[attr-defined]
    transport = way._transport
    assert transport is not None
    most = 0

    # when
    for _ in range(3000):
        way.sendto(PACKET, None)
        await asyncio.sleep(0)
        most = max(most, transport.get_write_buffer_size())

    # then: a burst has room for a while, and small datagrams have more than large ones
    assert room * 0.75 < most < room + 2 * len(PACKET)
    full = world.counters.dropped_tcp_full
    assert full > 0
    assert way.sendto(b"\x80small", None) > 0

    # and when: he reads again
    line.writer.transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(3000 - full):
        assert await line.receive() == PACKET
    assert await line.receive() == b"\x80small"


async def test_the_kernel_keeps_little_that_is_not_under_way(world: World) -> None:
    _, way = await world.join()
    assert way._transport is not None
    sock = way._transport.get_extra_info("socket")
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == UNSENT_BYTES


async def test_a_closed_port_leaves_no_connection(world: World) -> None:
    line, _ = await world.join()
    stranger = await world.connect()
    await world.port.aclose()
    assert await line.receive() == await stranger.receive() == b""
    assert world.port.tcp.connections == 0
