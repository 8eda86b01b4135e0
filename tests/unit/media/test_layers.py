"""Simulcast: viewers change layers without a step in any number, and get what their line or their wish allows."""

from __future__ import annotations

from itertools import pairwise

import pytest

from media.rtp.adaptation import FIRST_PATIENCE_SECONDS, TRIAL_SECONDS, Adaptation
from media.rtp.choice import Choice, LayerState, Mode
from media.rtp.counters import Counters
from media.rtp.delivery import SLIDE_SECONDS
from media.rtp.fanout import Fanout
from media.rtp.lane import State
from media.rtp.layer import Layer
from media.rtp.loss import LossMeter
from media.rtp.packet import RtpPacket, open_rtx
from media.rtp.probe import Probe
from media.rtp.timeline import Timeline
from media.rtp.vp8 import LONG, read_numbers
from tests.unit.media.test_fanout import Player
from tests.unit.media.tracks import make_fanout

RIDS = ("h", "m", "l")
Codecs = dict[str, tuple[int, int | None]]
VP8: Codecs = {"VP8": (96, None)}


def vp8_payload(picture: int, base: int, *, is_keyframe: bool) -> bytes:
    """A VP8 packet with a 15-bit picture id, TL0PICIDX and a temporal index."""
    head = bytes((0x90, 0xE0, 0x80 | picture >> 8 & 0x7F, picture & 0xFF, base & 0xFF, 0))
    return head + (b"\x00" if is_keyframe else b"\x01") + b"picture"


class Encoder:
    """One layer of a publisher: numbers of its own, the same moments as the others."""

    def __init__(self, fanout: Fanout, rid: str, sequence: int, timestamp: int, picture: int) -> None:
        self.fanout, self.rid = fanout, rid
        self.sequence, self.timestamp, self.picture, self.base = sequence, timestamp, picture, picture & 0xFF

    def send(self, wall: float, *, is_keyframe: bool = False) -> None:
        for marker in (0, 0x80):  # two packets each picture
            starts = is_keyframe and not marker
            payload = vp8_payload(self.picture, self.base, is_keyframe=starts)
            if marker:
                payload = b"\x80" + payload[1:]  # not the start of a partition
            packet = RtpPacket(96, marker, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, 1, payload)
            assert self.fanout.push(packet, wall, self.rid)
            self.sequence += 1
        self.timestamp += 3000
        self.picture = self.picture + 1 & LONG
        self.base += 1


class Publishing:
    """A publisher with three layers."""

    def __init__(self) -> None:
        self.fanout = make_fanout("video", 90_000)
        self.fanout.begin_source("VP8", RIDS)
        starts = ((65_530, 2**32 - 6000, 32_760), (10, 777, 5), (40_000, 123_456, 300))
        self.layers = {r: Encoder(self.fanout, r, *s) for r, s in zip(RIDS, starts, strict=True)}
        self.wall = 1000.0

    def send(self, count: int = 1, keyframe_of: str = "") -> None:
        for _ in range(count):
            for rid, encoder in self.layers.items():
                encoder.send(self.wall, is_keyframe=keyframe_of in (rid, "all"))
            keyframe_of = ""
            self.wall += 1 / 30


@pytest.fixture
def publishing() -> Publishing:
    made = Publishing()
    made.send(keyframe_of="all")
    return made


def join(publishing: Publishing, rid: str, codecs: Codecs = VP8) -> Player:
    player = Player(codecs)
    player.lane.wanted = rid
    publishing.fanout.join(player.lane)
    return player


