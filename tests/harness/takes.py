"""Takes as a media node leaves them in the object store, and uploads, made with real encoders."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Literal, NamedTuple

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from config.objects import Objects
from media.hls.playlist import Segment, vod_playlist
from media.recording.boxes import AudioEntry, VideoEntry, fragment, init_segment
from media.recording.h264 import make_setup
from media.recording.tracks import VIDEO_CLOCK, AudioSetup, VideoSetup
from media.recording.vp8 import read_setup
from server.recordings.take import take_prefix

PART_SECONDS = 2.0
OPUS_RATE = 48_000
OPUS_SAMPLES = 960
NUMBER_BITS = 12
NUMBER_SHARE = 8  # of a picture's height that its number takes
VideoCodec = Literal["H264", "VP8"]
ENCODERS = {"H264": "libx264", "VP8": "libvpx"}


@dataclass(frozen=True, slots=True)
class RunOf:
    """One run to make. `gap_seconds`: how long nothing came before it. `is_uneven`: frames come at odd moments.

    `says_from`: its sound is the same talk everywhere, from this second of it on; None: a steady tone.
    """

    seconds: float = 4.0
    video: VideoCodec | None = "H264"
    width: int = 640
    height: int = 360
    channels: int = 1  # 0: no sound
    gap_seconds: float = 0.0
    is_uneven: bool = False
    frames_per_second: int = 15
    says_from: float | None = None


@dataclass(frozen=True, slots=True)
class MadeTake:
    """Objects by name, and how long it is on the stream's timeline."""

    files: dict[str, bytes]
    duration_ms: int


def make_take(stream_id: str, runs: Sequence[RunOf], began_at: datetime | None = None) -> MadeTake:
    """A whole take."""
    files: dict[str, bytes] = {}
    parts: list[dict[str, object]] = []
    segments: list[Segment] = []
    described: list[dict[str, object]] = []
    gaps: list[dict[str, int]] = []
    at_ms = 0
    for number, run in enumerate(runs):
        away_ms = round(run.gap_seconds * 1000)
        if away_ms:
            gaps.append({"start_ms": at_ms, "end_ms": at_ms + away_ms})
        at_ms += away_ms
        init, fragments = _record(run, at_ms / 1000)
        files[f"init-{number}.mp4"] = init
        for index, body in enumerate(fragments):
            start_ms = at_ms + round(index * PART_SECONDS * 1000)
            end_ms = min(at_ms + round(run.seconds * 1000), start_ms + round(PART_SECONDS * 1000))
            name = f"part-{len(parts):06}.m4s"
            files[name] = body
            parts.append(
                {
                    "name": name,
                    "run": number,
                    "start_ms": start_ms,
                    "duration_ms": end_ms - start_ms,
                    "bytes": len(body),
                    "keyframe": True,
                }
            )
            segments.append(Segment(name, f"init-{number}.mp4", start_ms, end_ms - start_ms))
        at_ms += round(run.seconds * 1000)
        described.append(
            {
                "init": f"init-{number}.mp4",
                "video_codec": run.video,
                "audio_codec": "opus" if run.channels else None,
                "width": run.width if run.video else 0,
                "height": run.height if run.video else 0,
            }
        )
    take = {
        "stream_id": stream_id,
        "room_id": "",
        "first_picture_at": began_at.isoformat() if began_at else None,
        "duration_ms": at_ms,
        "parts": parts,
        "runs": described,
        "gaps": gaps,
    }
    files["index.m3u8"] = vod_playlist(segments, None).encode()
    files["take.json"] = json.dumps(take).encode()
    return MadeTake(files, at_ms)


async def put_take(
    objects: Objects, stream_id: str, runs: Sequence[RunOf], began_at: datetime | None = None
) -> MadeTake:
    """Make a take and put it into the object store."""
    take = make_take(stream_id, runs, began_at)
    for name, data in take.files.items():
        await objects.put(take_prefix(stream_id) + name, data, "application/octet-stream")
    return take


def make_video(
    seconds: float,
    *,
    width: int = 640,
    height: int = 360,
    kind: str = "mp4",
    sound: bool = True,
    says_from: float | None = None,
) -> bytes:
    """A video as somebody uploads it."""
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as container:
        run = RunOf(seconds, width=width, height=height, channels=1 if sound else 0, says_from=says_from)
        _fill(container, run)
    return out.getvalue()


