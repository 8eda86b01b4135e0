"""What a chunk has become: its files, their lengths and sizes, its codecs; written by the child that made it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from server.recordings.ladder import Segment, Track
from workers.transcode.output import PictureTrack, SoundTrack
from workers.transcode.plan import PLAYLIST

POSTER = "poster.webp"
WAVEFORM = "waveform.json"
SPS = 7  # the NAL unit that names profile and level
AAC_LC = "mp4a.40.2"


def read_segments(playlist: str, folder: Path) -> tuple[Segment, ...]:
    """The segments of a media playlist that our own muxer wrote."""
    segments: list[Segment] = []
    duration_ms = 0.0
    for line in playlist.splitlines():
        if line.startswith("#EXTINF:"):
            duration_ms = float(line.removeprefix("#EXTINF:").split(",")[0]) * 1000
        elif line and not line.startswith("#"):
            segments.append(Segment(name=line, duration_ms=duration_ms, bytes=(folder / line).stat().st_size))
    return tuple(segments)


def h264_codec(headers: bytes) -> str:
    """`avc1.PPCCLL` from the parameter sets in Annex B form. Raises ValueError."""
    at = headers.find(b"\x00\x00\x01")
    while at >= 0 and at + 7 <= len(headers):
        if headers[at + 3] & 0x1F == SPS:
            return f"avc1.{headers[at + 4 : at + 7].hex()}"
        at = headers.find(b"\x00\x00\x01", at + 3)
    raise ValueError("no SPS in the parameter sets")


def weigh_pictures(track: PictureTrack, folder: Path, prefix: str) -> Track:
    """What a chunk's pictures of one rendition have become."""
    begins_ms = track.begins_ms or 0.0
    weighed = _weigh(track.plan.name, h264_codec(track.headers), begins_ms, track.frames, folder, prefix)
    # The muxer takes the last segment's first picture to last as long as the first of all, which it may not.
    *whole, last = weighed.segments
    length_ms = track.ends_ms - begins_ms - sum(segment.duration_ms for segment in whole)
    return weighed.model_copy(update={"segments": (*whole, last.model_copy(update={"duration_ms": length_ms}))})


def weigh_sound(track: SoundTrack, folder: Path) -> Track:
    """What one rendition of the sound has become."""
    return _weigh(track.plan.name, AAC_LC, 0.0, track.frames, folder, "")


def _weigh(name: str, codec: str, begins_ms: float, frames: int, folder: Path, prefix: str) -> Track:
    playlist = folder / f"{prefix}{PLAYLIST}"
    segments = read_segments(playlist.read_text(), folder)
    playlist.unlink()  # the one of the whole video takes its place
    init = f"{prefix}init.mp4"
    digest = hashlib.sha256((folder / init).read_bytes()).hexdigest()
    return Track(
        name=name,
        codec=codec,
        init=init,
        init_digest=digest,
        begins_ms=begins_ms,
        frames=frames,
        segments=segments,
    )