def assert_seamless(player: Player) -> None:
    """Nothing that a decoder counts has a step: sequence numbers, picture ids, TL0PICIDX; time goes forward."""
    sequences = [packet.sequence for packet in player.got]
    assert sequences == [(sequences[0] + n) & 0xFFFF for n in range(len(sequences))]
    numbers = [read_numbers(packet.payload) for packet in player.got]
    for before, after in pairwise(zip(player.got, numbers, strict=True)):
        is_same_picture = not before[0].marker
        step = 0 if is_same_picture else 1
        assert after[1].picture == (before[1].picture + step) & LONG
        assert after[1].base == (before[1].base + step) & 0xFF
        forward = (after[0].timestamp - before[0].timestamp) & 0xFFFFFFFF
        assert forward == 0 if is_same_picture else 0 < forward < 90_000


@pytest.mark.parametrize(
    ("seconds", "seen"),
    [
        ([1000, 1000], [8000, 8000]),
        ([300, 1000, 1000], [2400, 8000, 8000]),  # it began in the middle of a second: it needs no less than others
        ([1000, 1000, 3000, 1000, 3000], [8000, 8000, 16_000, 16_000, 16_000]),  # a keyframe in every other second
        ([1000, 1000, 0, 500, 1000], [8000, 8000, 0, 4000, 8000]),  # silent, and back
    ],
)
def test_the_bitrate_of_a_layer_is_that_of_its_last_two_seconds(seconds: list[int], seen: list[int]) -> None:
    # given
    layer = Layer("h", "video", Timeline(90_000), Counters())
    measured = []

    # when
    for octets in seconds:
        layer.octets += octets
        layer.measure(1.0)
        measured.append(layer.bits_per_second)

    # then
    assert measured == seen


def test_a_viewer_goes_through_all_layers_without_a_step(publishing: Publishing) -> None:
    # given
    player = join(publishing, "h")
    publishing.send(5)

    for rid in ("l", "m", "h", "l"):
        # when
        publishing.fanout.want(player.lane, rid)
        assert publishing.fanout.wanted_keyframes(0.0) == [rid]
        publishing.send(3)
        publishing.send(keyframe_of=rid)
        publishing.send(4)

        # then
        assert player.lane.layer is publishing.fanout.deliveries[rid].layer
        assert publishing.fanout.wanted_keyframes(0.0) == []
    # twice the old layer's picture of a moment had gone out before the new one's keyframe
    assert len(player.got) == 2 * (1 + 5 + 4 * 8 + 2)
    assert_seamless(player)


def test_a_viewer_keeps_his_layer_until_the_keyframe_of_the_other_comes(publishing: Publishing) -> None:
    player = join(publishing, "h")
    publishing.send()
    publishing.fanout.want(player.lane, "l")
    publishing.send(3)
    assert player.lane.layer is publishing.fanout.deliveries["h"].layer
    assert len(player.got) == 2 * 5
    assert_seamless(player)


def test_who_changes_his_mind_stays_where_he_is(publishing: Publishing) -> None:
    player = join(publishing, "h")
    publishing.send()
    publishing.fanout.want(player.lane, "l")
    publishing.fanout.want(player.lane, "h")
    publishing.send(keyframe_of="l")
    assert player.lane.layer is publishing.fanout.deliveries["h"].layer
    assert_seamless(player)


def test_a_picture_of_the_same_moment_on_both_layers_is_shown_after_the_other(publishing: Publishing) -> None:
    # given: the high layer's picture of a moment has gone out before the low layer's keyframe of the same moment
    player = join(publishing, "h")
    publishing.send(3)
    publishing.fanout.want(player.lane, "l")

    # when
    publishing.send(keyframe_of="l")

    # then
    before, after = player.got[-3].timestamp, player.got[-2].timestamp
    assert (after - before) & 0xFFFFFFFF == 1
    publishing.send(2)
    assert_seamless(player)


def test_layers_are_laid_on_one_timeline_by_their_sender_reports(publishing: Publishing) -> None:
    # given: reports that say that the low layer's clock means moments 40 ms later than its packets' arrival told
    player = join(publishing, "l")
    publishing.send()
    for rid, later in (("h", 0.0), ("l", 0.04)):
        encoder = publishing.layers[rid]
        publishing.fanout.set_clock(encoder.timestamp, publishing.wall + later, rid)

    # when
    before = player.got[-1].timestamp
    publishing.send()

    # then
    assert (player.got[-1].timestamp - before) & 0xFFFFFFFF == pytest.approx(3000 + 0.04 * 90_000, abs=2)


