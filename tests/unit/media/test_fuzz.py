"""Hostile peers at a real port, stream and sessions: nothing raises, nothing grows, and others notice nothing.

Each test throws a fixed number of datagrams with fixed dice. FUZZ_ROUNDS=100 does a hundred times as many.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import struct
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import pytest
import pytest_asyncio

from media.rtp import feedback
from media.rtp.extension import write_extensions
from media.rtp.keyframe import KEYFRAME_REQUEST_INTERVAL_SECONDS
from media.rtp.lane import PACKET_OCTETS, REPAIR_OCTETS
from media.rtp.packet import RtpPacket
from media.session import MOST_SOURCES
from media.transport import stun
from media.transport.framing import frame
from media.transport.ice import ADDRESSES_PER_PEER
from media.transport.port import Port
from media.transport.tcp import TcpLimits
from tests.unit.media import corpus
from tests.unit.media.arena import Arena, Peer
from tests.unit.media.conditions import until
from tests.unit.media.odd_offers import PUBLISHERS

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "1"))
H264, OPUS, RTX = 108, 111, 109  # payload types of the offer
VIDEO_SSRC, AUDIO_SSRC = 7, 8
SSRCS = [number.to_bytes(4, "big") for number in (1, 7, 8, 9)]  # whose SRTP contexts are there already


@dataclass
class Hall:
    """A broadcast: its host, somebody who watches it in peace, and somebody who means no good."""

    arena: Arena
    host: Peer
    quiet: Peer
    hostile: Peer
    sequence: int = 60_000

    def broadcast(self, count: int) -> None:
        """So many packets of sound and pictures, as a browser sends them."""
        for _ in range(count):
            picture = corpus.H264[0] if self.sequence % 50 == 0 else corpus.H264[4]
            for payload_type, ssrc, payload in ((H264, VIDEO_SSRC, picture), (OPUS, AUDIO_SSRC, b"sound")):
                packet = RtpPacket(payload_type, 0x80, self.sequence & 0xFFFF, self.sequence * 3000, ssrc, payload)
                self.host.send_rtp(bytes(packet))
            self.sequence += 1

    def tick(self) -> None:
        """What the clock does."""
        self.arena.stream.tick(time.monotonic())
        for viewer in self.arena.stream.viewers:
            viewer.tick(time.time())

    def must_be_well(self) -> None:
        """The quiet viewer gets every packet of the next broadcast; all sessions are there."""
        before = len(self.quiet.got)
        self.broadcast(20)
        got = self.quiet.got[before:]
        for payload_type in (H264, OPUS):
            numbers = [p.sequence for p in got if p.payload_type == payload_type]
            assert len(numbers) == 20
            assert [(b - a) & 0xFFFF for a, b in pairwise(numbers)] == [1] * 19
        assert all(peer.session.is_connected for peer in (self.host, self.quiet, self.hostile))


@pytest_asyncio.fixture
async def hall() -> AsyncIterator[Hall]:
    arena = Arena()
    host = await arena.publisher()
    made = Hall(arena, host, await arena.viewer(), await arena.viewer())
    made.broadcast(100)
    made.must_be_well()
    yield made
    made.must_be_well()
    await arena.close()


async def test_damaged_datagrams_of_every_kind_from_strangers_and_from_sessions(hall: Hall) -> None:
    # given
    dice, arena = random.Random(1), hall.arena
    stranger = Peer(arena, hall.quiet.session, hall.quiet.offer, ("198.51.100.1", 9))
    kinds = (corpus.RTP, corpus.RTCP, corpus.STUN, corpus.DTLS)
    everything = [data for kind in kinds for data in kind]
    size = arena.ice.size

    # when
    for number in range(6000 * ROUNDS):
        datagram = corpus.mutate(dice.choice(dice.choice(kinds)), everything, dice)
        stranger.send(datagram)
        hall.hostile.send(datagram)
        if number % 200 == 0:
            hall.broadcast(1)
            await asyncio.sleep(0)

    # then
    await until(lambda: len(arena.certificate.line) == 0, "the handshakes' line")
    assert arena.ice.size == size
    assert arena.ice.peer_at(stranger.address) is None


async def test_damaged_packets_that_are_protected_as_they_should_be(hall: Hall) -> None:
    # given: the host and a viewer have lost their minds
    dice = random.Random(2)

    def damaged(packets: Sequence[bytes], ssrc_at: int) -> bytes:
        packet = corpus.mutate(dice.choice(packets), packets, dice)
        return packet[:ssrc_at] + dice.choice(SSRCS) + packet[ssrc_at + 4 :] if len(packet) > ssrc_at + 4 else packet

    # when
    for number in range(6000 * ROUNDS):
        hall.hostile.send_rtp(damaged(corpus.RTP, 8))
        hall.hostile.send_rtcp(damaged(corpus.RTCP, 4))
        hall.host.send_rtcp(damaged(corpus.RTCP, 4))
        if number % 50 == 0:
            hall.broadcast(1)
            hall.tick()

    # then
    assert hall.arena.counters.dropped_bad_rtcp > 1000


@pytest.mark.parametrize("name", sorted(PUBLISHERS))
async def test_a_host_whose_packets_lie_hurts_nobody_but_his_own_broadcast(hall: Hall, name: str) -> None:
    # given: another broadcast on the same node
    other = Arena(hall.arena)
    mad = await other.publisher(PUBLISHERS[name])
    watching = await other.viewer()
    publisher, dice = other.stream.publisher, random.Random(3)
    assert publisher is not None
    kinds = [kind for t in publisher.tracks for kind in (t.payload_type, t.rtx_payload_type) if kind is not None]

    # when
    for number in range(1500 * ROUNDS):
        elements = [(n, dice.randbytes(2)) for n in range(1, 15)] + [(10, dice.choice((b"h", b"l", b"0", b"zz")))]
        payload = write_extensions(elements) + dice.choice(dice.choice((corpus.H264, corpus.VP8)))
        kind = dice.choice(kinds)
        packet = RtpPacket(
            kind, dice.choice((0, 0x80)), dice.randrange(65_536), dice.randrange(1 << 32), dice.randrange(4), payload
        )
        whole = b"\x90" + bytes(packet)[1:]
        mad.send_rtp(corpus.mutate(whole, corpus.RTP, dice) if number % 4 == 0 else whole)
        watching.send_rtcp(feedback.nack(1, dice.randrange(1 << 32), [dice.randrange(65_536)]))
        if number % 50 == 0:
            other.stream.tick(time.monotonic())
            hall.broadcast(1)
            hall.tick()

    # then
    await asyncio.sleep(0.01)  # what was held back for more of its frame
    assert mad.session.is_connected
    await other.close()


async def test_a_million_names_leave_no_trace(hall: Hall) -> None:
    size = hall.arena.ice.size
    names = random.Random(4)
    for number in range(20_000 * ROUNDS):
        check = stun.binding_request(number.to_bytes(12, "big"), f"{names.getrandbits(64):x}:theirs", 1, b"guess")
        hall.hostile.send(check)
    assert hall.arena.ice.size == size
    assert hall.arena.counters.dropped_unknown_peer >= 20_000


async def test_checks_with_a_wrong_password_or_from_a_million_addresses_take_nobodys_place(hall: Hall) -> None:
    # given
    arena, quiet = hall.arena, hall.quiet
    size = arena.ice.size

    # when: first somebody who guesses the quiet viewer's password, then somebody who knows his own
    for port in range(5000 * ROUNDS):
        elsewhere = Peer(arena, quiet.session, quiet.offer, ("203.0.113.5", port % 65_536))
        elsewhere.check(pwd=f"guess {port}")
    assert arena.ice.size == size
    for port in range(5000 * ROUNDS):
        Peer(arena, hall.hostile.session, hall.hostile.offer, ("203.0.113.6", port % 65_536)).check()

    # then
    assert arena.ice.size <= size + 3 * ADDRESSES_PER_PEER  # whose it is, that he has it, what he asked there
    assert quiet.session.path.address == quiet.address
    assert hall.hostile.session.path.address == hall.hostile.address  # nobody has answered elsewhere


async def test_who_sends_under_a_million_sources_is_heard_under_a_few(hall: Hall) -> None:
    counters = hall.arena.counters
    for ssrc in range(100, 1100):
        hall.hostile.send_rtp(bytes(RtpPacket(H264, 0, 1, 1, ssrc, b"x")))
        hall.hostile.send_rtcp(feedback.receiver_report(ssrc + 5000, ()))
    assert counters.dropped_many_sources >= 2000 - MOST_SOURCES


async def test_replayed_datagrams_are_no_news(hall: Hall) -> None:
    # given
    sent: list[tuple[bytes, Peer]] = []
    deliver = hall.arena.deliver

    def listen(data: bytes, peer: Peer) -> None:
        sent.append((data, peer))
        deliver(data, peer)

    hall.arena.deliver = listen  # type: ignore[method-assign]
    hall.broadcast(200)
    for peer in (hall.host, hall.quiet):
        peer.check()
        peer.send_rtcp(feedback.picture_loss(1, 7))
    hall.arena.deliver = deliver  # type: ignore[method-assign]
    got, dropped = len(hall.quiet.got), hall.arena.counters.dropped_protection

    # when: everything comes again, from the right address and from another
    elsewhere = Peer(hall.arena, hall.quiet.session, hall.quiet.offer, ("203.0.113.7", 7))
    for data, peer in sent:
        deliver(data, peer)
        if data[0] > 3:
            deliver(data, elsewhere)

    # then
    assert len(hall.quiet.got) == got
    assert hall.arena.counters.dropped_protection - dropped >= 400


async def test_rtcp_bombs_cost_little_and_are_answered_within_limits(hall: Hall) -> None:
    # given
    (viewer,) = [v for v in hall.arena.stream.viewers if v.session is hall.hostile.session]
    ssrcs = [viewer.sending[kind].ssrc for kind in ("video", "audio")]
    newest = [placed.lane.newest_sent or 0 for placed in sorted(viewer.placed, key=lambda p: not p.is_video)]
    every = struct.pack("!HH", newest[0] - 16 & 0xFFFF, 0xFFFF)
    bombs = [
        b"".join(feedback.nack(1, *asked) for asked in [(s, [n]) for s, n in zip(ssrcs, newest, strict=True)] * 59),
        struct.pack("!BBHLL", 0x81, 205, 2 + 470, 1, ssrcs[0]) + every * 470,  # one NACK of 7,990 packets
        b"".join(feedback.picture_loss(1, ssrcs[0]) for _ in range(150)),
        struct.pack("!BBHLL", 0x84, 206, 2 + 2 * 230, 1, 0) + struct.pack("!LL", ssrcs[0], 0) * 230,
        struct.pack("!BBH", 0x80, 200, 0) * 480,
        b"\x80\xc9\0\1\0\0\0\1" * 240,
        b"".join(feedback.bandwidth(1, 1 << 80, []) for _ in range(80)),
        feedback.goodbye(range(31)) * 15,
    ]
    asked, resent = hall.arena.counters.keyframe_requests, hall.arena.counters.packets_resent
    began = time.monotonic()

    # when
    for _ in range(20 * ROUNDS):
        for bomb in bombs:
            hall.hostile.send_rtcp(bomb[:1900])

    # then
    intervals = (time.monotonic() - began) / KEYFRAME_REQUEST_INTERVAL_SECONDS
    assert hall.arena.counters.keyframe_requests - asked <= 1 + intervals
    assert (
        100 < hall.arena.counters.packets_resent - resent <= 2 * (REPAIR_OCTETS // PACKET_OCTETS + 1)
    )  # both tracks


async def test_datagrams_of_odd_sizes_are_no_packets(hall: Hall) -> None:
    # given
    dice, counters = random.Random(5), hall.arena.counters

    def dropped() -> int:
        return counters.dropped_junk + counters.dropped_bad_stun + counters.dropped_protection

    before = dropped()

    # when
    for size in (0, 1, 2, 3, 4, 7, 8, 11, 12, 13, 20, 2048):
        for first in range(256):
            hall.hostile.send((bytes((first,)) + dice.randbytes(size))[:size])

    # then: all but what may be DTLS, or STUN that asks for nothing, which are dropped without being counted
    assert dropped() - before == 12 * 256 - 10 * (len(range(20, 64)) + len(range(4)))


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
async def test_the_open_port_survives_whatever_comes(hall: Hall, kind: int, caplog: pytest.LogCaptureFixture) -> None:
    # given
    dice, arena = random.Random(6), hall.arena
    everything = [*corpus.RTP, *corpus.RTCP, *corpus.STUN, *corpus.DTLS]
    port = Port("127.0.0.1", 0, arena.ice, arena.counters, TcpLimits(unproven_per_address=10_000))
    await port.start()
    size = arena.ice.size

    # when
    for _ in range(60 * ROUNDS):
        with socket.socket(socket.AF_INET, kind) as stranger:
            stranger.connect(("127.0.0.1", port.number))
            for _ in range(20):
                datagram = corpus.mutate(dice.choice(everything), everything, dice) + bytes(dice.choice((0, 0, 3000)))
                with suppress(ConnectionError):
                    stranger.send(
                        datagram if kind == socket.SOCK_DGRAM else frame(datagram)[: dice.randrange(2, 3000)]
                    )
                await asyncio.sleep(0)

    # then
    await until(lambda: port.tcp.connections == 0, "every connection to end")
    assert arena.ice.size == size
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    await port.aclose()
