"""What a publisher sends, as its tracks see it."""

from __future__ import annotations

import pytest

from media.answer import HIGH, choose_for_publisher
from media.inbound import InboundTrack
from media.rtp.packet import RtpPacket
from media.sdp import parse_offer
from tests.unit.media.offers import FFMPEG, OBS


def video_of(offer: str) -> InboundTrack:
    return next(InboundTrack(m) for m in choose_for_publisher(parse_offer(offer)) if m.offer.kind == "video")


def test_ffmpeg_is_never_asked_for_keyframes_and_repairs_over_rtx() -> None:
    track = video_of(FFMPEG)
    assert (track.can_nack, track.can_pli, track.can_remb) == (True, False, False)
    assert (track.payload_type, track.rtx_payload_type) == (106, 105)


def test_obs_sends_high_profile() -> None:
    assert video_of(OBS).published().profile_rank == HIGH


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        ([(1, 3000), (2, 3000), (3, 6000)], False),
        ([(1, 3000), (2, 12000), (3, 6000)], True),  # shown before what came before it
        ([(65535, 2**32 - 3000), (0, 0), (1, 3000)], False),  # both wrap
        ([(1, 3000), (5, 9000), (2, 3000)], False),  # a late packet is no B-frame
    ],
)
def test_b_frames_are_noticed(arrivals: list[tuple[int, int]], expected: bool) -> None:
    encoding = video_of(OBS).encodings[""]
    assert any(encoding.goes_back(RtpPacket(96, 0, s, t, 1, b"")) for s, t in arrivals) is expected
