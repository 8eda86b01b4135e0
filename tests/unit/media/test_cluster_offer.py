"""What a node offers to another one, and what it makes of the answer."""

from __future__ import annotations

import pytest

from media.answer import BASELINE, HIGH, MAIN, Local, Published, SendingTrack, choose_for_viewer, write_answer
from media.cluster.offer import chosen_by, write_offer
from media.rtp import extension
from media.sdp import parse_offer
from media.transport.ice import Credentials

FINGERPRINT = ":".join(["AB"] * 32)
BOTH = frozenset(("audio", "video"))
SENDING = {"video": SendingTrack(1, 2), "audio": SendingTrack(3, 4)}


def answer_to_a_copy(published: dict[str, Published]) -> str:
    """What the node with the publisher answers."""
    offer = parse_offer(write_offer(Credentials.make(), FINGERPRINT))
    local = Local("ufrag", "p" * 24, FINGERPRINT, ("1 1 udp 1 192.0.2.1 8189 typ host",))
    return write_answer(offer, choose_for_viewer(offer, published), local, 1, SENDING)


@pytest.mark.parametrize("rank", [BASELINE, MAIN, HIGH])
def test_the_answer_tells_the_profile_that_is_published(rank: int) -> None:
    answer = parse_offer(answer_to_a_copy({"video": Published("H264", rank), "audio": Published("opus")}))
    video, audio = chosen_by(answer, BOTH)
    assert (video.codecs[0].name, audio.codecs[0].name) == ("H264", "opus")
    assert video.codecs[0].rtx_payload_type is not None
    assert {"nack", "nack pli"} <= video.codecs[0].codec.feedback
    published = video.codecs[0].codec.parameters["profile-level-id"]
    assert published == {BASELINE: "42e01f", MAIN: "4d001f", HIGH: "640c1f"}[rank]


def test_the_codec_in_use_stands_first() -> None:
    answer = parse_offer(answer_to_a_copy({"video": Published("VP8"), "audio": Published("opus")}))
    assert chosen_by(answer, BOTH)[0].codecs[0].name == "VP8"


def test_what_nobody_publishes_is_not_expected() -> None:
    answer = parse_offer(answer_to_a_copy({"video": Published("VP8")}))
    video, audio = chosen_by(answer, frozenset(("video",)))
    assert video.codecs
    assert not audio.codecs


def test_we_call_and_the_other_side_is_passive() -> None:
    assert parse_offer(answer_to_a_copy({"audio": Published("opus")})).setup == "passive"


def test_every_layer_of_a_simulcast_is_taken_under_the_publishers_names() -> None:
    # given
    published = {"video": Published("VP8", rids=("big", "small")), "audio": Published("opus")}

    # when
    video, audio = chosen_by(parse_offer(answer_to_a_copy(published)), BOTH)

    # then
    assert (video.rids, audio.rids) == (("big", "small"), ())
    assert video.extensions[extension.RID] == video.extensions[extension.REPAIRED_RID]


def test_a_publisher_without_layers_is_taken_without() -> None:
    video, _ = chosen_by(parse_offer(answer_to_a_copy({"video": Published("VP8"), "audio": Published("opus")})), BOTH)
    assert video.rids == ()


@pytest.mark.parametrize("codec", ["VP9", "AV1", "H265"])
def test_what_is_only_forwarded_is_copied_too(codec: str) -> None:
    video, _ = chosen_by(parse_offer(answer_to_a_copy({"video": Published(codec), "audio": Published("opus")})), BOTH)
    assert video.codecs[0].name == codec