def test_packets_from_before_and_after_a_change_are_both_sent_again(publishing: Publishing) -> None:
    # given
    player = join(publishing, "h", {"VP8": (96, 97)})
    publishing.send(3)
    publishing.fanout.want(player.lane, "l")
    publishing.send(keyframe_of="l")
    publishing.send(2)
    sent = list(player.got)

    # when
    publishing.fanout.resend(player.lane, [sent[2].sequence, sent[-1].sequence])

    # then
    again = [open_rtx(packet, 500, 96) for packet in player.got[len(sent) :]]
    assert [bytes(packet) for packet in again if packet] == [bytes(sent[2]), bytes(sent[-1])]


def test_a_packet_from_before_a_change_that_is_sent_again_has_the_timestamp_that_it_had(
    publishing: Publishing,
) -> None:
    # given: a viewer who caught up on one layer, and then on another
    publishing.send(20)
    player = join(publishing, "l", {"VP8": (96, 97)})
    publishing.send(5)
    sent = player.got[2]
    publishing.fanout.want(player.lane, "h", catches_up=True)
    publishing.send(2)

    # when
    publishing.fanout.resend(player.lane, [sent.sequence])

    # then
    assert player.got[-1].payload[:2] == sent.sequence.to_bytes(2, "big")
    assert player.got[-1].timestamp == sent.timestamp


def test_on_a_thin_line_only_what_he_gets_now_is_sent_again(publishing: Publishing) -> None:
    # given
    player = join(publishing, "h", {"VP8": (96, 97)})
    publishing.send(3)
    publishing.fanout.want(player.lane, "l")
    publishing.send(keyframe_of="l")
    publishing.send(2)
    sent = list(player.got)

    # when
    player.lane.repair_left = 10_000
    publishing.fanout.resend(player.lane, [sent[2].sequence, sent[-1].sequence])

    # then
    again = [open_rtx(packet, 500, 96) for packet in player.got[len(sent) :]]
    assert [bytes(packet) for packet in again if packet] == [bytes(sent[-1])]


def test_what_fills_a_line_is_what_he_was_sent_last_and_no_more_than_asked(publishing: Publishing) -> None:
    # given
    player = join(publishing, "h", {"VP8": (96, 97)})
    publishing.send(5)
    sent = list(player.got)
    size = len(sent[-1].payload)

    # when
    octets = publishing.fanout.repeat(player.lane, 3 * size)

    # then
    again = [open_rtx(packet, 500, 96) for packet in player.got[len(sent) :]]
    assert octets == sum(len(packet.payload) for packet in again if packet) <= 3 * size
    assert [bytes(packet) for packet in again if packet] == [bytes(packet) for packet in sent[: -len(again) - 1 : -1]]
    assert publishing.fanout.repeat(player.lane, size - 1) == 0

    # and nobody who knows no RTX, or waits for a keyframe, is sent anything
    plain = join(publishing, "h")
    assert publishing.fanout.repeat(plain.lane, 9000) == 0


def test_sound_alone_costs_no_pictures_and_they_come_back_without_a_step(publishing: Publishing) -> None:
    # given
    player = join(publishing, "m")
    publishing.send(3)
    seen = len(player.got)

    # when
    publishing.fanout.want(player.lane, None)
    publishing.send(5)
    assert len(player.got) == seen
    publishing.fanout.want(player.lane, "m")
    publishing.send(2, keyframe_of="m")

    # then
    assert len(player.got) > seen
    assert_seamless(player)


