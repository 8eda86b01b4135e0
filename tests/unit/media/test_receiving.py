"""Datagrams that are received together, over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from media import system
from media.glue import DATAGRAM_BYTES, PacketMemory
from media.rtp.counters import Counters
from media.rtp.path import Way
from media.transport.demux import Demux
from media.transport.ice import Address, IceLite
from media.transport.mailbag import ADDRESSES_KEPT, READS_AT_ONCE, Mailbag
from media.transport.udp import UdpPort
from tests.unit.media.conditions import until


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def port(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    with socket.socket(request.param, socket.SOCK_DGRAM) as sock:
        sock.bind((host_of(sock), 0))
        yield sock


def host_of(sock: socket.socket) -> str:
    return "::1" if sock.family == socket.AF_INET6 else "127.0.0.1"


@pytest.fixture
def bag(port: socket.socket) -> Mailbag:
    return Mailbag(port.fileno(), port.family)


def sender_to(port: socket.socket) -> socket.socket:
    sock = socket.socket(port.family, socket.SOCK_DGRAM)
    sock.bind((host_of(port), 0))
    sock.connect(port.getsockname())
    return sock


def test_every_datagram_comes_whole_in_order_and_with_its_sender(port: socket.socket, bag: Mailbag) -> None:
    # given
    with sender_to(port) as one, sender_to(port) as other:
        bodies = [bytes((n,)) * (n * 100) for n in range(6)]
        for n, body in enumerate(bodies):
            (one if n % 2 else other).send(body)

        # when
        count = bag.fill()
        found = [(bytes(bag.memories[at].view[: bag.open(at)[0]]), bag.open(at)[1]) for at in range(count)]

        # then
        senders = [(one if n % 2 else other).getsockname() for n in range(6)]
        assert found == list(zip(bodies, senders, strict=True))


def test_more_than_fit_at_once_come_the_next_time(port: socket.socket, bag: Mailbag) -> None:
    # given
    with sender_to(port) as sender:
        for n in range(READS_AT_ONCE + 3):
            sender.send(bytes((n, n)))

        # when
        first, second = bag.fill(), bag.fill()

        # then
        assert (first, second) == (READS_AT_ONCE, 3)
        assert bytes(bag.memories[2].view[:2]) == bytes((READS_AT_ONCE + 2,)) * 2
        with pytest.raises(BlockingIOError):
            bag.fill()


def test_a_datagram_that_is_too_long_is_cut_and_harms_no_other(port: socket.socket, bag: Mailbag) -> None:
    # given
    with sender_to(port) as sender:
        sender.send(b"x" * (DATAGRAM_BYTES + 500))
        sender.send(b"after")

        # when
        count = bag.fill()

        # then
        assert [bag.open(at)[0] for at in range(count)] == [DATAGRAM_BYTES, 5]
        assert bytes(bag.memories[1].view[:5]) == b"after"


def test_any_number_of_strangers_takes_no_more_memory(port: socket.socket, bag: Mailbag) -> None:
    # given: as many addresses as are kept, and one more
    for n in range(ADDRESSES_KEPT):
        bag._known[n.to_bytes(4, "big")] = ("stranger", n)

    # when
    with sender_to(port) as sender:
        sender.send(b"hello")
        assert bag.fill() == 1

        # then
        assert bag.open(0) == (5, sender.getsockname())
    assert len(bag._known) == 1


def test_an_address_is_read_as_sockets_write_it(port: socket.socket) -> None:
    address = port.getsockname()
    assert system.unpack_address(system.pack_address(port.family, address)) == address


class Faulty(Demux):
    """One that stumbles over what begins with an x."""

    def __init__(self) -> None:
        counters = Counters()
        super().__init__(IceLite(counters), counters)
        self.heard: list[bytes] = []

    def dispatch(self, memory: PacketMemory, size: int, address: Address, way: Way) -> None:
        datagram = bytes(memory.view[:size])
        self.heard.append(datagram)
        if datagram.startswith(b"x"):
            raise RuntimeError("a fault of ours")


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_datagram_that_we_stumble_over_costs_no_other(
    port: socket.socket, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setattr(system, "CAN_RECEIVE_MANY", at_once)
    port.setblocking(False)
    demux = Faulty()
    reader = UdpPort([port], demux, Counters())
    with sender_to(port) as sender:
        for body in (b"x", b"another", b"x", b"more"):
            sender.send(body)

    # when
    reader.start()
    await until(lambda: len(demux.heard) == 4, "all of them")

    # then
    assert demux.heard == [b"x", b"another", b"x", b"more"]
    reader.close()
