"""The boxes of a fragmented MP4 file (ISO 14496-12): an init segment, and a fragment of samples.

Written here rather than by PyAV's muxer, because PyAV 18 can neither give a stream that has no encoder its codec
configuration (`add_mux_stream` takes no extradata) nor say where a fragment ends; tests read the result with PyAV.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from media.recording.tracks import AUDIO_CLOCK, VIDEO_CLOCK, AudioSetup, VideoSetup

VIDEO_TRACK, AUDIO_TRACK = 1, 2
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_KEY_FLAGS, _OTHER_FLAGS = 0x02000000, 0x01010000  # depends on nothing; depends on others and is no sync sample


class VideoEntry(NamedTuple):
    """One picture in a fragment; `duration` and `composition` in ticks of VIDEO_CLOCK, `data` as length-prefixed NAL
    units or a VP8 frame."""

    duration: int
    composition: int  # shown so much after it is decoded
    keyframe: bool
    data: bytes


class AudioEntry(NamedTuple):
    """One Opus packet in a fragment; `duration` in ticks of AUDIO_CLOCK."""

    duration: int
    data: bytes


def box(name: bytes, *parts: bytes) -> bytes:
    """A box with its length (ISO 14496-12, 4.2)."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def full_box(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with version and flags (ISO 14496-12, 4.2)."""
    return box(name, struct.pack(">I", version << 24 | flags), *parts)


def init_segment(video: VideoSetup | None, audio: AudioSetup | None) -> bytes:
    """`ftyp` and `moov` of a file whose samples come in fragments; a track that is None is not in it."""
    traks, extends = [], []
    if video is not None:
        traks.append(_trak(VIDEO_TRACK, VIDEO_CLOCK, b"vide", _video_entry(video), video.width, video.height))
        extends.append(full_box(b"trex", 0, 0, struct.pack(">5I", VIDEO_TRACK, 1, 0, 0, _OTHER_FLAGS)))
    if audio is not None:
        traks.append(_trak(AUDIO_TRACK, AUDIO_CLOCK, b"soun", _audio_entry(audio), 0, 0))
        extends.append(full_box(b"trex", 0, 0, struct.pack(">5I", AUDIO_TRACK, 1, 0, 0, _KEY_FLAGS)))
    mvhd = full_box(
        b"mvhd", 0, 0, struct.pack(">4IIH10x", 0, 0, 1000, 0, 0x10000, 0x100), _MATRIX, bytes(24), b"\0\0\0\3"
    )
    ftyp = box(b"ftyp", b"iso6", struct.pack(">I", 0), b"iso6cmfcmp41")
    return ftyp + box(b"moov", mvhd, *traks, box(b"mvex", *extends))


def _trak(track: int, clock: int, handler: bytes, entry: bytes, width: int, height: int) -> bytes:
    volume = 0 if handler == b"vide" else 0x100
    tkhd = full_box(
        b"tkhd",
        0,
        3,  # enabled, in the movie
        struct.pack(">5I8xHHHH", 0, 0, track, 0, 0, 0, 0, volume, 0),
        _MATRIX,
        struct.pack(">II", width << 16, height << 16),
    )
    media_header = full_box(b"vmhd", 0, 1, bytes(8)) if handler == b"vide" else full_box(b"smhd", 0, 0, bytes(4))
    tables = (
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box(b"stts", 0, 0, bytes(4)),
        full_box(b"stsc", 0, 0, bytes(4)),
        full_box(b"stsz", 0, 0, bytes(8)),
        full_box(b"stco", 0, 0, bytes(4)),
    )
    mdia = box(
        b"mdia",
        full_box(b"mdhd", 0, 0, struct.pack(">4IHH", 0, 0, clock, 0, 0x55C4, 0)),  # language: und
        full_box(b"hdlr", 0, 0, bytes(4), handler, bytes(12), b"Dongting\0"),
        box(
            b"minf",
            media_header,
            box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1))),
            box(b"stbl", *tables),
        ),
    )
    return box(b"trak", tkhd, mdia)


def _video_entry(setup: VideoSetup) -> bytes:
    name, inner = (
        (b"avc1", box(b"avcC", setup.configuration))
        if setup.codec == "H264"
        else (b"vp08", full_box(b"vpcC", 1, 0, setup.configuration))
    )
    head = struct.pack(">6xH16xHHIIIH32xHh", 1, setup.width, setup.height, 0x480000, 0x480000, 0, 1, 0x18, -1)
    return box(name, head, inner)


def _audio_entry(setup: AudioSetup) -> bytes:
    head = struct.pack(">6xH8xHHIHH", 1, setup.channels, 16, 0, AUDIO_CLOCK, 0)
    # Recording begins in the middle of a call: there is nothing to skip.
    return box(b"Opus", head, box(b"dOps", struct.pack(">BBHIhB", 0, setup.channels, 0, AUDIO_CLOCK, 0, 0)))


def fragment(
    sequence: int,
    video: tuple[int, Sequence[VideoEntry]],
    audio: tuple[int, Sequence[AudioEntry]],
) -> bytes:
    """`moof` and `mdat` of one fragment; of each track its first decode time and its samples."""
    video_data = b"".join(entry.data for entry in video[1])
    audio_data = b"".join(entry.data for entry in audio[1])
    # The offsets into mdat do not change the length of moof, so a first pass finds it.
    moof = _moof(sequence, video, audio, 0, len(video_data))
    moof = _moof(sequence, video, audio, len(moof) + 8, len(video_data))
    return moof + box(b"mdat", video_data, audio_data)


def _moof(
    sequence: int,
    video: tuple[int, Sequence[VideoEntry]],
    audio: tuple[int, Sequence[AudioEntry]],
    data_at: int,
    video_bytes: int,
) -> bytes:
    trafs = []
    if video[1]:
        rows = b"".join(
            struct.pack(
                ">IIIi",
                entry.duration,
                len(entry.data),
                _KEY_FLAGS if entry.keyframe else _OTHER_FLAGS,
                entry.composition,
            )
            for entry in video[1]
        )
        trafs.append(_traf(VIDEO_TRACK, video[0], 0xF01, len(video[1]), data_at, rows))
    if audio[1]:
        rows = b"".join(struct.pack(">II", entry.duration, len(entry.data)) for entry in audio[1])
        trafs.append(_traf(AUDIO_TRACK, audio[0], 0x301, len(audio[1]), data_at + video_bytes, rows))
    return box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", sequence)), *trafs)


def _traf(track: int, decode_time: int, row_flags: int, count: int, data_at: int, rows: bytes) -> bytes:
    return box(
        b"traf",
        full_box(b"tfhd", 0, 0x020000, struct.pack(">I", track)),  # offsets count from moof
        full_box(b"tfdt", 1, 0, struct.pack(">Q", decode_time)),
        full_box(b"trun", 1, row_flags, struct.pack(">Ii", count, data_at), rows),
    )
