"""A viewer's first second on a simulcast stream: the least layer goes first, and better ones as soon as they fit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise

import pytest
import pytest_asyncio

from media.rtp import feedback
from media.rtp.adaptation import Adaptation
from media.rtp.choice import Choice, LayerState
from media.rtp.extension import ABS_SEND_TIME
from media.rtp.opening import OPENING_OCTETS, OPENING_SECONDS, RETRY_SECONDS, TRAIN_PACKETS, Opening
from media.rtp.packet import RtpPacket
from media.viewer import Viewer
from tests.unit.media.arena import Arena, Peer
from tests.unit.media.conditions import until
from tests.unit.media.offers import CHROMIUM_PLAYS

LAYERS = (LayerState("h", 900_000, 0, 0), LayerState("m", 350_000, 0, 0), LayerState("l", 120_000, 0, 0))
SIZES = {"h": 1100, "m": 900, "l": 700}
IDR, SLICE = b"\x65\x88", b"\x61\x88"
MEASURES = CHROMIUM_PLAYS.replace("a=mid:1", f"a=mid:1\na=extmap:2 {ABS_SEND_TIME}")


def test_the_gaps_of_a_train_are_alike_and_the_next_train_is_slower() -> None:
    opening = Opening([900_000, 350_000], 0.0)
    gaps = [opening.pause(octets) for octets in (1000, 200, 700, 500, 500, 500, 500, 1000)]
    assert len(set(gaps[:TRAIN_PACKETS])) == 1
    assert gaps[-1] == pytest.approx(2 * gaps[0])


def test_an_opening_ends_with_its_octets_and_reports_are_waited_for_a_little_longer() -> None:
    # given
    opening = Opening([900_000, 350_000], 100.0)

    # when
    while opening.is_trying:
        opening.pause(1000)

    # then
    assert opening.pause(0) == RETRY_SECONDS
    assert opening.is_patient(100.3)
    assert not opening.is_patient(100.5)
    assert not opening.is_over(101.0)
    assert opening.is_over(100.0 + OPENING_SECONDS)


def begun() -> Adaptation:
    line = Adaptation()
    line.can_open = True
    assert line.choose(LAYERS, Choice(), None, 40_000, 0.0) == "l"
    return line


@pytest.mark.parametrize(
    ("reported", "rid", "catches_up"),
    [(1_000_000, "m", True), (1_100_000, "h", False), (2_000_000, "h", True), (430_000, "l", False)],
)
def test_the_first_report_takes_a_viewer_to_the_best_layer_that_fits(
    reported: int, rid: str, catches_up: bool
) -> None:
    line = begun()
    assert line.reported(reported, 0.2)
    assert line.choose(LAYERS, Choice(), "l", 40_000, 0.2) == rid
    assert line.catches_up == catches_up


def test_who_reports_nothing_stays_on_the_least_layer_for_now() -> None:
    line = begun()
    assert line.choose(LAYERS, Choice(), "l", 40_000, 1.5) == "l"


def test_who_reports_nothing_and_loses_nothing_is_tried_with_better_layers_after_his_first_seconds() -> None:
    line = begun()
    line.opening = None
    assert line.choose(LAYERS, Choice(), "l", 40_000, 2.1) == "m"
    assert line.choose(LAYERS, Choice(), "m", 40_000, 3.0) == "m"
    assert line.choose(LAYERS, Choice(), "m", 40_000, 4.2) == "h"


def test_who_reports_nothing_and_loses_much_waits_longer() -> None:
    line = begun()
    line.opening = None
    assert line.choose(LAYERS, Choice(), "l", 40_000, 4.2, loss=0.05) == "l"
    assert line.choose(LAYERS, Choice(), "l", 40_000, 5.1, loss=0.05) == "m"


@dataclass
class Simulcast:
    """A host with three layers that sent a keyframe and thirty packets after it."""

    arena: Arena
    sequence: int = 100

    def send(self, payload: bytes) -> None:
        self.sequence += 1
        for rid, size in SIZES.items():
            body = payload + rid.encode() * size
            packet = RtpPacket(108, 0x80, self.sequence, self.sequence * 3000, 7, body)
            self.arena.stream.tracks["video"].push(packet, 1000.0 + self.sequence / 30, rid)

    async def viewer(self, text: str = MEASURES) -> tuple[Peer, Viewer]:
        peer = await self.arena.viewer(text)
        (viewer,) = self.arena.stream.viewers
        return peer, viewer


def layers_of(peer: Peer) -> list[str]:
    return [chr(packet.payload[-1]) for packet in peer.got]


def octets_of(peer: Peer) -> int:
    return sum(len(packet.payload) for packet in peer.got)


@pytest_asyncio.fixture
async def simulcast() -> AsyncIterator[Simulcast]:
    arena = Arena()
    await arena.publisher()
    made = Simulcast(arena)
    video = arena.stream.tracks["video"]
    video.begin_source("H264", tuple(SIZES))
    made.send(IDR)
    for _ in range(30):
        made.send(SLICE)
    video.measure(1.0)
    yield made
    await arena.close()


async def test_the_least_layer_goes_first_and_no_more_of_it_than_a_thin_line_carries(simulcast: Simulcast) -> None:
    # when
    peer, viewer = await simulcast.viewer()
    await until(lambda: octets_of(peer) >= OPENING_OCTETS, "his first packets")

    # then: the rest of the group is not sent in between
    for _ in range(5):
        simulcast.send(SLICE)
    assert set(layers_of(peer)) == {"l"}
    assert OPENING_OCTETS <= octets_of(peer) < OPENING_OCTETS + 1000
    assert viewer.selected == "l"

    # but the next keyframe is, and what follows
    before = len(peer.got)
    simulcast.send(IDR)
    simulcast.send(SLICE)
    assert [packet.payload[:2] for packet in peer.got[before:]] == [IDR, SLICE]


async def test_a_line_that_carries_much_gets_the_best_layer_at_once_without_a_step(simulcast: Simulcast) -> None:
    # given
    peer, viewer = await simulcast.viewer()
    await until(lambda: len(peer.got) >= TRAIN_PACKETS, "a train")

    # when
    before = len(peer.got)
    peer.send_rtcp(feedback.bandwidth(1, 10_000_000, []))
    simulcast.send(SLICE)
    simulcast.send(SLICE)

    # then
    assert viewer.selected == "h"
    assert peer.got[before].payload[:2] == IDR
    assert set(layers_of(peer)[before:]) == {"h"}
    sequences = [packet.sequence for packet in peer.got]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    stamps = [packet.timestamp for packet in peer.got]
    steps = [(after - stamp) & 0xFFFFFFFF for stamp, after in pairwise(stamps)]
    assert max(steps) <= 2 * 3000


async def test_who_can_report_nothing_early_begins_as_before(simulcast: Simulcast) -> None:
    peer, viewer = await simulcast.viewer(MEASURES.replace(" goog-remb", " ccm fir"))
    simulcast.send(SLICE)
    assert viewer.selected == "h"
    assert set(layers_of(peer)) == {"h"}
