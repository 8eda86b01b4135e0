"""Datagrams that are received together, over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from media import system
from media.glue import DATAGRAM_BYTES
from media.transport.mailbag import ADDRESSES_KEPT, READS_AT_ONCE, Mailbag


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
