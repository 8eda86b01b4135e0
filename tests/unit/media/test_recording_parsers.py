"""What strangers send: H.264, VP8 and Opus are read right, and rubbish is a ValueError and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import av
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from media.recording.assemble import Pictures
from media.recording.h264 import Fragment, H264Pictures, split_payload
from media.recording.journal import parse_records
from media.recording.opus import packet_samples, silence
from media.recording.sps import parse_sps
from media.recording.take import Take, take_from_json
from media.recording.tracks import PICTURE_LIMIT_BYTES, Codec
from media.recording.vp8 import Vp8Pictures, descriptor_length, read_setup
from tests.harness.scripted_rtp import broadcast, encoded_pictures, encoded_sounds


def payloads(codec: Codec, **shape: int) -> list[bytes]:
    return [a.packet[12:] for a in broadcast(codec, 1, **shape) if a.kind == "video"]


def sps_of(width: int, height: int, b_frames: int = 0) -> bytes:
    data = encoded_pictures("H264", 1, width=width, height=height, b_frames=b_frames)[0][1]
    start = data.index(b"\x00\x00\x01\x67") + 3
    return data[start : data.index(b"\x00\x00\x00\x01", start)]


@pytest.mark.parametrize(("width", "height"), [(320, 240), (318, 238), (1280, 720), (1920, 1080), (360, 640)])
def test_an_sps_tells_the_size_with_its_cropping(width: int, height: int) -> None:
    sps = parse_sps(sps_of(width, height))
    assert (sps.width, sps.height) == (width, height)
    assert (sps.profile, sps.reorder_frames) == (66, 0)


def test_an_sps_tells_that_pictures_are_reordered() -> None:
    sps = parse_sps(sps_of(320, 240, b_frames=2))
    assert sps.profile == 100
    assert sps.reorder_frames == 2


def test_a_vp8_key_frame_tells_its_size() -> None:
    setup = read_setup(encoded_pictures("VP8", 1, width=352, height=288)[0][1])
    assert (setup.width, setup.height) == (352, 288)


@pytest.mark.parametrize(
    ("pictures", "first", "next_"),
    [
        (Vp8Pictures(), b"\x10" + bytes(1200), b"\x00" + bytes(1200)),
        (H264Pictures(), b"\x7c\x85" + bytes(1200), b"\x7c\x05" + bytes(1200)),
    ],
)
def test_a_picture_that_never_ends_is_not_collected(pictures: Pictures, first: bytes, next_: bytes) -> None:
    pictures.start()
    pictures.add(first)
    for _ in range(PICTURE_LIMIT_BYTES // len(next_) - 1):
        pictures.add(next_)
    for _ in range(2):
        with pytest.raises(ValueError, match="too large"):
            pictures.add(next_)
    pictures.start()
    pictures.add(first)


def test_a_picture_is_the_same_before_and_after_rtp() -> None:
    pictures = H264Pictures()
    pictures.start()
    arrivals = [a for a in broadcast("H264", 1) if a.kind == "video"]
    first = arrivals[0].packet[4:8]
    for arrival in arrivals:
        if arrival.packet[4:8] == first:
            pictures.add(arrival.packet[12:])
    found = pictures.finish(after_loss=False)
    assert found is not None
    data, setup = found
    assert setup is not None
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = setup.configuration
    shown = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    assert [(frame.width, frame.height) for frame in shown] == [(192, 144)]


def test_opus_packets_of_an_encoder_last_20_ms() -> None:
    assert {packet_samples(packet) for packet in encoded_sounds(1)} == {960}


@pytest.mark.parametrize("channels", [1, 2])
def test_silence_fills_any_length_and_decodes_to_nothing(channels: int) -> None:
    packets = silence(960 * 3 + 480 + 240 + 120 + 7, channels)
    assert sum(length for length, _ in packets) == 960 * 3 + 480 + 240 + 120
    decoder = av.CodecContext.create("libopus", "r")
    for length, packet in packets:
        assert packet_samples(packet) == length
        for frame in decoder.decode(av.Packet(packet)):
            assert isinstance(frame, av.AudioFrame)
            assert frame.samples == length
            assert not any(bytes(frame.planes[0])[: length * 2])


def reads(parse: Callable[[bytes], object], data: bytes) -> None:
    """Passes if `parse` answers or raises ValueError."""
    with suppress(ValueError):
        parse(data)


def collect_h264(data: bytes) -> None:
    pictures = H264Pictures()
    pictures.start()
    with suppress(ValueError):
        pictures.add(data)
    pictures.finish(after_loss=False)


def collect_vp8(data: bytes) -> None:
    pictures = Vp8Pictures()
    pictures.start()
    with suppress(ValueError):
        pictures.add(data)
    pictures.finish(after_loss=False)


PARSERS: list[Callable[[bytes], object]] = [
    split_payload,
    parse_sps,
    descriptor_length,
    read_setup,
    packet_samples,
    collect_h264,
    collect_vp8,
    parse_records,
]


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x67" + bytes(100))
@example(b"\x67\x64\x00\x1f" + b"\xff" * 60)
@example(b"[1]\n{}\n{")
def test_random_bytes_are_refused_and_nothing_worse(data: bytes) -> None:
    for parse in PARSERS:
        reads(parse, data)


@given(st.binary(min_size=1, max_size=60))
def test_a_damaged_sps_is_refused_and_nothing_worse(damage: bytes) -> None:
    sps = sps_of(320, 240, b_frames=2)
    for at in range(len(sps)):
        reads(parse_sps, sps[:at] + damage + sps[at + len(damage) :])


def test_an_sps_cut_at_any_byte_is_refused_and_nothing_worse() -> None:
    sps = sps_of(1280, 720)
    for end in range(len(sps)):
        reads(parse_sps, sps[:end])
    with pytest.raises(ValueError, match="cut off"):
        parse_sps(sps[:8])


@pytest.mark.parametrize("codec", ["H264", "VP8"])
def test_a_payload_cut_at_any_byte_is_refused_and_nothing_worse(codec: Codec) -> None:
    for payload in payloads(codec)[:3]:
        for end in range(min(len(payload), 80)):
            reads(collect_h264, payload[:end])
            reads(collect_vp8, payload[:end])


def test_an_fu_a_names_its_unit_only_at_its_beginning() -> None:
    assert split_payload(b"\x7c\x85abc") == Fragment(0x65, b"abc", is_last=False)
    assert split_payload(b"\x7c\x45abc") == Fragment(None, b"abc", is_last=True)


WORDS = st.sampled_from(
    ["what", "part", "run", "fragment", "closed", "gap", "began", "uploaded", "start_ns", "end_ns"]
)
VALUES = st.one_of(st.none(), st.integers(), st.text(max_size=5), WORDS, st.dictionaries(WORDS, st.integers()))


@given(st.lists(st.dictionaries(WORDS, VALUES), max_size=5))
def test_a_strange_journal_record_is_refused_and_nothing_worse(records: list[dict[str, object]]) -> None:
    take = Take("s", "r")
    for record in records:
        with suppress(ValueError):
            take.apply(record)


@given(
    st.recursive(VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=9), inner), max_leaves=9)
)
def test_a_strange_take_json_is_refused_and_nothing_worse(body: object) -> None:
    with suppress(ValueError):
        take_from_json(body)
