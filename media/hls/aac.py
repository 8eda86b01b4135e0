"""Recorded fragments with their sound in AAC, for players without Opus: over bytes, and slow enough for a thread.

Nothing is kept between calls. AAC frames lie on a grid of 1,024 samples over the take; a fragment has those frames
whose look-ahead it holds, and is encoded with the sound before it, so that fragments made apart, in any order, join
without a seam.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.packet import Packet

from media.recording.boxes import AUDIO_TRACK, AudioEntry, VideoEntry, box, fragment, full_box
from media.recording.tracks import AUDIO_CLOCK

AAC_CODEC = "mp4a.40.2"
FRAME = 1024
LOOK_AHEAD = 3  # frames from the begin of one to the end of what FFmpeg's encoder must have heard for it
WARM_UP = 2 * FRAME + AUDIO_CLOCK * 80 // 1000  # what the encoder heard before, and 80 ms for Opus (RFC 7845, 4.6)
BITS_PER_CHANNEL = 48_000
LARGEST_ROUNDING = 2  # ticks between the end of one fragment and the begin of the next
_KEY = 0x02000000
_CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"stbl"))


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a fragment holds, in ticks of each track's clock."""

    sequence: int
    video_at: int
    video: list[VideoEntry]
    audio_at: int
    audio: list[AudioEntry]

    @property
    def audio_end(self) -> int:
        """Where its sound ends."""
        return self.audio_at + sum(entry.duration for entry in self.audio)


