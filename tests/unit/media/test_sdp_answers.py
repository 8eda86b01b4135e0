"""Offers of real clients and the answers they get."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.answer import (
    BASELINE,
    HIGH,
    CannotServe,
    Local,
    Published,
    SendingTrack,
    choose_for_publisher,
    choose_for_viewer,
    write_answer,
    write_fragment,
)
from media.rtp import extension
from media.sdp import BadSdp, Fragment, parse_fragment, parse_offer
from tests.unit.media.offers import ALL, CHROMIUM, CHROMIUM_PLAYS, FFMPEG, OBS, SAFARI_PLAYS

LOCAL = Local("ourufrag", "ourpwd" * 5, "AA:BB", ("1 1 udp 2130706431 192.0.2.1 8189 typ host",))
SENDING = {"audio": SendingTrack(11, 12), "video": SendingTrack(21, 22)}
H264_AND_OPUS = {"video": Published("H264", BASELINE), "audio": Published("opus")}


def publish(text: str) -> str:
    offer = parse_offer(text)
    return write_answer(offer, choose_for_publisher(offer), LOCAL, 1)


def play(text: str, published: dict[str, Published]) -> str:
    offer = parse_offer(text)
    return write_answer(offer, choose_for_viewer(offer, published), LOCAL, 1, SENDING)


def test_chromium_publishes_constrained_baseline_with_repair_and_remb() -> None:
    answer = publish(CHROMIUM)
    assert "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n" in answer
    assert "a=fmtp:109 apt=108" in answer
    assert "a=rtcp-fb:108 nack pli" in answer
    assert "a=rtcp-fb:108 goog-remb" in answer
    assert "transport-cc" not in answer
    assert "a=group:BUNDLE 0 1" in answer
    assert answer.count("a=candidate:") == 1
    assert answer.count("a=recvonly") == 2
    assert "a=setup:passive" in answer
    assert "a=ice-lite" in answer


def test_chromium_without_h264_publishes_vp8() -> None:
    answer = publish(CHROMIUM.replace("H264", "H266"))
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" in answer


def test_ffmpeg_which_waits_is_answered_active_and_is_promised_no_pli() -> None:
    answer = publish(FFMPEG)
    assert answer.count("a=setup:active") == 2
    assert "nack pli" not in answer
    assert "a=rtcp-fb:106 nack\r\n" in answer
    assert "profile-level-id=42000c" in answer


def test_a_bundle_only_track_has_port_0_and_is_served() -> None:
    offer = CHROMIUM.replace("m=video 9", "m=video 0").replace("a=mid:1", "a=mid:1\na=bundle-only")
    assert "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n" in publish(offer)


def test_obs_keeps_high_profile_and_stereo() -> None:
    answer = publish(OBS)
    assert "profile-level-id=640032" in answer
    assert "stereo=1" in answer


def test_packets_that_go_out_again_under_their_own_number_do_not_tell_when_they_are_sent() -> None:
    # given
    timed = CHROMIUM_PLAYS.replace("a=mid:", f"a=extmap:2 {extension.ABS_SEND_TIME}\na=mid:")

    # when
    with_rtx, without = play(timed, H264_AND_OPUS), play(timed.replace("rtx", "red"), H264_AND_OPUS)

    # then
    assert with_rtx.count("abs-send-time") == 2
    assert without.count("abs-send-time") == 1  # of the sound, which nobody asks for again


@pytest.mark.parametrize("kind", ["publisher", "viewer"])
def test_what_may_be_longer_than_the_short_form_of_an_extension_needs_both_forms(kind: str) -> None:
    # given
    named = f"a=extmap:12 {extension.DEPENDENCY}\n"
    both = (CHROMIUM if kind == "publisher" else CHROMIUM_PLAYS).replace("a=mid:1\n", f"a=mid:1\n{named}")
    published = {"video": Published("AV1", extensions={extension.DEPENDENCY: 3}), "audio": Published("opus")}

    def answer(text: str) -> str:
        return (publish(text) if kind == "publisher" else play(text, published)).replace("\r\n", "\n")

    # when
    short = both.replace("a=extmap-allow-mixed\n", "")

    # then
    assert named in answer(both)
    assert answer(both).count("a=extmap-allow-mixed\n") == 2
    assert named in answer(short.replace("a=mid:1\n", "a=mid:1\na=extmap-allow-mixed\n"))
    assert named not in answer(short)
    assert "extmap-allow-mixed" not in answer(short)


@pytest.mark.parametrize(
    ("setup", "answered"), [("actpass", "passive"), ("active", "passive"), ("passive", "active")]
)
def test_every_setup_is_answered(setup: str, answered: str) -> None:
    assert f"a=setup:{answered}" in publish(CHROMIUM.replace("a=setup:actpass", f"a=setup:{setup}"))


def test_a_viewer_gets_the_published_codec_first_and_the_other_for_a_later_publisher() -> None:
    answer = play(CHROMIUM_PLAYS, H264_AND_OPUS)
    assert "m=video 9 UDP/TLS/RTP/SAVPF 108 109 96 97 " in answer
    assert "a=ssrc-group:FID 21 22" in answer
    assert answer.count("a=sendonly") == 2
    assert "a=ssrc:11 cname:dongting" in answer
    assert "a=ssrc:21 cname:dongting" in answer


def test_safari_gets_the_profile_that_is_published_whatever_the_level() -> None:
    assert "SAVPF 98 99 " in play(SAFARI_PLAYS, H264_AND_OPUS)
    assert "SAVPF 96 97 " in play(SAFARI_PLAYS, {"video": Published("H264", HIGH), "audio": Published("opus")})


def test_a_viewer_without_high_profile_gets_what_he_has() -> None:
    assert "SAVPF 108 109 96 97 " in play(CHROMIUM_PLAYS, {"video": Published("H264", HIGH)})


def test_a_viewer_who_also_offers_to_send_is_served() -> None:
    assert play(CHROMIUM_PLAYS.replace("a=recvonly", "a=sendrecv"), H264_AND_OPUS).count("a=sendonly") == 2


def test_a_viewer_of_a_silent_stream_is_ready_for_sound() -> None:
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" in play(CHROMIUM_PLAYS, {"video": Published("H264")})


def test_a_track_that_the_client_itself_rejects_stays_rejected() -> None:
    answer = publish(CHROMIUM.replace("m=audio 9", "m=audio 0"))
    assert "m=audio 0 " in answer
    assert "a=group:BUNDLE 1\r\n" in answer


@pytest.mark.parametrize(
    "text",
    [
        CHROMIUM.replace("m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0", "m=video 9 UDP/TLS/RTP/SAVPF 111"),
        CHROMIUM.replace("opus", "speex"),
        CHROMIUM.replace("H264", "X").replace("VP8", "Y").replace("AV1", "Z").replace("VP9", "W"),
        CHROMIUM.replace("a=sendonly", "a=recvonly"),
        CHROMIUM.replace("a=rtcp-mux", "a=nothing"),
        CHROMIUM.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"),
        CHROMIUM.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        CHROMIUM + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:2\n",
    ],
)
def test_what_cannot_be_served_is_never_answered_in_part(text: str) -> None:
    with pytest.raises(CannotServe):
        choose_for_publisher(parse_offer(text))


@pytest.mark.parametrize("name", ["H264", "opus"])
def test_a_viewer_who_lacks_the_published_codec_cannot_be_served(name: str) -> None:
    with pytest.raises(CannotServe):
        choose_for_viewer(parse_offer(CHROMIUM_PLAYS.replace(name, "other")), H264_AND_OPUS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=1\n",
        "v=0\n",
        CHROMIUM.replace("a=ice-ufrag:abcd", "a=ice-ufrag:a b"),
        CHROMIUM.replace("a=ice-pwd:", "a=nothing:"),
        CHROMIUM.replace("a=fingerprint:sha-256", "a=fingerprint:md5"),
        CHROMIUM.replace("a=setup:actpass", "a=setup:holdconn"),
        CHROMIUM.replace("a=mid:1", "a=mid:0"),
        CHROMIUM.replace("m=video 9", "m=video nine"),
        CHROMIUM.replace("a=rtpmap:96 VP8/90000", "a=rtpmap:96 VP8"),
        CHROMIUM.replace("a=mid:1", "a=mid:one two"),
    ],
)
def test_what_is_no_offer_is_bad_sdp(text: str) -> None:
    with pytest.raises(BadSdp):
        parse_offer(text)


def test_an_answer_to_a_restart_reads_as_a_fragment() -> None:
    assert parse_fragment(write_fragment(LOCAL, ["0", "1"])) == Fragment("ourufrag", "ourpwd" * 5)


@given(st.sampled_from(ALL), st.integers(0, 5000), st.integers(0, 60), st.text(max_size=20))
def test_a_damaged_offer_is_answered_or_refused(text: str, at: int, length: int, other: str) -> None:
    damaged = text[:at] + other + text[at + length :]
    try:
        offer = parse_offer(damaged)
    except BadSdp:
        return
    for choose in (choose_for_publisher, lambda o: choose_for_viewer(o, H264_AND_OPUS)):
        with contextlib.suppress(CannotServe):
            assert write_answer(offer, choose(offer), LOCAL, 1, SENDING).startswith("v=0\r\n")