def test_slides_are_keyframes_as_far_as_the_allowance_goes(publishing: Publishing) -> None:
    # given
    player = join(publishing, "h")
    publishing.send(2)
    publishing.fanout.want(player.lane, None, slides=True)
    seen = len(player.got)
    assert player.lane.state is State.SLIDES
    assert publishing.fanout.wanted_keyframes(SLIDE_SECONDS * 1e6) == ["l"]

    # when
    publishing.send(3, keyframe_of="l")
    publishing.send(3, keyframe_of="l")  # nothing is left of the allowance

    # then
    assert len(player.got) == seen + 2
    assert publishing.fanout.wanted_keyframes(SLIDE_SECONDS * 1e6) == []
    player.lane.allow_slides(60_000)
    publishing.send(3, keyframe_of="l")
    assert len(player.got) == seen + 4
    assert_seamless(player)


def test_a_viewer_of_a_layer_that_the_next_publisher_lacks_gets_the_least_one(publishing: Publishing) -> None:
    player = join(publishing, "h")
    publishing.send()
    publishing.fanout.begin_source("VP8", ("",))
    Encoder(publishing.fanout, "", 7, 7, 7).send(publishing.wall, is_keyframe=True)
    assert player.lane.layer is publishing.fanout.deliveries[""].layer
    assert_seamless(player)


# -- what a line carries

H, M, L = (
    LayerState("h", 1_800_000, 1280, 720),
    LayerState("m", 600_000, 640, 360),
    LayerState("l", 150_000, 320, 180),
)
LAYERS = (H, M, L)
AUTO = Choice()


def choose(line: Adaptation, current: str | None, now: float, choice: Choice = AUTO) -> str:
    return line.choose(LAYERS, choice, current, 40_000, now)


def test_a_viewer_begins_with_a_layer_that_nearly_every_line_carries() -> None:
    assert choose(Adaptation(), None, 0.0) == "m"


def line_that_reports(bits_per_second: int) -> Adaptation:
    line = Adaptation()
    line.reported(bits_per_second, 0.0)
    return line


def test_a_layer_that_does_not_fit_is_given_up_at_once_for_one_that_does() -> None:
    assert choose(line_that_reports(300_000), "h", 0.0) == "l"


def test_a_line_that_carries_less_than_the_least_layer_still_gets_that() -> None:
    assert choose(line_that_reports(50_000), "l", 0.0) == "l"


def test_much_loss_counts_when_it_stays_and_a_little_never_does() -> None:
    line = Adaptation()
    assert choose(line, None, 0.0) == "m"
    assert not any(line.lost(0.05, 0.0) for _ in range(5))
    assert choose(line, "m", 0.0) == "m"
    assert not line.lost(0.15, 1.0)
    assert choose(line, "m", 1.0) == "m"
    assert line.lost(0.15, 2.0)
    assert choose(line, "m", 2.0) == "l"


def test_very_much_loss_counts_at_once() -> None:
    line = Adaptation()
    assert not line.lost(0.0, 0.0)
    assert line.lost(0.4, 0.0)
    assert choose(line, "m", 0.0) == "l"


def test_one_of_two_packets_lost_is_no_half_of_a_line() -> None:
    meter = LossMeter()
    for highest, lost in ((100, 0), (102, 1), (104, 2), (140, 2)):
        assert not meter.heard(highest, lost, 0.0)
    assert meter.heard(150, 3, 0.0)
    assert meter.share(0.0) == 0.06


def test_many_lost_of_few_are_not_waited_for_and_old_loss_is_forgotten() -> None:
    meter = LossMeter()
    meter.heard(100, 0, 0.0)
    assert meter.heard(120, 10, 0.0)
    assert meter.share(9.0) == 0.5
    assert meter.share(11.0) == 0.0


def test_totals_that_go_back_begin_anew() -> None:
    meter = LossMeter()
    meter.heard(1000, 5, 0.0)
    assert not meter.heard(10, 0, 0.0)
    assert meter.heard(60, 5, 0.0)
    assert meter.share(0.0) == 0.1