def boxes_of(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of each box. Raises ValueError."""
    at = 0
    while at < len(data):
        if at + 8 > len(data):
            raise ValueError("a box is cut off")
        size, name = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise ValueError("a box is cut off")
        yield name, at, at + size
        at += size


def read_fragments(data: bytes) -> list[Fragment]:
    """The fragments that media/recording/boxes.py wrote. Raises ValueError."""
    found = []
    try:
        moof_at = moof_end = 0
        for name, begin, end in boxes_of(data):
            if name == b"moof":
                moof_at, moof_end = begin, end
            elif name == b"mdat":
                found.append(_read_fragment(data, moof_at, moof_end))
    except (struct.error, KeyError) as error:
        raise ValueError("not a fragment of ours") from error
    return found


def _read_fragment(data: bytes, moof_at: int, moof_end: int) -> Fragment:
    sequence, tracks = 0, {}
    moof = data[moof_at + 8 : moof_end]
    for name, begin, end in boxes_of(moof):
        body = moof[begin + 8 : end]
        if name == b"mfhd":
            sequence = struct.unpack_from(">I", body, 4)[0]
        elif name == b"traf":
            parts = {inner: body[at + 8 : to] for inner, at, to in boxes_of(body)}
            track = struct.unpack_from(">I", parts[b"tfhd"], 4)[0]
            tracks[track] = (struct.unpack_from(">Q", parts[b"tfdt"], 4)[0], parts[b"trun"])
    video_at, video, audio_at, audio = 0, [], 0, []
    for track, (decode_time, trun) in tracks.items():
        _, count, data_at = struct.unpack_from(">IIi", trun)
        at = moof_at + data_at
        row = ">II" if track == AUDIO_TRACK else ">IIIi"
        for number in range(count):
            fields = struct.unpack_from(row, trun, 12 + number * struct.calcsize(row))
            sample = data[at : at + fields[1]]
            at += fields[1]
            if track == AUDIO_TRACK:
                audio.append(AudioEntry(fields[0], sample))
            else:
                video.append(VideoEntry(fields[0], fields[3], fields[2] == _KEY, sample))
        if track == AUDIO_TRACK:
            audio_at = decode_time
        else:
            video_at = decode_time
    return Fragment(sequence, video_at, video, audio_at, audio)


def channels_of(init: bytes) -> int:
    """How many channels the Opus of an init segment has; 0: there is no sound."""
    at = init.find(b"dOps")
    return 0 if at < 0 else init[at + 5]


def aac_init(init: bytes) -> bytes:
    """An init segment with AAC in the place of Opus."""
    return b"".join(_renewed(init[begin:end], name) for name, begin, end in boxes_of(init))


def _renewed(data: bytes, name: bytes) -> bytes:
    if name in _CONTAINERS:
        inner = data[8:]
        return box(name, *(_renewed(inner[at:to], kind) for kind, at, to in boxes_of(inner)))
    if name == b"stsd" and b"dOps" in data:
        return full_box(b"stsd", 0, 0, struct.pack(">I", 1), _mp4a(channels_of(data)))
    return data


def _mp4a(channels: int) -> bytes:
    bits = BITS_PER_CHANNEL * channels
    config = struct.pack(">H", 2 << 11 | 3 << 7 | channels << 3)  # AAC-LC, 48 kHz (ISO 14496-3, 1.6.2.1)
    decoder = struct.pack(">BB3xII", 0x40, 0x15, bits, bits) + b"\x05" + bytes([len(config)]) + config
    descriptor = struct.pack(">HB", AUDIO_TRACK, 0) + b"\x04" + bytes([len(decoder)]) + decoder + b"\x06\x01\x02"
    esds = full_box(b"esds", 0, 0, b"\x03" + bytes([len(descriptor)]) + descriptor)
    head = struct.pack(">6xH8xHHIHH", 1, channels, 16, 0, AUDIO_CLOCK, 0)
    return box(b"mp4a", head, esds)


def with_aac(before: bytes, own: bytes, channels: int) -> bytes:
    """The fragments of `own` with AAC. `before`: what is recorded right before it in the same run, if anything."""
    earlier, fragments = read_fragments(before), read_fragments(own)
    heard = [each for each in (*earlier, *fragments) if each.audio]
    frames = {}
    if channels and any(each.audio for each in fragments):
        frames = _encode(heard, next(number for number, each in enumerate(heard) if each in fragments), channels)
    written = []
    last = next((each for each in reversed(earlier) if each.audio), None)
    for each in fragments:
        first, end = _grid(last, each) if each.audio else (0, 0)
        audio = [AudioEntry(FRAME, frames[number]) for number in range(first, end) if number in frames]
        written.append(fragment(each.sequence, (each.video_at, each.video), (first * FRAME, audio)))
        last = each if each.audio else last
    return b"".join(written)


def _grid(last: Fragment | None, own: Fragment) -> tuple[int, int]:
    """The first AAC frame of a fragment, and the one after its last."""
    end = own.audio_end // FRAME - LOOK_AHEAD + 1
    if last is not None and abs(own.audio_at - last.audio_end) <= LARGEST_ROUNDING:
        return min(last.audio_end // FRAME - LOOK_AHEAD + 1, end), end
    first = own.audio_at // FRAME
    return first, max(first, end)


def _encode(heard: Sequence[Fragment], first: int, channels: int) -> dict[int, bytes]:
    """AAC frames, by their place on the grid, for `heard[first:]`."""
    begin = first
    for later, sooner in pairwise(reversed(heard[: first + 1])):
        has_enough = heard[first].audio_at - later.audio_at >= WARM_UP + LOOK_AHEAD * FRAME
        if has_enough or abs(later.audio_at - sooner.audio_end) > LARGEST_ROUNDING:
            break
        begin -= 1
    sound = _decode([entry.data for each in heard[begin:] for entry in each.audio], channels)
    # Anchored where `own` begins: what is rounded before it does not matter.
    sound_at = heard[first].audio_at - sum(e.duration for each in heard[begin:first] for e in each.audio)
    pad = sound_at % FRAME
    whole = np.concatenate([np.zeros((channels, pad), np.float32), sound], axis=1)
    place = sound_at // FRAME
    encoder: AudioCodecContext = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.format = AUDIO_CLOCK, "fltp"
    encoder.layout = "stereo" if channels == 2 else "mono"
    encoder.bit_rate = BITS_PER_CHANNEL * channels
    found: dict[int, bytes] = {}
    for number in range(whole.shape[1] // FRAME):
        block = np.ascontiguousarray(whole[:, number * FRAME : (number + 1) * FRAME])
        frame = AudioFrame.from_ndarray(block, "fltp", "stereo" if channels == 2 else "mono")
        frame.sample_rate, frame.pts = AUDIO_CLOCK, number * FRAME
        for packet in encoder.encode(frame):
            found[place + (packet.pts or 0) // FRAME] = bytes(packet)
    return found


def _decode(packets: Sequence[bytes], channels: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    decoder: AudioCodecContext = av.CodecContext.create("opus", "r")
    decoder.extradata = b"OpusHead" + struct.pack("<BBHIhB", 1, channels, 0, AUDIO_CLOCK, 0, 0)
    decoded = [frame.to_ndarray() for data in packets for frame in decoder.decode(Packet(data))]
    return np.concatenate(decoded, axis=1)
