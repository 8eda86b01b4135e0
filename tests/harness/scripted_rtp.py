"""Real encoded picture and sound as RTP packets with arrival times, which a test may lose, reorder or double."""

from __future__ import annotations

import array
import functools
import math
import random
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from av.packet import Packet

from media.recording.tracks import SECOND_NS, Codec, Kind, TrackFormat

FRAME_RATE = 30
SOUND_MS = 20
VIDEO_PAYLOAD, AUDIO_PAYLOAD = 102, 111
VP8 = TrackFormat("video", "VP8", 90_000, 0, VIDEO_PAYLOAD)
H264 = TrackFormat("video", "H264", 90_000, 0, VIDEO_PAYLOAD)
OPUS = TrackFormat("audio", "opus", 48_000, 2, AUDIO_PAYLOAD)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One RTP packet and when it comes in."""

    kind: Kind
    at_ns: int
    packet: bytes

    @property
    def sequence(self) -> int:
        return int.from_bytes(self.packet[2:4], "big")


@dataclass(frozen=True, slots=True)
class Counters:
    """Where the numbers of an RTP stream begin."""

    sequence: int = 100
    timestamp: int = 5_000
    ssrc: int = 1


@functools.cache
def encoded_pictures(
    codec: Codec, seconds: float, width: int = 192, height: int = 144, gop: int = 30, b_frames: int = 0
) -> tuple[tuple[int, bytes], ...]:
    """(frame number in the order of showing, encoded bytes) in the order of decoding. Each second begins white."""
    context = av.CodecContext.create("libx264" if codec == "H264" else "libvpx", "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.framerate, context.time_base = Fraction(FRAME_RATE), Fraction(1, FRAME_RATE)
    context.bit_rate, context.thread_count = 600_000, 1
    context.gop_size = gop
    if codec == "H264":
        context.options = {"preset": "ultrafast", "forced-idr": "1", "sc_threshold": "0", "bf": str(b_frames)}
        if b_frames:
            context.options = {**context.options, "preset": "veryfast", "b-adapt": "0"}
        else:
            context.profile = "Baseline"
            context.options = {**context.options, "tune": "zerolatency"}
    else:
        context.options = {"deadline": "realtime", "lag-in-frames": "0", "cpu-used": "8"}
    found: list[tuple[int, bytes]] = []
    for number in range(round(seconds * FRAME_RATE)):
        found += [(int(p.pts or 0), bytes(p)) for p in context.encode(_picture(number, width, height))]
    found += [(int(p.pts or 0), bytes(p)) for p in context.encode(None)]
    return tuple(found)


def _picture(number: int, width: int, height: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    noise = random.Random(number).randbytes(1024)
    for index, plane in enumerate(frame.planes):
        size = plane.buffer_size
        if index:
            plane.update(b"\x80" * size)
        elif number % FRAME_RATE == 0:
            plane.update(b"\xeb" * size)
        else:
            plane.update((noise + b"\x40" * (8192 - len(noise))) * (size // 8192) + b"\x40" * (size % 8192))
    frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
    return frame


@functools.cache
def encoded_sounds(seconds: float, channels: int = 2) -> tuple[bytes, ...]:
    """Opus packets of 20 ms. Each second begins with a tone of 100 ms."""
    layout = "stereo" if channels == 2 else "mono"
    context: Any = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = 48_000, layout, "s16"
    context.bit_rate = 64_000
    context.options = {"application": "lowdelay"}
    found: list[bytes] = []
    for number in range(round(seconds * 1000 / SOUND_MS)):
        loud = 12_000 if number * SOUND_MS % 1000 < 100 else 0
        wave = array.array("h")
        for index in range(960):
            value = round(loud * math.sin(2 * math.pi * 1000 * index / 48_000))
            wave.extend([value] * channels)
        frame = av.AudioFrame("s16", layout, 960)
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate, frame.pts, frame.time_base = 48_000, number * 960, Fraction(1, 48_000)
        found += [bytes(packet) for packet in context.encode(frame)]
    return tuple(found)


def picture_packets(
    pictures: Iterable[tuple[int, bytes]], codec: Codec, begin_ns: int = 0, counters: Counters | None = None
) -> list[Arrival]:
    """The pictures as RTP packets that arrive when they were taken (with B-frames: in the order of decoding)."""
    counters = counters or Counters()
    sequence = counters.sequence
    arrivals = []
    encoder = H264Encoder() if codec == "H264" else Vp8Encoder()
    for place, (number, data) in enumerate(pictures):
        packet = Packet(data)
        packet.pts, packet.time_base = number, Fraction(1, FRAME_RATE)
        payloads, _ = encoder.pack(packet)
        timestamp = counters.timestamp + number * 90_000 // FRAME_RATE
        for index, payload in enumerate(payloads):
            is_last = index == len(payloads) - 1
            head = _head(VIDEO_PAYLOAD, is_last, sequence, timestamp, counters.ssrc)
            at_ns = begin_ns + place * SECOND_NS // FRAME_RATE + index * 1000
            arrivals.append(Arrival("video", at_ns, head + payload))
            sequence += 1
    return arrivals


def sound_packets(sounds: Iterable[bytes], begin_ns: int = 0, counters: Counters | None = None) -> list[Arrival]:
    """The sounds as RTP packets that arrive when they were made."""
    counters = counters or Counters(ssrc=2)
    return [
        Arrival(
            "audio",
            begin_ns + number * SOUND_MS * 1_000_000,
            _head(AUDIO_PAYLOAD, False, counters.sequence + number, counters.timestamp + number * 960, counters.ssrc)
            + sound,
        )
        for number, sound in enumerate(sounds)
    ]


def broadcast(codec: Codec, seconds: float, begin_ns: int = 0, ssrc: int = 1, **shape: int) -> list[Arrival]:
    """Picture and sound of one broadcast in order of arrival."""
    return in_order(
        picture_packets(encoded_pictures(codec, seconds, **shape), codec, begin_ns, Counters(ssrc=ssrc)),
        sound_packets(encoded_sounds(seconds), begin_ns, Counters(ssrc=ssrc + 1)),
    )


def in_order(*streams: Iterable[Arrival]) -> list[Arrival]:
    """Several streams merged by arrival."""
    return sorted((arrival for stream in streams for arrival in stream), key=lambda arrival: arrival.at_ns)


def without(arrivals: Iterable[Arrival], lost: set[tuple[Kind, int]]) -> list[Arrival]:
    """Without the packets of these (kind, sequence number)."""
    return [arrival for arrival in arrivals if (arrival.kind, arrival.sequence) not in lost]


def shaken(arrivals: Iterable[Arrival], seed: int, jitter_ms: int, doubled: float) -> list[Arrival]:
    """The same packets, delayed at random (so reordered), some of them twice."""
    source = random.Random(seed)
    found = []
    for arrival in arrivals:
        copies = 2 if source.random() < doubled else 1
        found += [
            replace(arrival, at_ns=arrival.at_ns + source.randrange(jitter_ms * 1_000_000)) for _ in range(copies)
        ]
    return in_order(found)


def _head(payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int) -> bytes:
    return struct.pack(
        ">BBHII", 0x80, payload_type | (0x80 if marker else 0), sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc
    )
