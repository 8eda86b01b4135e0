"""Clients that whip-whep.md calls odd: each gets an answer that its own rules, and those of SDP, allow."""

from __future__ import annotations

import re

import pytest
from aioice import stun

from media.answer import BASELINE, HIGH, Local, Published, SendingTrack, choose_for_publisher, choose_for_viewer
from media.answer import write_answer as write
from media.sdp import parse_offer
from tests.unit.media import odd_offers
from tests.unit.media.odd_offers import FFMPEG_8, FFMPEG_9, FIREFOX, FIREFOX_PLAYS, GSTREAMER, RFC_9725, SAFARI
from tests.unit.media.offers import OBS
from tests.unit.media.test_ice import HOME, SILENCE, World

LOCAL = Local("ourufrag", "ourpwd" * 5, "AA:BB", ("1 1 udp 2130706431 192.0.2.1 8189 typ host",))
SENDING = {"audio": SendingTrack(11, 12), "video": SendingTrack(21, 22)}
LIVE = {"video": Published("H264", BASELINE), "audio": Published("opus")}


def publish(text: str) -> str:
    offer = parse_offer(text)
    return write(offer, choose_for_publisher(offer), LOCAL, 1)


def play(text: str, published: dict[str, Published] | None = None) -> str:
    offer = parse_offer(text)
    return write(offer, choose_for_viewer(offer, published or LIVE), LOCAL, 1, SENDING)


def sections(sdp: str) -> list[list[str]]:
    """The lines of each m-section."""
    return [part.splitlines() for part in re.split(r"(?m)^(?=m=)", sdp.replace("\r\n", "\n"))[1:]]


def values(section: list[str], name: str) -> list[str]:
    return [line.partition(":")[2] for line in section if line.startswith(f"a={name}:")]


def check_answers(offer: str, answer: str, direction: str) -> None:
    """What RFC 3264, 8829 and 9143 ask of an answer whose tracks were all accepted."""
    offered, answered = sections(offer), sections(answer)
    assert len(offered) == len(answered)
    for asked, got in zip(offered, answered, strict=True):
        (kind, _, protocol, *types), (own_kind, port, own_protocol, *own_types) = asked[0].split(), got[0].split()
        assert (kind, protocol) == (own_kind, own_protocol)
        assert port != "0"
        assert set(own_types) <= set(types)
        assert values(got, "mid") == values(asked, "mid")
        assert set(values(got, "rtcp-fb")) <= set(values(asked, "rtcp-fb"))
        assert {v.split()[0] for v in values(got, "rtpmap")} == set(own_types)
        assert f"a={direction}" in got
        assert "a=rtcp-mux" in got
        assert values(got, "setup") == [{"passive": "active"}.get(parse_offer(offer).setup, "passive")]
        assert values(got, "ice-ufrag") == ["ourufrag"]
        assert ("a=rtcp-mux-only" in got) == ("a=rtcp-mux-only" in asked)
    assert "a=ice-lite" in answer
    assert sorted(re.findall(r"a=group:BUNDLE (.*)", answer.replace("\r", ""))[0].split()) == sorted(
        values(part, "mid")[0] for part in answered
    )
    assert answer.count("a=candidate:") == 1


@pytest.mark.parametrize("client", odd_offers.PUBLISHERS)
def test_every_odd_publisher_gets_a_whole_and_proper_answer(client: str) -> None:
    offer = odd_offers.PUBLISHERS[client]
    check_answers(offer, publish(offer), "recvonly")


@pytest.mark.parametrize("client", odd_offers.PLAYERS)
def test_every_odd_player_gets_a_whole_and_proper_answer(client: str) -> None:
    offer = odd_offers.PLAYERS[client]
    check_answers(offer, play(offer), "sendonly")


def test_the_rfcs_own_example_is_served_although_its_second_track_has_no_transport() -> None:
    answer = publish(RFC_9725)
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" in answer
    assert "a=ice-options:trickle ice2\r\n" in answer


def test_firefox_publishes_the_h264_that_has_a_packetization_mode_and_its_mdns_names_are_not_looked_up() -> None:
    answer = publish(FIREFOX)
    assert "m=video 9 UDP/TLS/RTP/SAVPF 126 127\r\n" in answer
    assert ".local" not in answer


def test_firefox_plays_vp8_when_that_is_what_comes() -> None:
    answer = play(FIREFOX_PLAYS, {"video": Published("VP8"), "audio": Published("opus")})
    assert "m=video 9 UDP/TLS/RTP/SAVPF 120 124 126 127\r\n" in answer


def test_safari_publishes_constrained_baseline_though_it_would_rather_send_h265_or_high() -> None:
    answer = publish(SAFARI)
    assert "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\n" in answer
    assert "profile-level-id=42e034" in answer


@pytest.mark.parametrize("level", ["42e034", "42e01f", "42e00a"])
def test_a_level_never_decides_what_a_viewer_gets(level: str) -> None:
    answer = play(odd_offers.SAFARI_PLAYS_ALL.replace("42e034", level))
    assert "m=video 9 UDP/TLS/RTP/SAVPF 98 99 100 101 " in answer


def test_safari_plays_the_high_profile_of_obs_as_high() -> None:
    answer = play(odd_offers.SAFARI_PLAYS_ALL, {**LIVE, "video": Published("H264", HIGH)})
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96 97 100 101 " in answer


@pytest.mark.parametrize("offer", [FFMPEG_8, FFMPEG_9])
def test_ffmpeg_is_connected_to_and_promised_nothing_that_it_cannot_do(offer: str) -> None:
    answer = publish(offer)
    assert answer.count("a=setup:active") == 2
    assert "pli" not in answer
    assert "goog-remb" not in answer


def test_ffmpeg_8_has_no_repair_and_ffmpeg_9_has() -> None:
    assert "rtx" not in publish(FFMPEG_8)
    assert "a=fmtp:105 apt=106" in publish(FFMPEG_9)


def test_ffmpeg_8s_checks_lack_priority_and_are_answered() -> None:
    # given
    world = World()
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = f"{world.credentials.ufrag}:theirs"
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(world.credentials.pwd.encode())

    # when
    answered = world.ice.answer(bytes(request), HOME, SILENCE)

    # then
    assert answered is not None
    assert [username for _, username, _ in world.peer.checks] == [f"{world.credentials.ufrag}:theirs"]


def test_obs_keeps_its_high_profile_and_is_asked_for_keyframes() -> None:
    answer = publish(OBS)
    assert "profile-level-id=640032" in answer
    assert "a=rtcp-fb:96 nack pli" in answer


def test_gstreamer_keeps_its_mids_and_its_profile_and_its_parameter_sets_are_not_echoed() -> None:
    answer = publish(GSTREAMER)
    assert "a=group:BUNDLE video0 audio1\r\n" in answer
    assert "profile-level-id=42c01f" in answer
    assert "sprop-parameter-sets" not in answer
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 98\r\n" in answer