def test_what_is_lost_is_sent_again_and_needs_room_too() -> None:
    line = line_that_reports(700_000)
    assert choose(line, "m", 0.0) == "m"
    assert line.choose(LAYERS, AUTO, "m", 40_000, 1.0, 0.09) == "m"
    line.reported(610_000, 2.0)
    assert line.choose(LAYERS, AUTO, "m", 40_000, 2.0, 0.0) == "m"
    assert line.choose(LAYERS, AUTO, "m", 40_000, 2.0, 0.09) == "l"


def test_a_better_layer_that_fits_is_taken_after_a_moment() -> None:
    line = Adaptation()
    assert choose(line, None, 0.0) == "m"
    line.reported(2_500_000, 0.0)
    assert choose(line, "m", 1.0) == "m"
    assert choose(line, "m", 3.0) == "h"


def test_a_better_layer_of_which_nobody_knows_whether_it_fits_is_tried_later_after_each_failure() -> None:
    # given: a viewer without RTX, whose reports never go far beyond what is sent
    line = Adaptation()
    assert choose(line, None, 0.0) == "m"
    now, waits = 0.0, []
    for _ in range(3):
        line.reported(900_000, now)
        began = now
        while choose(line, "m", now) == "m":
            now += 1.0
        waits.append(now - began)
        line.reported(750_000, now)  # it did not fit
        assert choose(line, "h", now) == "m"
    assert waits == [FIRST_PATIENCE_SECONDS, 2 * FIRST_PATIENCE_SECONDS, 4 * FIRST_PATIENCE_SECONDS]

    # and a trial that held is forgotten
    line.reported(900_000, now)
    while choose(line, "m", now) == "m":
        now += 1.0
    line.reported(3_000_000, now)
    assert choose(line, "h", now + TRIAL_SECONDS + 1) == "h"
    line.reported(750_000, now)
    assert choose(line, "h", now + 100) == "m"
    line.reported(900_000, now)
    assert choose(line, "m", now + 100 + FIRST_PATIENCE_SECONDS) == "h"


def probing(line: Adaptation, now: float) -> Probe:
    """The probe that begins after a while on the middle layer."""
    assert choose(line, "m", now) == "m"
    assert line.probe is not None
    return line.probe


