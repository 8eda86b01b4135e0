"""One track from a publisher to viewers, with real SRTP, as the viewers' players would read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pylibsrtp
import pytest

from media.rtp.counters import Counters
from media.rtp.delivery import CATCH_UP_PACKETS
from media.rtp.fanout import Fanout
from media.rtp.history import History, KeyframeGroup
from media.rtp.lane import PACKET_OCTETS, REPAIR_OCTETS, Lane, LaneOptions
from media.rtp.layer import GROUP_PACKETS
from media.rtp.packet import RtpPacket, open_rtx, parse_rtp
from media.rtp.path import Path
from tests.unit.media.tracks import make_fanout

KEY = bytes(range(30))
IDR, SLICE = b"\x65\x88", b"\x61\x88"
H264: dict[str, tuple[int, int | None]] = {"H264": (102, 103), "VP8": (96, None)}
NO_RTX: dict[str, tuple[int, int | None]] = {"H264": (102, None)}


@dataclass
class Player:
    """A viewer's end: unprotects what it is sent."""

    codecs: dict[str, tuple[int, int | None]] = field(default_factory=lambda: H264)
    got: list[RtpPacket] = field(default_factory=list)
    is_full: bool = False
    fd: int = -1
    family: int = 0

    def __post_init__(self) -> None:
        policy = pylibsrtp.Policy(key=KEY, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND)
        policy.allow_repeat_tx = True
        self._inbound = pylibsrtp.Session(policy)
        policy = pylibsrtp.Policy(key=KEY, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        policy.allow_repeat_tx = True
        self._outbound = pylibsrtp.Session(policy)
        path = Path()
        path.move(("192.0.2.1", 5), self)
        self.lane = Lane(500, 501, LaneOptions(self.codecs, overhead=10), path, self._outbound._srtp[0])

    def sendto(self, data: Any, address: Any) -> int:
        if self.is_full:
            raise BlockingIOError
        assert address == ("192.0.2.1", 5)
        self.got.append(parse_rtp(self._inbound.unprotect(bytes(data))))
        return len(data)

    @property
    def sequences(self) -> list[int]:
        return [packet.sequence for packet in self.got]


@dataclass
class Camera:
    """A publisher's end: numbers of its own."""

    fanout: Fanout
    sequence: int = 65_530
    timestamp: int = 2**32 - 3000
    wall: float = 1000.0

    def send(self, payload: bytes, marker: int = 0x80, count: int = 1) -> None:
        for _ in range(count):
            self.fanout.push(
                RtpPacket(102, marker, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, 9, payload), self.wall
            )
            self.skip()

    def skip(self) -> None:
        """A packet that is lost on the way."""
        self.sequence += 1
        self.timestamp += 3000
        self.wall += 1 / 30


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def video(counters: Counters) -> Fanout:
    made = make_fanout("video", 90_000, counters)
    made.begin_source("H264")
    return made


def continuous(player: Player) -> bool:
    return player.sequences == [(player.sequences[0] + n) & 0xFFFF for n in range(len(player.got))]


def test_a_viewer_gets_packets_with_his_own_numbers_across_the_publishers_wrap(video: Fanout) -> None:
    # given
    camera, player = Camera(video), Player()
    camera.send(IDR)
    video.join(player.lane)

    # when
    camera.send(SLICE, count=20)

    # then
    assert len(player.got) == 21
    assert continuous(player)
    assert {(p.ssrc, p.payload_type) for p in player.got} == {(500, 102)}
    assert 0 < player.sequences[0] < 0x4000
    stamps = [p.timestamp for p in player.got]
    assert all((b - a) & 0xFFFFFFFF == 3000 for a, b in pairwise(stamps))


def test_the_kept_group_starts_a_viewer_at_once_and_fast(video: Fanout) -> None:
    # given
    camera, player = Camera(video), Player()
    camera.send(IDR)
    camera.send(SLICE, count=99)

    # when
    video.join(player.lane)
    camera.send(SLICE, count=10)

    # then
    assert player.got[0].payload == IDR
    assert len(player.got) == 110
    assert continuous(player)
    shown = (player.got[99].timestamp - player.got[0].timestamp) & 0xFFFFFFFF
    assert shown == pytest.approx(99 * 3000 / 50, abs=60)  # 3.3 s in 66 ms
    assert (player.got[109].timestamp - player.got[108].timestamp) & 0xFFFFFFFF == 3000


def test_a_viewer_who_catches_up_does_not_get_everything_in_one_burst(video: Fanout) -> None:
    camera, player = Camera(video), Player()
    camera.send(IDR)
    camera.send(SLICE, count=99)
    video.join(player.lane)
    assert len(player.got) == CATCH_UP_PACKETS
    camera.send(SLICE)
    assert len(player.got) == 2 * CATCH_UP_PACKETS


def test_a_new_keyframe_overtakes_a_viewer_who_catches_up(video: Fanout) -> None:
    camera, player = Camera(video), Player()
    camera.send(IDR)
    camera.send(SLICE, count=99)
    video.join(player.lane)
    camera.send(IDR)
    camera.send(SLICE)
    assert [p.payload for p in player.got[CATCH_UP_PACKETS:]] == [IDR, SLICE]
    assert continuous(player)


def test_without_a_group_a_viewer_waits_for_the_keyframe(video: Fanout) -> None:
    # given
    camera, player = Camera(video), Player()
    camera.send(SLICE, count=3)
    video.join(player.lane)
    assert video.wanted_keyframes(0.0)

    # when
    camera.send(SLICE)
    camera.send(IDR)
    camera.send(SLICE)

    # then
    assert [p.payload for p in player.got] == [IDR, SLICE]
    assert not video.wanted_keyframes(0.0)


def test_a_group_that_grows_too_long_is_forgotten(video: Fanout) -> None:
    camera, player = Camera(video), Player()
    camera.send(IDR)
    camera.send(SLICE, count=GROUP_PACKETS)
    video.join(player.lane)
    assert video.wanted_keyframes(0.0)
    assert player.got == []


def test_the_group_of_a_publisher_who_makes_no_keyframes_on_request_is_kept_longer(video: Fanout) -> None:
    video.begin_source("H264", answers_requests=False)
    camera, player = Camera(video), Player()
    camera.send(IDR)
    camera.send(SLICE, count=GROUP_PACKETS)
    video.join(player.lane)
    assert player.got[0].payload == IDR


def test_a_replaced_publisher_goes_on_in_the_same_numbers(video: Fanout) -> None:
    # given
    first, player = Camera(video), Player()
    first.send(IDR)
    video.join(player.lane)
    first.send(SLICE, count=4)

    # when
    video.begin_source("H264")
    second = Camera(video, sequence=17, timestamp=5, wall=first.wall + 2.0)
    second.send(SLICE)  # what is left of a picture that nobody has
    second.send(IDR)
    second.send(SLICE)

    # then
    assert [p.payload for p in player.got[-2:]] == [IDR, SLICE]
    assert continuous(player)
    elapsed = (player.got[-2].timestamp - player.got[-3].timestamp) & 0xFFFFFFFF
    assert elapsed == pytest.approx(90_000 * 2.1, rel=0.05)


def test_a_replacement_in_another_codec_uses_its_payload_type(video: Fanout) -> None:
    first, player = Camera(video), Player()
    first.send(IDR)
    video.join(player.lane)
    video.begin_source("VP8")
    Camera(video).send(b"\x10\x00")
    assert [p.payload_type for p in player.got] == [102, 96]
    assert continuous(player)


def test_a_viewer_without_the_new_codec_gets_nothing_until_it_fits_again(video: Fanout) -> None:
    player = Player()
    Camera(video).send(IDR)
    video.join(player.lane)
    video.begin_source("AV1")
    Camera(video).send(b"\x10\x00")
    assert len(player.got) == 1
    video.begin_source("H264")
    Camera(video).send(IDR)
    assert len(player.got) == 2


@pytest.mark.parametrize("codecs", [{"H264": (102, 103), "VP8": (96, 97)}, {"H264": (102, 103)}, NO_RTX])
def test_packets_of_another_codec_are_not_sent_again(
    video: Fanout, codecs: dict[str, tuple[int, int | None]]
) -> None:
    # given
    camera, player = Camera(video), Player(codecs)
    camera.send(IDR)
    video.join(player.lane)
    camera.send(SLICE, count=3)
    sent = len(player.got)

    # when
    video.begin_source("VP8")
    video.resend(player.lane, player.sequences)

    # then
    assert len(player.got) == sent


def test_lost_packets_are_sent_again_over_rtx(video: Fanout, counters: Counters) -> None:
    # given
    camera, player = Camera(video), Player()
    camera.send(IDR)
    video.join(player.lane)
    camera.send(b"\x61one")
    camera.send(b"\x61two")
    wanted = player.sequences[1:]

    # when
    video.resend(player.lane, wanted)

    # then
    again = player.got[3:]
    assert {(p.ssrc, p.payload_type) for p in again} == {(501, 103)}
    assert (again[1].sequence - again[0].sequence) & 0xFFFF == 1
    opened = [open_rtx(p, 500, 102) for p in again]
    assert [(p.sequence, p.payload) for p in opened if p] == list(zip(wanted, (b"\x61one", b"\x61two"), strict=True))
    assert counters.packets_resent == 2


def test_without_rtx_the_same_packet_is_sent_again(video: Fanout) -> None:
    camera, player = Camera(video), Player(NO_RTX)
    camera.send(IDR)
    video.join(player.lane)
    camera.send(SLICE)
    again = Player()  # a receiver that has not got it yet, with the same keys
    player.lane.path.way = again
    video.resend(player.lane, [player.sequences[1]])
    assert bytes(again.got[0]) == bytes(player.got[1])


def test_what_was_never_his_is_not_sent(video: Fanout) -> None:
    camera, player = Camera(video), Player()
    camera.send(IDR)
    camera.send(IDR)
    video.join(player.lane)
    video.resend(player.lane, [player.sequences[0] - 1, player.sequences[0] + 1, 40_000])
    assert len(player.got) == 1


def test_a_viewer_who_asks_without_end_is_limited(video: Fanout, counters: Counters) -> None:
    camera, player = Camera(video), Player()
    camera.send(IDR)
    video.join(player.lane)
    most = -(-REPAIR_OCTETS // (PACKET_OCTETS + len(IDR)))
    video.resend(player.lane, [player.sequences[0]] * (most + 5))
    assert counters.packets_resent == most
    assert counters.dropped_resend_limit == 5


def test_duplicates_and_latecomers_reach_nobody(video: Fanout, counters: Counters) -> None:
    # given
    camera, player = Camera(video, sequence=100), Player()
    camera.send(IDR)
    video.join(player.lane)

    # when
    assert not video.push(RtpPacket(102, 0, 100, 0, 9, IDR), 1000.0)
    assert not video.push(RtpPacket(102, 0, 99, 0, 9, IDR), 1000.0)

    # then
    assert len(player.got) == 1
    assert (counters.dropped_duplicate, counters.dropped_late) == (1, 1)


def test_no_number_is_used_twice_when_packets_around_the_first_keyframe_change_places(video: Fanout) -> None:
    # given: a replaced publisher, of whom the packet before the keyframe is late
    first, player = Camera(video, sequence=100), Player()
    first.send(IDR)
    video.join(player.lane)
    first.send(SLICE, count=2)
    video.begin_source("H264")
    second = Camera(video, sequence=17, wall=first.wall)
    second.send(SLICE)
    late = RtpPacket(102, 0, second.sequence, second.timestamp & 0xFFFFFFFF, 9, b"\x61late")
    second.skip()
    second.send(IDR)

    # when
    assert video.push(late, second.wall)
    second.send(SLICE)

    # then: SRTP would have refused a number that was used before
    assert [p.payload for p in player.got] == [IDR, SLICE, SLICE, IDR, SLICE]
    assert continuous(player)


def test_a_viewer_who_asks_for_numbers_to_come_is_not_sent_one_twice(video: Fanout) -> None:
    # given: he knows no RTX, and waits for the keyframe of another publisher
    first, player = Camera(video, sequence=100), Player(NO_RTX)
    first.send(IDR)
    video.join(player.lane)
    video.begin_source("H264")
    second = Camera(video, sequence=17, wall=first.wall)
    second.send(SLICE)

    # when
    video.resend(player.lane, [player.sequences[0] + 1])
    second.send(IDR)

    # then
    assert [p.payload for p in player.got] == [IDR, IDR]
    assert continuous(player)

    # and the same while the kept group is sent
    second.send(SLICE, count=40)
    late = Player(NO_RTX)
    video.join(late.lane)
    video.resend(late.lane, [late.sequences[-1] + 1])
    assert len(late.got) == CATCH_UP_PACKETS


def test_a_late_piece_of_the_keyframe_takes_no_number_of_the_last_publisher(video: Fanout) -> None:
    # given: viewers who are let in and have been sent nothing yet
    first, player = Camera(video, sequence=100), Player()
    first.send(IDR)
    video.join(player.lane)
    video.begin_source("H264")
    second = Camera(video, sequence=17, wall=first.wall)
    second.send(SLICE)
    second.skip()
    waiting = [Player() for _ in range(3)]
    video.push(RtpPacket(102, 0, 19, 50_000, 9, IDR), second.wall)
    for other in waiting:
        video._lanes[other.lane] = None
        video._admit(other.lane)  # as at a new group: without being served at once
    firsts = [other.lane.next_sequence for other in waiting]

    # when
    video.push(RtpPacket(102, 0, 18, 50_000, 9, b"\x65early"), second.wall)
    video.push(RtpPacket(102, 0, 20, 53_000, 9, SLICE), second.wall)

    # then
    assert [other.sequences[0] for other in waiting] == firsts
    assert [p.payload for p in waiting[0].got] == [IDR, SLICE]


def test_a_repeated_packet_has_its_own_timestamp_after_many_hours(video: Fanout) -> None:
    # given
    camera, player = Camera(video, sequence=100, timestamp=0), Player()
    camera.send(IDR)
    camera.send(SLICE, count=2)
    video.join(player.lane)
    for _ in range(8):  # 8 h in steps of an hour
        camera.timestamp += 3600 * 90_000
        camera.send(SLICE)
    sent = player.got[-1]

    # when
    video.resend(player.lane, [sent.sequence])

    # then
    assert player.got[-1] is not sent
    assert player.got[-1].timestamp == sent.timestamp


def test_a_late_packet_has_the_timestamp_of_its_picture_in_fast_motion(video: Fanout) -> None:
    # given: a picture of two packets, of which the first is late
    camera, player = Camera(video, sequence=100, timestamp=0), Player()
    camera.send(IDR)
    late = RtpPacket(102, 0, camera.sequence, camera.timestamp, 9, b"\x61first half")
    camera.sequence += 1
    camera.send(b"\x61second half")
    camera.send(SLICE, count=5)
    video.join(player.lane)
    camera.send(SLICE)

    # when
    video.push(late, camera.wall)

    # then
    halves = [p for p in player.got if b"half" in p.payload]
    assert [p.payload for p in halves] == [b"\x61second half", b"\x61first half"]
    assert halves[0].timestamp == halves[1].timestamp


def test_a_repaired_packet_takes_its_place_in_the_group(video: Fanout) -> None:
    # given
    camera, player = Camera(video, sequence=100), Player()
    camera.send(IDR)
    camera.skip()
    camera.send(b"\x61third")
    video.push(RtpPacket(102, 0, 101, 0, 9, b"\x61second"), camera.wall)

    # when
    video.join(player.lane)

    # then
    assert [p.payload for p in player.got] == [IDR, b"\x61second", b"\x61third"]


def test_a_full_socket_costs_only_that_packet(video: Fanout, counters: Counters) -> None:
    camera, slow, fast = Camera(video), Player(), Player()
    camera.send(IDR)
    for player in (slow, fast):
        video.join(player.lane)
    slow.is_full = True
    camera.send(SLICE)
    slow.is_full = False
    camera.send(SLICE)
    assert len(fast.got) == 3
    assert (slow.sequences[1] - slow.sequences[0]) & 0xFFFF == 2
    assert counters.dropped_socket == 1


def test_who_has_left_gets_nothing(video: Fanout) -> None:
    camera, player = Camera(video), Player()
    camera.send(IDR)
    video.join(player.lane)
    video.leave(player.lane)
    camera.send(SLICE)
    assert len(player.got) == 1
    assert video.lanes == 0


def test_sound_begins_at_once() -> None:
    audio = make_fanout("audio", 48_000)
    audio.begin_source("opus")
    player = Player({"opus": (111, None)})
    Camera(audio).send(b"opus")
    audio.join(player.lane)
    Camera(audio, sequence=65_531).send(b"more")
    assert [p.payload for p in player.got] == [b"more"]
    assert player.got[0].payload_type == 111


def test_sender_reports_follow_the_publishers_clock(video: Fanout) -> None:
    camera, player = Camera(video, timestamp=1000), Player()
    camera.send(IDR)
    video.join(player.lane)
    own = player.got[0].timestamp
    video.set_clock(1000 + 9000, 2000.0)
    told = video.report_for(player.lane, 2001.0)
    assert told is not None
    report, packets, octets = told
    assert report.rtp_timestamp == (own + 9000 + 90_000) & 0xFFFFFFFF
    assert (report.ssrc, packets, octets) == (500, 0, 0)


def test_history_keeps_the_newest() -> None:
    history = History(8)
    packets = [RtpPacket(1, 0, n, 0, 0, b"") for n in range(20)]
    assert all(history.add(packet) for packet in packets)
    assert not history.add(packets[3])
    assert history.get(11) is None
    assert history.get(12) is packets[12]
    with pytest.raises(ValueError, match="power of two"):
        History(10)


def test_a_group_begins_once_per_keyframe_of_several_packets() -> None:
    group = KeyframeGroup(10)
    first = [RtpPacket(1, 0, n, 50, 0, IDR) for n in (3, 2, 4)]
    assert [group.add(packet, True) for packet in first] == [True, False, False]
    assert [p.sequence for p in group.packets] == [2, 3, 4]
