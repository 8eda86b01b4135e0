"""Playlists and codec names."""

from __future__ import annotations

import m3u8
import pytest

from workers.transcode.package import Packaged, check_length, h264_codec, master_playlist, read_segments
from workers.transcode.plan import RenditionPlan, Size, SourceRefused

MEDIUM = Size(640, 360)


def make_packaged(name: str = "360p", size: Size | None = MEDIUM, bandwidth: int = 400_000) -> Packaged:
    plan = RenditionPlan(name, size, 500_000, 64_000, 26, 2)
    codecs = "avc1.64001e,mp4a.40.2" if size else "mp4a.40.2"
    return Packaged(plan, codecs, bandwidth, bandwidth // 2, 100_000, 4000)


def test_the_master_playlist_begins_with_the_cheapest() -> None:
    master = m3u8.loads(master_playlist([make_packaged("720p", Size(1280, 720), 2_000_000), make_packaged()]))
    assert [playlist.uri for playlist in master.playlists] == ["360p/index.m3u8", "720p/index.m3u8"]
    first = master.playlists[0].stream_info
    assert (first.resolution, first.bandwidth, first.average_bandwidth) == ((640, 360), 400_000, 200_000)
    assert first.codecs == "avc1.64001e,mp4a.40.2"


def test_sound_alone_has_no_resolution() -> None:
    master = m3u8.loads(master_playlist([make_packaged("audio", None)]))
    assert master.playlists[0].stream_info.resolution is None


def test_the_codec_is_read_from_the_parameter_sets() -> None:
    assert h264_codec(bytes.fromhex("000000016764001facb4000001 68ef0bcb")) == "avc1.64001f"
    for broken in (b"", b"\0\0\1", b"\0\0\1\x67\x64", b"\0\0\1\x68\xef\x0b\xcb"):
        with pytest.raises(ValueError, match="SPS"):
            h264_codec(broken)


def test_segments_are_read_with_their_lengths() -> None:
    text = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2.000000,\n00000.m4s\n#EXTINF:1.500000,\n00001.m4s\n'
    assert [(segment.name, segment.duration_ms) for segment in read_segments(text)] == [
        ("00000.m4s", 2000),
        ("00001.m4s", 1500),
    ]


def test_a_rendition_that_lost_its_end_is_not_published() -> None:
    check_length([make_packaged()], 4100)
    with pytest.raises(SourceRefused, match="broken_source"):
        check_length([make_packaged()], 8000)
