"""What a viewer asks for, and what he gets then, through real ICE, DTLS and SRTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiortc.rtp import RtcpPacket

from media.answer import choose_for_viewer
from media.rtp import feedback
from media.rtp.choice import Choice, Mode
from media.rtp.packet import RtpPacket
from media.rtp.probe import Probe
from media.sdp import parse_offer
from media.session import Session
from media.stream import Stream, StreamEnding
from media.viewer import Viewer
from tests.unit.media import corpus
from tests.unit.media.arena import Arena, Peer
from tests.unit.media.conditions import WAIT_SECONDS, until
from tests.unit.media.offers import CHROMIUM_PLAYS

H264, OPUS = 108, 111  # payload types of both offers


@dataclass
class Show:
    """A host with one layer, and one viewer."""

    host: Peer
    peer: Peer
    viewer: Viewer
    sequence: int = 100

    def send(self, *, keyframe: bool = False) -> set[int]:
        """A picture and a sound; answers the payload types that came to the viewer."""
        before = len(self.peer.got)
        self.sequence += 1
        picture = corpus.H264[0] if keyframe else corpus.H264[4]
        for payload_type, ssrc, payload in ((H264, 7, picture), (OPUS, 8, b"sound")):
            packet = RtpPacket(payload_type, 0x80, self.sequence, self.sequence * 3000, ssrc, payload)
            self.host.send_rtp(bytes(packet))
        return {packet.payload_type for packet in self.peer.got[before:]}


@pytest_asyncio.fixture
async def show() -> AsyncIterator[Show]:
    arena = Arena()
    host, peer = await arena.publisher(), await arena.viewer()
    (viewer,) = arena.stream.viewers
    made = Show(host, peer, viewer)
    made.send(keyframe=True)
    yield made
    await arena.close()


async def test_whatever_the_node_reports_begins_with_a_report_and_its_name(show: Show) -> None:
    """RFC 3550 6.1, RFC 4585 3.1: not every player takes feedback that stands alone (RFC 5506)."""
    # given
    stream = show.viewer._source
    assert isinstance(stream, Stream)

    # when
    show.sequence += 3  # these are lost
    show.send()
    stream.request_keyframe("")
    stream.tick(time.monotonic())
    show.viewer.tick(time.time())
    stream.end(StreamEnding.COMMAND)
    await until(lambda: show.peer.is_down, "the end")

    # then
    for told, kinds in ((show.host.told, {"NACK", "PLI", "REMB"}), (show.peer.told, {"BYE", "SR"})):
        assert kinds <= {kind for packet in told for kind in kinds_of(packet)}
        for packet in told:
            first, second, *_ = kinds_of(packet)
            assert first in ("SR", "RR")
            assert second == "SDES"


def kinds_of(packet: bytes) -> list[str]:
    """What a compound packet consists of, as aiortc reads it."""
    reports = {200: "SR", 201: "RR", 202: "SDES", 203: "BYE"}
    feedbacks = {(206, 1): "PLI", (205, 1): "NACK", (205, 15): "TWCC", (206, 15): "REMB"}
    parts = map(bytes, RtcpPacket.parse(packet))
    return [reports.get(part[1]) or feedbacks[part[1], part[0] & 0x1F] for part in parts]


async def test_who_only_listened_gets_the_picture_back(show: Show) -> None:
    assert show.send() == {H264, OPUS}

    # when, then
    show.viewer.choose(Choice(Mode.AUDIO))
    assert show.send() == {OPUS}
    show.viewer.choose(Choice())
    show.send()  # he catches up with what is kept since the last keyframe
    assert show.send() == {H264, OPUS}


async def test_who_reports_a_thinner_line_may_be_sent_less_again(show: Show) -> None:
    # given
    show.viewer.tick(time.time())
    (before,) = {placed.lane.repair_left for placed in show.viewer.placed}

    # when
    for bits_per_second in (1_000_000, 160_000):
        show.peer.send_rtcp(feedback.bandwidth(1, bits_per_second, []))

    # then
    assert {placed.lane.repair_left for placed in show.viewer.placed} == {160_000 // 16}
    assert before > 160_000 // 16


async def test_two_lost_packets_of_a_short_report_are_no_trouble(show: Show) -> None:
    # given
    ssrc = show.viewer.sending["video"].ssrc

    def report(highest: int, lost: int) -> None:
        block = feedback.ReportBlock(ssrc, 128, lost, highest, 0, 0, 0)
        show.peer.send_rtcp(feedback.receiver_report(1, [block]))

    # when
    report(1000, 0)
    report(1004, 2)

    # then
    assert show.viewer.fraction_lost == 0.0
    assert not show.viewer.is_stalling(time.monotonic())

    # but many are
    report(1100, 30)
    assert show.viewer.fraction_lost == 0.3
    assert show.viewer.is_stalling(time.monotonic())


@pytest.mark.parametrize("choice", [Choice(Mode.AUDIO), Choice(Mode.SLIDES), Choice()])
async def test_nothing_is_probed_where_there_is_nothing_to_choose(show: Show, choice: Choice) -> None:
    # given
    show.viewer._adaptation.probe = Probe(100_000, 400_000)
    assert show.viewer.is_probing

    # when
    show.viewer.choose(choice)

    # then
    assert not show.viewer.is_probing


async def test_who_is_accepted_while_the_stream_ends_is_let_go() -> None:
    """He waited for the copy of another node's stream, which ended at the moment when it came."""
    # given
    arena = Arena()
    await arena.publisher()
    offer, published = parse_offer(CHROMIUM_PLAYS), dict(arena.stream.published)
    session = Session("s", offer, arena.certificate, arena.ice, arena.memory, arena.counters)
    arena.stream.end(StreamEnding.COMMAND)

    # when
    arena.stream.add_viewer(Viewer(session, choose_for_viewer(offer, published), arena.stream, arena.counters))

    # then
    async with asyncio.timeout(WAIT_SECONDS):
        await session.run(60.0)
    assert not arena.stream.viewers
    await arena.close()
