"""From encoded renditions to a master playlist: what each costs, measured, and how its codecs are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from workers.transcode.output import PLAYLIST
from workers.transcode.plan import RenditionPlan, SourceRefused

MASTER = "master.m3u8"
POSTER = "poster.webp"
SPS = 7  # the NAL unit that names profile and level
AAC_LC = "mp4a.40.2"
BITS = 8
DRIFT_MS = 1000  # more between the plan and what came out means that something was lost


@dataclass(frozen=True, slots=True)
class Segment:
    """One line of a media playlist."""

    name: str
    duration_ms: float


@dataclass(frozen=True, slots=True)
class Packaged:
    """A rendition that lies ready in its folder."""

    plan: RenditionPlan
    codecs: str
    bandwidth: int
    average_bandwidth: int
    bytes: int
    duration_ms: int


def read_segments(playlist: str) -> list[Segment]:
    """The segments of a media playlist that our own muxer wrote."""
    segments: list[Segment] = []
    duration_ms = 0.0
    for line in playlist.splitlines():
        if line.startswith("#EXTINF:"):
            duration_ms = float(line.removeprefix("#EXTINF:").split(",")[0]) * 1000
        elif line and not line.startswith("#"):
            segments.append(Segment(line, duration_ms))
    return segments


def h264_codec(headers: bytes) -> str:
    """`avc1.PPCCLL` from the parameter sets in Annex B form. Raises ValueError."""
    at = headers.find(b"\x00\x00\x01")
    while at >= 0 and at + 7 <= len(headers):
        if headers[at + 3] & 0x1F == SPS:
            return f"avc1.{headers[at + 4 : at + 7].hex()}"
        at = headers.find(b"\x00\x00\x01", at + 3)
    raise ValueError("no SPS in the parameter sets")


def weigh(plan: RenditionPlan, folder: Path, headers: bytes) -> Packaged:
    """Measure a rendition in its folder."""
    segments = read_segments((folder / PLAYLIST).read_text())
    sizes = [(folder / segment.name).stat().st_size for segment in segments]
    duration_ms = sum(segment.duration_ms for segment in segments)
    total = sum(sizes)
    peak = max(
        (size * BITS * 1000 / max(segment.duration_ms, 1) for size, segment in zip(sizes, segments, strict=True)),
        default=0,
    )
    codecs = [h264_codec(headers)] if plan.size else []
    if plan.has_audio:
        codecs.append(AAC_LC)
    return Packaged(
        plan=plan,
        codecs=",".join(codecs),
        bandwidth=round(peak),
        average_bandwidth=round(total * BITS * 1000 / max(duration_ms, 1)),
        bytes=total + (folder / "init.mp4").stat().st_size,
        duration_ms=round(duration_ms),
    )


def check_length(packaged: Sequence[Packaged], length_ms: float) -> None:
    """Whether every rendition is as long as planned. Raises SourceRefused (`broken_source`)."""
    if any(abs(rendition.duration_ms - length_ms) > DRIFT_MS for rendition in packaged):
        raise SourceRefused("broken_source")


def master_playlist(packaged: Sequence[Packaged]) -> str:
    """The playlist of playlists, the cheapest first so that a weak phone begins there."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for rendition in sorted(packaged, key=lambda rendition: rendition.bandwidth):
        size = rendition.plan.size
        fields = [
            f"BANDWIDTH={rendition.bandwidth}",
            f"AVERAGE-BANDWIDTH={rendition.average_bandwidth}",
            f'CODECS="{rendition.codecs}"',
            *([f"RESOLUTION={size.width}x{size.height}"] if size else []),
        ]
        lines += [f"#EXT-X-STREAM-INF:{','.join(fields)}", f"{rendition.plan.name}/{PLAYLIST}"]
    return "\n".join([*lines, ""])