def picture(width: int, height: int, seconds: float) -> VideoFrame:
    """A grey ramp with a bar that moves, so that the encoder has work and a poster something to show."""
    frame = VideoFrame(width, height, "yuv420p")
    bar = int(seconds * 40) % width
    for number, plane in enumerate(frame.planes):
        line = bytearray(plane.line_size)
        for x in range(plane.width):
            line[x] = 40 + x * 150 // plane.width if number == 0 else 100 + number * 20
        if number == 0:
            for x in range(bar, min(bar + 24, width)):
                line[x] = 230
        plane.update(bytes(line) * plane.height)
    return frame


def talk(from_seconds: float, samples: int) -> bytes:
    """Sound of which every second is unlike every other, from some second of it on."""
    loudness = np.random.default_rng(7).uniform(0, 1, 20_000) ** 3
    at = np.arange(samples) + round(from_seconds * OPUS_RATE)
    wave = np.sin(at * (2 * math.pi * 440 / OPUS_RATE)) * loudness[at // (OPUS_RATE // 20)]
    return bytes((wave * 12_000).astype("<i2").tobytes())


def number_in(frame: VideoFrame) -> int:
    """Which picture of its run this is, however small or coarse it has become."""
    grey = frame.reformat(format="gray")
    plane = grey.planes[0]
    data, row = bytes(plane), frame.height // NUMBER_SHARE // 2
    block = frame.width / NUMBER_BITS
    bits = (data[row * plane.line_size + int((place + 0.5) * block)] > 128 for place in range(NUMBER_BITS))
    return sum(bit << place for place, bit in enumerate(bits))


def numbered(frame: VideoFrame, number: int) -> VideoFrame:
    """A picture with a number burnt in: black and white blocks along its upper edge."""
    plane = frame.planes[0]
    block = frame.width / NUMBER_BITS
    row = bytes(235 if number >> int(x / block) & 1 else 16 for x in range(frame.width))
    line = row + bytes(plane.line_size - frame.width)
    height = frame.height // NUMBER_SHARE
    plane.update(line * height + bytes(plane)[plane.line_size * height :])
    return frame


def _record(run: RunOf, begins_seconds: float) -> tuple[bytes, list[bytes]]:
    """The init segment and one fragment for each part, written as the media node writes them."""
    pictures = _pictures(run) if run.video else []
    sounds = _sounds(run) if run.channels else []
    setup = _setup_of(run, pictures[0].data) if pictures else None
    init = init_segment(setup, AudioSetup(run.channels) if run.channels else None)
    fragments = []
    for number in range(math.ceil(run.seconds / PART_SECONDS)):
        start, end = number * PART_SECONDS, (number + 1) * PART_SECONDS
        video = [picture for picture in pictures if start <= picture.at < end]
        audio = [sound for sound in sounds if start <= sound.at < end]
        fragments.append(
            fragment(
                number + 1,
                (
                    _ticks(begins_seconds + video[0].at, VIDEO_CLOCK) if video else 0,
                    _video_entries(run, pictures, video),
                ),
                (
                    _ticks(begins_seconds + audio[0].at, OPUS_RATE) if audio else 0,
                    [AudioEntry(OPUS_SAMPLES, sound.data) for sound in audio],
                ),
            )
        )
    return init, fragments


class _Encoded(NamedTuple):
    at: float
    is_key: bool
    data: bytes


def _ticks(seconds: float, clock: int) -> int:
    return round(seconds * clock)


def _times(run: RunOf) -> list[float]:
    step = 1 / run.frames_per_second
    per_part = round(PART_SECONDS / step)
    uneven = [0.3 * math.sin(number) if run.is_uneven and number % per_part else 0.0 for number in range(10_000)]
    return [(number + uneven[number]) * step for number in range(round(run.seconds / step))]


def _encoder(run: RunOf) -> VideoCodecContext:
    encoder = av.CodecContext.create(ENCODERS[run.video or "H264"], "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = run.width, run.height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, VIDEO_CLOCK), Fraction(run.frames_per_second)
    encoder.gop_size, encoder.max_b_frames = 10_000, 0
    fast = {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1"}
    encoder.options = fast if run.video == "H264" else {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    return encoder


def _pictures(run: RunOf) -> list[_Encoded]:
    encoder = _encoder(run)
    encoded: list[_Encoded] = []
    per_part = round(PART_SECONDS * run.frames_per_second)
    for number, at in enumerate(_times(run)):
        frame = numbered(picture(run.width, run.height, at), number)
        frame.pts, frame.time_base = _ticks(at, VIDEO_CLOCK), Fraction(1, VIDEO_CLOCK)
        frame.pict_type = PictureType.I if number % per_part == 0 else PictureType.NONE
        encoded += [_Encoded(at, packet.is_keyframe, bytes(packet)) for packet in encoder.encode(frame)]
    return encoded


def _video_entries(run: RunOf, pictures: list[_Encoded], shown: list[_Encoded]) -> list[VideoEntry]:
    entries = []
    for one in shown:
        following = next((other.at for other in pictures if other.at > one.at), run.seconds)
        data = (
            b"".join(len(unit).to_bytes(4, "big") + unit for unit in _units(one.data))
            if run.video == "H264"
            else one.data
        )
        entries.append(VideoEntry(_ticks(following, VIDEO_CLOCK) - _ticks(one.at, VIDEO_CLOCK), 0, one.is_key, data))
    return entries


def _units(annex_b: bytes) -> list[bytes]:
    units = [unit.rstrip(b"\0") for unit in annex_b.split(b"\0\0\1")]
    return [unit for unit in units if unit]


def _setup_of(run: RunOf, key_picture: bytes) -> VideoSetup:
    if run.video == "VP8":
        return read_setup(key_picture)
    units = _units(key_picture)
    return make_setup([u for u in units if u[0] & 0x1F == 7], [u for u in units if u[0] & 0x1F == 8])


def _sounds(run: RunOf) -> list[_Encoded]:
    layout = "stereo" if run.channels == 2 else "mono"
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format = OPUS_RATE, layout, "s16"
    encoder.time_base = Fraction(1, OPUS_RATE)
    size = OPUS_SAMPLES * 2 * run.channels
    if run.says_from is None:
        wave = [int(8000 * math.sin(sample * 440 * 2 * math.pi / OPUS_RATE)) for sample in range(OPUS_RATE)]
        said = b"".join(value.to_bytes(2, "little", signed=True) * run.channels for value in wave)
    else:
        said = talk(run.says_from, round(run.seconds * OPUS_RATE))
    encoded: list[_Encoded] = []
    for number in range(round(run.seconds * OPUS_RATE) // OPUS_SAMPLES):
        sound = AudioFrame("s16", layout, OPUS_SAMPLES)
        at = number * size % len(said)
        sound.planes[0].update(said[at : at + size])
        sound.sample_rate, sound.pts, sound.time_base = OPUS_RATE, number * OPUS_SAMPLES, Fraction(1, OPUS_RATE)
        for packet in encoder.encode(sound):
            encoded.append(_Encoded(len(encoded) * OPUS_SAMPLES / OPUS_RATE, True, bytes(packet)))
    return encoded


def _fill(container: OutputContainer, run: RunOf) -> None:
    video = container.add_stream(
        "libx264" if container.format.name != "webm" else "libvpx", rate=run.frames_per_second
    )
    context = video.codec_context
    context.width, context.height, context.pix_fmt = run.width, run.height, "yuv420p"
    context.time_base = Fraction(1, 1000)
    audio = container.add_stream("libopus", rate=OPUS_RATE, layout="mono") if run.channels else None
    for at in _times(run):
        frame = picture(run.width, run.height, at)
        frame.pts, frame.time_base = round(at * 1000), Fraction(1, 1000)
        container.mux(video.encode(frame))
    samples = round(run.seconds * OPUS_RATE)
    said = bytes(2 * samples) if run.says_from is None else talk(run.says_from, samples)
    for number in range(samples // OPUS_SAMPLES if audio else 0):
        sound = AudioFrame("s16", "mono", OPUS_SAMPLES)
        sound.planes[0].update(said[number * OPUS_SAMPLES * 2 : (number + 1) * OPUS_SAMPLES * 2])
        sound.sample_rate, sound.pts, sound.time_base = OPUS_RATE, number * OPUS_SAMPLES, Fraction(1, OPUS_RATE)
        if audio is not None:
            container.mux(audio.encode(sound))
    container.mux(video.encode(None))
    if audio is not None:
        container.mux(audio.encode(None))
