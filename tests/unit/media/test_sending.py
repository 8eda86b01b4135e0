"""Packets to many viewers at once: planned in runs, written, protected, and sent over real sockets."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import system
from media.rtp.counters import Counters
from media.rtp.fanout import Fanout
from media.rtp.lane import Lane, LaneOptions
from media.rtp.outlet import SLOTS, Sender, pad
from media.rtp.packet import RtpPacket, parse_rtp
from media.rtp.path import Path
from media.rtp.segments import PADDING_MOST, plan_runs
from media.transport.udp import UdpWay
from tests.unit.media.conditions import WAIT_SECONDS
from tests.unit.media.tracks import Timer, make_fanout

IDR, SLICE = b"\x65\x88", b"\x61\x88"
GCM_KEY = bytes(range(28))
MOST_BYTES = 60_000


@given(st.lists(st.integers(13, 1500), max_size=80), st.integers(1, 64))
def test_runs_hold_every_packet_once_in_order_and_nothing_too_long(lengths: list[int], most: int) -> None:
    padded, runs = plan_runs(lengths, most, MOST_BYTES)
    assert [n for run in runs for n in range(run.first, run.first + run.packets)] == list(range(len(lengths)))
    assert all(0 <= after - before <= PADDING_MOST for before, after in zip(lengths, padded, strict=True))
    for run in runs:
        sizes = padded[run.first : run.first + run.packets]
        assert len(sizes) <= most
        assert sum(sizes) <= MOST_BYTES
        assert set(sizes[:-1]) <= {run.size}
        assert sizes[-1] <= run.size


def test_a_frame_that_an_encoder_split_about_evenly_is_one_run() -> None:
    padded, runs = plan_runs([1101, 1101, 1100, 1100, 1100], 64, MOST_BYTES)
    assert [(run.first, run.packets, run.size) for run in runs] == [(0, 5, 1101)]
    assert padded == [1101] * 5


def test_parameter_sets_before_a_picture_are_a_run_of_their_own_and_a_short_end_is_not() -> None:
    _, runs = plan_runs([60, 1200, 1200, 300], 64, MOST_BYTES)
    assert [(run.first, run.packets) for run in runs] == [(0, 1), (1, 3)]


def test_a_packet_longer_than_any_datagram_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        plan_runs([70_000], 64, MOST_BYTES)


@given(st.binary(max_size=100), st.integers(1, PADDING_MOST))
def test_padding_is_taken_off_again_by_who_reads_the_packet(payload: bytes, count: int) -> None:
    packet = bytes(RtpPacket(96, 0x80, 1, 2, 3, payload))
    assert parse_rtp(pad(packet, count)).payload == payload


class Listener:
    """A viewer with a socket of his own."""

    def __init__(self, way: UdpWay, family: socket.AddressFamily, ssrc: int) -> None:
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.settimeout(WAIT_SECONDS)
        self.path = Path()
        self.path.move(self.socket.getsockname(), way)
        outbound = pylibsrtp.Policy(
            key=GCM_KEY,
            ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND,
            srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        )
        self.keys = pylibsrtp.Session(outbound)
        inbound = pylibsrtp.Policy(
            key=GCM_KEY,
            ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND,
            srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
        )
        self._inbound = pylibsrtp.Session(inbound)
        self.octets = 0
        options = LaneOptions({"H264": (102, None)}, overhead=16, send_time_id=2)
        self.lane = Lane(ssrc, ssrc + 1, options, self.path, self.keys._srtp[0])

    def receive(self, count: int) -> list[RtpPacket]:
        datagrams = [self.socket.recv(2048) for _ in range(count)]
        self.octets += sum(map(len, datagrams))
        return [parse_rtp(self._inbound.unprotect(datagram)) for datagram in datagrams]


Listen = Callable[[int], Listener]


@pytest.fixture
def listen(way: UdpWay) -> Iterator[Listen]:
    """Makes viewers of the socket under test."""
    with ExitStack() as stack:

        def make(ssrc: int) -> Listener:
            made = Listener(way, socket.AddressFamily(way.family), ssrc)
            stack.callback(lambda: made.socket.close())
            return made

        yield make


def make_video(counters: Counters, sender: Sender | None = None) -> Fanout:
    """A track that waits for the end of each picture."""
    made = make_fanout("video", 90_000, counters, sender, hold=lambda release: Timer())
    made.begin_source("H264")
    return made


@pytest.fixture(params=["offload", "plain"])
def fanout(request: pytest.FixtureRequest) -> Fanout:
    counters = Counters()
    return make_video(counters, Sender(counters, offload=request.param == "offload"))


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def way(request: pytest.FixtureRequest) -> Iterator[UdpWay]:
    with socket.socket(request.param, socket.SOCK_DGRAM) as sock:
        sock.bind(("::1" if request.param == socket.AF_INET6 else "127.0.0.1", 0))
        yield UdpWay(sock)


def frame(first: int, sizes: list[int]) -> list[RtpPacket]:
    """A keyframe in packets of these sizes, numbered from `first` on."""
    last = len(sizes) - 1
    return [
        RtpPacket(102, 0x80 if n == last else 0, first + n, 3000 * first, 9, IDR + bytes((n,)) * size)
        for n, size in enumerate(sizes)
    ]


@pytest.mark.parametrize("viewers", [1, 3, 70])
def test_every_viewer_gets_every_packet_of_a_picture_over_real_sockets(
    fanout: Fanout, listen: Listen, viewers: int
) -> None:
    # given
    listeners = [listen(1000 + 2 * n) for n in range(viewers)]
    for listener in listeners:
        fanout.join(listener.lane)
    sizes = [900, 901, 900, 901, 901, 40]

    # when
    for packet in frame(1, sizes):
        fanout.push(packet, 1000.0)

    # then
    for listener in listeners:
        got = listener.receive(len(sizes))
        assert [len(p.payload) - 2 for p in got] == sizes
        assert [p.payload[-1] for p in got] == list(range(len(sizes)))
        assert {p.ssrc for p in got} == {listener.lane.ssrc}
        first = got[0].sequence
        assert [p.sequence for p in got] == [first + n for n in range(len(sizes))]
        assert len({p.timestamp for p in got}) == 1
        assert all(p.extension for p in got)


def test_what_leaves_is_counted_as_it_is_on_the_wire(listen: Listen) -> None:
    # given: one who gets pictures together with others, and one who is sent the kept ones alone
    counters = Counters()
    fanout, live, late = make_video(counters), listen(10), listen(20)
    fanout.join(live.lane)
    for packet in frame(1, [900, 901, 40]):
        fanout.push(packet, 1000.0)

    # when
    fanout.join(late.lane)

    # then
    for listener in (live, late):
        listener.receive(3)
    assert counters.packets_out == 6
    assert counters.bytes_out == live.octets + late.octets


def test_who_moves_gets_his_next_picture_at_the_new_address(fanout: Fanout, way: UdpWay, listen: Listen) -> None:
    # given
    stays, moves, other = (listen(ssrc) for ssrc in (10, 20, 30))
    for listener in (stays, moves):
        fanout.join(listener.lane)
    for packet in frame(1, [10]):
        fanout.push(packet, 1000.0)
    first = moves.receive(1)

    # when
    moves.path.move(other.socket.getsockname(), way)
    for packet in frame(2, [10]):
        fanout.push(packet, 1000.1)

    # then
    moves.socket, other.socket = other.socket, moves.socket
    assert moves.receive(1)[0].sequence == first[0].sequence + 1
    assert len(stays.receive(2)) == 2


def test_those_who_leave_and_come_do_not_disturb_the_others(fanout: Fanout, way: UdpWay, listen: Listen) -> None:
    # given
    listeners = [listen(1000 + 2 * n) for n in range(20)]
    for listener in listeners:
        fanout.join(listener.lane)
    for packet in frame(1, [10]):
        fanout.push(packet, 1000.0)

    # when
    for listener in listeners[::3]:
        fanout.leave(listener.lane)
    for packet in frame(2, [10, 10]):
        fanout.push(packet, 1000.1)

    # then
    stayed = [x for x in listeners if x not in listeners[::3]]
    for listener in stayed:
        got = listener.receive(3)
        assert [p.sequence - got[0].sequence for p in got] == [0, 1, 2]
    assert fanout.lanes == len(stayed)


@pytest.mark.parametrize("size", [10, 1100])  # as many as there are slots; as many as stay in the cache
def test_more_viewers_than_fit_into_the_senders_memory_are_served_in_turns(
    way: UdpWay, listen: Listen, size: int
) -> None:
    # given: all at one address, since only numbers matter here
    counters = Counters()
    fanout = make_video(counters)
    listener = listen(1)
    lanes = [
        Lane(2 * n, 2 * n + 1, listener.lane.options, listener.path, listener.keys._srtp[0])
        for n in range(1, SLOTS // 4 + 10)
    ]
    for lane in lanes:
        fanout.join(lane)

    # when
    for packet in frame(1, [size] * 4):
        fanout.push(packet, 1000.0)

    # then
    got = listener.receive(4 * len(lanes))
    assert {p.ssrc for p in got} == {lane.ssrc for lane in lanes}
    assert counters.packets_out == 4 * len(lanes)
    assert sum(counters.delay_buckets) == 4 * len(lanes)


def test_pictures_cut_alike_but_of_other_sizes_arrive_whole(fanout: Fanout, way: UdpWay, listen: Listen) -> None:
    # given
    listener = listen(10)
    fanout.join(listener.lane)
    pictures = [[60, 1200], [300, 900], [60, 1200]]

    # when
    for number, sizes in enumerate(pictures):
        for packet in frame(1 + 2 * number, sizes):
            fanout.push(packet, 1000.0)

    # then
    got = [packet.payload for packet in listener.receive(6)]
    assert got == [packet.payload for sizes in pictures for packet in frame(1, sizes)]


def test_what_could_not_be_protected_never_leaves(way: UdpWay, listen: Listen) -> None:
    # given: a context that has seen these numbers already refuses them
    counters = Counters()
    fanout = make_video(counters)
    good, spoilt = listen(10), listen(20)
    for number in range(3):
        sequence = spoilt.lane.next_sequence + number
        spoilt.keys.protect(bytes(RtpPacket(102, 0, sequence, 0, spoilt.lane.ssrc, b"x")))
    for listener in (good, spoilt):
        fanout.join(listener.lane)

    # when
    for packet in frame(1, [10, 10, 10]):
        fanout.push(packet, 1000.0)

    # then
    assert len(good.receive(3)) == 3
    assert (counters.packets_out, counters.dropped_protection) == (3, 3)
    spoilt.socket.setblocking(False)
    with pytest.raises(BlockingIOError):
        spoilt.socket.recv(2048)


def test_a_place_that_cannot_be_reached_costs_nobody_else_anything(way: UdpWay, listen: Listen) -> None:
    # given: port 0 is no place to send to
    counters = Counters()
    fanout = make_video(counters)
    lost, good = listen(10), listen(20)
    host = lost.socket.getsockname()[0]
    lost.path.move((host, 0, 0, 0) if way.family == socket.AF_INET6 else (host, 0), way)
    for listener in (lost, good):
        fanout.join(listener.lane)

    # when
    for packet in frame(1, [10, 10]):
        fanout.push(packet, 1000.0)

    # then
    assert len(good.receive(2)) == 2
    assert (counters.packets_out, counters.dropped_socket) == (2, 2)


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, ("127.0.0.1", 5004)), (socket.AF_INET6, ("::1", 5004, 0, 0))]
)
def test_an_address_is_packed_as_the_kernel_reads_it(
    family: socket.AddressFamily, address: tuple[object, ...]
) -> None:
    packed = system.pack_address(family, address)
    assert len(packed) == (16 if family == socket.AF_INET else 28)
    assert packed[2:4] == (5004).to_bytes(2, "big")


def test_a_place_that_cannot_be_reached_takes_the_kernels_help_from_nobody(way: UdpWay, listen: Listen) -> None:
    # given
    counters = Counters()
    sender = Sender(counters)
    fanout = make_video(counters, sender)
    lost, good = listen(10), listen(20)
    host = lost.socket.getsockname()[0]
    lost.path.move((host, 0, 0, 0) if way.family == socket.AF_INET6 else (host, 0), way)
    for listener in (lost, good):
        fanout.join(listener.lane)

    # when: the kernel says EINVAL of port 0, as it would of a datagram that it can't cut
    for packet in frame(1, [10, 10]):
        fanout.push(packet, 1000.0)

    # then
    assert len(good.receive(2)) == 2
    assert counters.dropped_socket == 2
    assert sender.offloads(way.fd)


def test_where_the_network_device_cannot_cut_nothing_is_lost(
    way: UdpWay, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given: a system call that refuses every datagram that the kernel should cut
    counters = Counters()
    fanout = make_video(counters, Sender(counters))
    viewers = [listen(10), listen(20)]
    for listener in viewers:
        fanout.join(listener.lane)
    real = system.send_many

    def refuse(descriptor: int, messages: Any, first: int, count: int) -> int:
        if messages[first].msg_hdr.msg_iovlen > 1:
            raise OSError(errno.EIO, "no checksums")
        return real(descriptor, messages, first, count)

    monkeypatch.setattr(system, "send_many", refuse)

    # when
    for number in (1, 10):
        for packet in frame(number, [10, 10, 10]):
            fanout.push(packet, 1000.0)

    # then
    assert [len(listener.receive(6)) for listener in viewers] == [6, 6]
    assert counters.dropped_socket == 0


def test_nobody_is_woken_for_a_picture_that_has_left(way: UdpWay, listen: Listen) -> None:
    # given
    timers: list[Timer] = []

    def hold(release: Callable[[], None]) -> Timer:
        timers.append(Timer())
        return timers[-1]

    fanout = make_fanout("video", 90_000, Counters(), hold=hold)
    fanout.begin_source("H264")
    fanout.join(listen(10).lane)

    # when: two whole pictures, and the beginning of a third
    for packet in [*frame(1, [10, 10, 10]), *frame(4, [10, 10]), *frame(6, [10, 10])[:1]]:
        fanout.push(packet, 1000.0)

    # then
    assert [timer.cancelled for timer in timers] == [1, 1, 0]