def fill(line: Adaptation, began: float, packet: int = 1) -> tuple[float, list[int]]:
    """Send what is due fifty times a second, in packets of this size, until the layer changes: when, and what."""
    now, spent = began, [0]
    while choose(line, "m", now) == "m" and now < began + 30:
        now += 0.0205
        probe = line.probe
        assert probe is not None
        spent.append(probe.due(now) // packet * packet)
        probe.paid(spent[-1])
    return now, spent


def test_a_line_is_filled_slowly_before_a_better_layer_is_sent() -> None:
    # given
    line = line_that_reports(900_000)
    line.can_probe = True
    assert choose(line, None, 0.0) == "m"
    # when: repeats are sent beside 640 kbit/s, until 1,840 are reached
    now, spent = fill(line, FIRST_PATIENCE_SECONDS)

    # then: first little, at last what the better layer needs
    per_second = [8 * sum(spent[at : at + 49]) for at in (0, 49, 98)]
    assert per_second == sorted(per_second)
    assert per_second[0] < 400_000
    assert 1_150_000 < 8 * sum(spent[-49:]) <= 1_250_000
    assert 3.0 < now - FIRST_PATIENCE_SECONDS < 4.5

    # and it stays, although the reports lag behind
    line.reported(1_000_000, now)
    assert choose(line, "h", now + 1) == "h"
    line.reported(900_000, now)
    assert choose(line, "h", now + 2) == "m"


def test_a_report_of_less_ends_the_filling_and_the_next_comes_after_twice_the_time() -> None:
    line = line_that_reports(900_000)
    line.can_probe = True
    assert choose(line, None, 0.0) == "m"
    now = 0.0
    for patience in (5.0, 10.0, 20.0, 40.0, 80.0, 120.0, 120.0):
        assert choose(line, "m", now + patience - 0.1) == "m"
        assert line.probe is None
        now += patience
        probing(line, now).due(now)
        assert line.reported(800_000, now)
        assert choose(line, "m", now) == "m"
        assert line.probe is None
        line.reported(900_000, now)


def test_whole_packets_prove_a_line_as_well() -> None:
    line = line_that_reports(900_000)
    line.can_probe = True
    choose(line, None, 0.0)
    now, _ = fill(line, FIRST_PATIENCE_SECONDS, packet=1150)
    assert now - FIRST_PATIENCE_SECONDS < 5


def test_reports_that_say_it_fits_are_believed_while_a_probe_waits_for_its_turn() -> None:
    line = line_that_reports(900_000)
    line.can_probe = True
    choose(line, None, 0.0)
    probing(line, FIRST_PATIENCE_SECONDS)
    line.reported(9_000_000, 6.0)
    assert choose(line, "m", 6.0) == "h"
    assert line.probe is None


def test_what_a_probe_proved_is_not_believed_after_loss_or_reports_that_fall_slowly() -> None:
    for ends in ("loss", "reports"):
        line = line_that_reports(900_000)
        line.can_probe = True
        choose(line, None, 0.0)
        now, _ = fill(line, FIRST_PATIENCE_SECONDS)
        assert line.bits_per_second == 1_840_000
        if ends == "loss":
            line.lost(0.3, now)
        else:
            for number in range(1, 4):
                line.reported(round(900_000 * 0.98**number), now)
        assert (line.bits_per_second or 0) <= 900_000


def test_a_probe_that_nobody_ends_overflows_nothing() -> None:
    probe = Probe(640_000, 1_840_000)
    assert probe.due(0.0) == 0
    assert probe.due(10_000.0) < 20_000
    assert not probe.has_held(20_000.0)
    assert probe.is_too_long(20_000.0)


def test_nothing_is_proven_by_repeats_that_nobody_sent() -> None:
    line = line_that_reports(900_000)
    line.can_probe = True
    assert choose(line, None, 0.0) == "m"
    probing(line, FIRST_PATIENCE_SECONDS)
    assert choose(line, "m", 100.0) == "m"
    probe, now = probing(line, 100.0), 100.0
    while line.probe is probe:
        probe.due(now)
        assert choose(line, "m", now) == "m"
        now += 0.02


def test_who_names_a_layer_gets_it_whatever_his_line_carries() -> None:
    line = line_that_reports(100_000)
    assert choose(line, "l", 0.0, Choice(Mode.LAYER, "h")) == "h"


def test_who_named_a_layer_that_the_publisher_has_paused_sees_another_until_it_comes_back() -> None:
    line = line_that_reports(1_000_000)
    paused, silent = (LayerState("h", 0, 1280, 720), M, L), tuple(LayerState(rid, 0, 0, 0) for rid in "hml")
    wish = Choice(Mode.LAYER, "h")
    assert line.choose(paused, wish, "h", 40_000, 0.0) == "m"
    assert choose(line, "m", 1.0, wish) == "h"
    assert line.choose(silent, wish, "h", 40_000, 2.0) == "h"  # nothing comes at all: it is the host's line


def test_limits_hold_while_the_layer_is_chosen_for_him() -> None:
    line = line_that_reports(5_000_000)
    small = Choice(max_height=360)
    assert [choose(line, "l", now, small) for now in (0.0, 10.0)] == ["m", "m"]
    assert choose(line, "m", 99.0, Choice(max_width=100)) == "l"


def test_a_layer_that_the_publisher_has_paused_is_left() -> None:
    paused = (LayerState("h", 0, 1280, 720), M, L)
    assert Adaptation().choose(paused, AUTO, "h", 40_000, 0.0) == "m"
