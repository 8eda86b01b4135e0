"""The words of recording: track formats, access units, samples and codec set-ups, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["video", "audio"]
Codec = Literal["H264", "VP8", "opus"]

SECOND_NS = 1_000_000_000
PICTURE_LIMIT_BYTES = 8_000_000  # what a stranger may make us collect before a picture ends
VIDEO_CLOCK = 90_000  # RFC 6184, RFC 7741
AUDIO_CLOCK = 48_000  # RFC 7587: Opus always counts at 48 kHz


@dataclass(frozen=True, slots=True)
class TrackFormat:
    """What the publisher sends on one track, as negotiated."""

    kind: Kind
    codec: Codec
    clock_rate: int
    channels: int
    payload_type: int


@dataclass(frozen=True, slots=True)
class VideoSetup:
    """What a decoder must know before the first picture; another set-up makes another run."""

    codec: Codec
    codec_string: str  # RFC 6381, as in CODECS="…"
    width: int
    height: int
    configuration: bytes  # the body of avcC or vpcC
    reorder_frames: int = 0  # how many pictures may be shown later than they are decoded (B-frames)


@dataclass(frozen=True, slots=True)
class AudioSetup:
    """What a decoder must know before the first sound."""

    channels: int
    codec: Codec = "opus"
    codec_string: str = "opus"


class AccessUnit(NamedTuple):
    """One whole picture or one Opus packet, with the unwrapped RTP time of its sender."""

    kind: Kind
    timestamp: int  # ticks of the track's RTP clock
    arrival_ns: int  # on the machine's monotonic clock
    data: bytes
    keyframe: bool
    after_loss: bool  # something before it was lost for good
    setup: VideoSetup | None  # with each video keyframe


class Sample(NamedTuple):
    """One picture or sound on the take's timeline."""

    kind: Kind
    at_ns: int  # when it is shown or heard
    length: int  # of a sound, in samples at 48 kHz; 0 for a picture: it is known only when the next one comes
    data: bytes
    keyframe: bool
    after_loss: bool
    setup: VideoSetup | None
