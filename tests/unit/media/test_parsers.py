"""Every parser of what strangers send: empty, cut at every byte, damaged, random, of another version.

Each answers or raises ValueError, and nothing else. A new parser gets a line in PARSERS, with something to read.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.answer import CannotServe, Published, choose_for_publisher, choose_for_viewer
from media.cluster.signature import Signer
from media.rtp.extension import parse_extensions
from media.rtp.feedback import parse_rtcp
from media.rtp.keyframe import h264_keyframe, vp8_keyframe
from media.rtp.packet import open_rtx, parse_rtp
from media.rtp.vp8 import read_numbers, shift_numbers
from media.sdp import BadSdp, Offer, parse_fragment, parse_offer
from media.transport import stun
from media.transport.framing import Frames, frame
from tests.unit.media import corpus

PUBLISHED = {"video": Published("H264"), "audio": Published("opus")}
SIGNER = Signer("a secret")


@dataclass(frozen=True)
class Parser:
    """One way in."""

    name: str
    read: Callable[[bytes], object]
    real: Sequence[bytes]
    refuses_nothing: bool = True  # whether empty input is an answer; else ValueError
    other_versions: Sequence[bytes] = ()

    def __repr__(self) -> str:
        return self.name


def read_frames(data: bytes) -> object:
    return [bytes(datagram) for datagram in Frames(2048).cut(data)]


def read_vp8(data: bytes) -> object:
    return shift_numbers(data, read_numbers(data), 1, 1)


def only_bad_sdp(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """HTTP answers 400 to BadSdp, and 500 to any other ValueError."""

    def checked(data: bytes) -> object:
        try:
            return read(data.decode("utf-8", "replace"))
        except BadSdp:
            raise
        except ValueError as error:
            raise AssertionError("a ValueError that HTTP does not expect") from error

    return checked


def read_offer(text: str) -> object:
    """As far as the answer."""
    offer = parse_offer(text)
    for choose in (choose_for_publisher, lambda o: choose_for_viewer(o, PUBLISHED)):
        with suppress(CannotServe):
            choose(offer)
    return offer


def texts(texts: Sequence[str]) -> list[bytes]:
    return [text.replace("\n", "\r\n").encode() for text in texts]


PARSERS = [
    Parser("RTP", parse_rtp, corpus.RTP, False, [b"\x40" + bytes(20), b"\xc0" + bytes(20)]),
    Parser("RTX", lambda data: open_rtx(parse_rtp(data), 1, 2), corpus.RTP, False),
    Parser("RTCP", parse_rtcp, corpus.RTCP, True, [b"\x41\xc9\0\1\0\0\0\1", b"\xc1\xc9\0\1\0\0\0\1"]),
    Parser("header extensions", parse_extensions, [corpus.ELEMENTS, corpus.LARGE_ELEMENTS], False),
    Parser("VP8's numbers", read_vp8, corpus.VP8),
    Parser("VP8's keyframes", vp8_keyframe, corpus.VP8),
    Parser("H.264's keyframes", h264_keyframe, corpus.H264),
    Parser(
        "STUN",
        stun.parse,
        corpus.STUN[:4],
        False,
        [b"\0\1\0\0" + bytes(16), b"\x40\1\0\0\x21\x12\xa4\x42" + bytes(12)],
    ),
    Parser("frames of TCP", read_frames, [b"".join(map(frame, corpus.RTP))]),
    Parser(
        "offers",
        only_bad_sdp(read_offer),
        texts(corpus.OFFERS),
        False,
        [b"v=1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"],
    ),
    Parser("fragments", only_bad_sdp(parse_fragment), texts(corpus.FRAGMENTS), False),
    Parser(
        "signatures between nodes",
        lambda data: SIGNER.read(data.decode("latin-1"), "POST", "/whep/a", 1000.0),
        [b"0" * 64 + b",media-1,0,1000,192.0.2.1"],
    ),
]
every_parser = pytest.mark.parametrize("parser", PARSERS, ids=repr)


def attempt(parser: Parser, data: bytes) -> object:
    """Read, or be refused; anything else that is raised fails the test."""
    try:
        return parser.read(data)
    except ValueError:
        return None


@every_parser
def test_what_real_peers_send_is_read(parser: Parser) -> None:
    for data in parser.real:
        parser.read(data)


@every_parser
def test_nothing_at_all_is_refused_or_means_nothing(parser: Parser) -> None:
    if parser.refuses_nothing:
        parser.read(b"")
    else:
        with pytest.raises(ValueError):
            parser.read(b"")


@every_parser
def test_another_version_is_refused(parser: Parser) -> None:
    for data in parser.other_versions:
        with pytest.raises(ValueError):
            parser.read(data)


@every_parser
def test_what_is_cut_off_at_any_byte_is_read_or_refused(parser: Parser) -> None:
    for data in parser.real:
        step = max(1, len(data) // 400)
        for end in range(0, len(data), step):
            attempt(parser, data[:end])
            attempt(parser, data[end:])


@every_parser
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(parser: Parser, data: bytes) -> None:
    attempt(parser, data)


@every_parser
@given(choose=st.data())
def test_any_bytes_after_a_true_beginning_are_read_or_refused(parser: Parser, choose: st.DataObject) -> None:
    real = choose.draw(st.sampled_from(parser.real))
    keep = choose.draw(st.integers(0, len(real)))
    attempt(
        parser, real[:keep] + choose.draw(st.binary(max_size=80)) + real[keep + choose.draw(st.integers(0, 80)) :]
    )


@every_parser
def test_what_somebody_has_damaged_on_purpose_is_read_or_refused(parser: Parser) -> None:
    dice = random.Random(parser.name)
    for _ in range(1500):
        attempt(parser, corpus.mutate(dice.choice(parser.real), parser.real, dice))


@pytest.mark.parametrize("number", ["9" * 5000, "٣", "²", "-1", "0x1", "1_0", " 1"])
def test_numbers_that_python_reads_in_its_own_way_are_no_numbers_of_sdp(number: str) -> None:
    for real in corpus.OFFERS:
        for old in ("=96", ":96", " 96", ":111", " 111", " 9 ", "/90000", "/48000", "/2"):
            text = real.replace(old, old[0] + number + (" " if old.endswith(" ") else ""))
            try:
                offer = parse_offer(text)
            except BadSdp:
                continue
            assert numbers_of(offer) <= numbers_of(parse_offer(real))


def numbers_of(offer: Offer) -> set[tuple[str, int]]:
    """Every number that is read from an offer, with what it says."""
    ports = {("port", media.port) for media in offer.media}
    extensions = {item for media in offer.media for item in media.extensions.items()}
    codecs = [codec for media in offer.media for codec in media.codecs]
    types = {(codec.name, codec.payload_type) for codec in codecs}
    rates = {(codec.name, codec.clock_rate) for codec in codecs}
    return ports | extensions | types | rates | {("channels", codec.channels) for codec in codecs}
