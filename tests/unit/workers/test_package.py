"""Playlists, codec names, and what is not published because it does not fit together."""

from __future__ import annotations

from pathlib import Path

import m3u8
import pytest
from av.video.frame import VideoFrame
from m3u8.parser import parse

from server.recordings.ladder import Ladder, MadeChunk, PicturePlan, Segment, Sheet, SoundPlan, Track
from workers.transcode.output import PictureTrack, open_segments
from workers.transcode.pace import Tick
from workers.transcode.package import (
    check_fit,
    join,
    master_playlist,
    media_playlist,
    thumbs_track,
)
from workers.transcode.plan import SourceRefused
from workers.transcode.weigh import h264_codec, read_segments, weigh_pictures


def make_track(name: str, begins_ms: float, length_ms: float, *, digest: str = "a", frames: int = 60) -> Track:
    at = f"{round(begins_ms):06}"
    return Track(
        name=name,
        codec="mp4a.40.2" if name == "low" else "avc1.64001e",
        init=f"{at}-init.mp4",
        init_digest=digest,
        begins_ms=begins_ms,
        frames=frames,
        segments=(
            Segment(name=f"{at}-0.m4s", duration_ms=length_ms / 2, bytes=10_000),
            Segment(name=f"{at}-1.m4s", duration_ms=length_ms / 2, bytes=30_000),
        ),
    )


def make_ladder() -> Ladder:
    pictures = tuple(
        PicturePlan(name=f"{side}p", width=side * 16 // 9, height=side, bits=1, crf=26, sound="low")
        for side in (360, 144)
    )
    sounds = (SoundPlan(name="low", bits=24_000, channels=1),)
    return Ladder(duration_ms=8000, pictures=pictures, sounds=sounds, cuts=(0.0, 4000.0), thumb_every_ms=2000)


def make_chunk(begins_ms: float, length_ms: float = 4000) -> MadeChunk:
    sheet = Sheet(name=f"thumbs-{round(begins_ms)}.webp", width=160, height=90, columns=1, count=2)
    return MadeChunk(tracks=tuple(make_track(name, begins_ms, length_ms) for name in ("360p", "144p")), sheet=sheet)


def strictly(playlist: str) -> m3u8.M3U8:
    """A playlist in which nothing is against the rules."""
    parse(playlist, strict=True)
    return m3u8.loads(playlist)


SOUND = MadeChunk(tracks=(make_track("low", 0.0, 8010),))


def test_the_master_playlist_begins_with_the_cheapest_and_names_the_sound_of_each() -> None:
    # when
    master = strictly(master_playlist(join(make_ladder(), [make_chunk(0), make_chunk(4000)], SOUND)))

    # then
    assert [playlist.uri for playlist in master.playlists] == ["360p/index.m3u8", "144p/index.m3u8"]
    first = master.playlists[0].stream_info
    assert (first.resolution, first.codecs, first.audio) == ((640, 360), "avc1.64001e,mp4a.40.2", "low")
    assert first.average_bandwidth <= first.bandwidth
    assert [(media.group_id, media.uri) for media in master.media] == [("low", "sound-low/index.m3u8")]


def test_sound_alone_has_no_resolution_and_no_groups() -> None:
    ladder = Ladder(duration_ms=8000, sounds=make_ladder().sounds)
    master = strictly(master_playlist(join(ladder, [], SOUND)))
    assert [(p.uri, p.stream_info.resolution) for p in master.playlists] == [("sound-low/index.m3u8", None)]
    assert not master.media


def test_a_chunk_with_other_parameter_sets_brings_its_own() -> None:
    same = [make_track("360p", 0, 4000), make_track("360p", 4000, 4000)]
    other = [make_track("360p", 0, 4000), make_track("360p", 4000, 4000, digest="b")]
    assert media_playlist(same).count("EXT-X-MAP") == 1
    parsed = strictly(media_playlist(other))
    assert [segment.init_section.uri for segment in parsed.segments][1:3] == ["000000-init.mp4", "004000-init.mp4"]


def test_small_pictures_stand_one_after_the_other_over_the_whole_video() -> None:
    lines = thumbs_track(make_ladder(), [make_chunk(0), make_chunk(4000)]).split("\n\n")
    assert lines[0] == "WEBVTT"
    assert lines[2] == "00:00:02.000 --> 00:00:04.000\nthumbs-0.webp#xywh=0,90,160,90"
    assert lines[3] == "00:00:04.000 --> 00:00:06.000\nthumbs-4000.webp#xywh=0,0,160,90"


def test_the_codec_is_read_from_the_parameter_sets() -> None:
    assert h264_codec(bytes.fromhex("000000016764001facb4000001 68ef0bcb")) == "avc1.64001f"
    for broken in (b"", b"\0\0\1", b"\0\0\1\x67\x64", b"\0\0\1\x68\xef\x0b\xcb"):
        with pytest.raises(ValueError, match="SPS"):
            h264_codec(broken)


def test_segments_are_read_with_their_lengths(tmp_path: Path) -> None:
    for name in ("00000.m4s", "00001.m4s"):
        (tmp_path / name).write_bytes(b"12345")
    text = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2.000000,\n00000.m4s\n#EXTINF:1.500000,\n00001.m4s\n'
    assert [(segment.name, segment.duration_ms, segment.bytes) for segment in read_segments(text, tmp_path)] == [
        ("00000.m4s", 2000, 5),
        ("00001.m4s", 1500, 5),
    ]


GOOD = [make_chunk(0), make_chunk(4000)]
MISFITS: dict[str, tuple[list[MadeChunk], MadeChunk | None]] = {
    "a chunk is missing": (GOOD[:1], SOUND),
    "a chunk ends too soon": ([make_chunk(0, 3900), make_chunk(4000)], SOUND),
    "a chunk begins too late": ([make_chunk(0), make_chunk(4100)], SOUND),
    "the sound is missing": (GOOD, None),
    "the sound is shorter than the pictures": (GOOD, MadeChunk(tracks=(make_track("low", 0.0, 7800),))),
    "a rendition has fewer pictures than another": (
        [
            make_chunk(0),
            MadeChunk(tracks=(make_track("360p", 4000, 4000), make_track("144p", 4000, 4000, frames=59))),
        ],
        SOUND,
    ),
    "a rendition is missing": ([make_chunk(0), MadeChunk(tracks=(make_track("360p", 4000, 4000),))], SOUND),
}


def test_what_fits_is_published() -> None:
    check_fit(make_ladder(), GOOD, SOUND)


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_together_is_not_published(name: str) -> None:
    pictures, sound = MISFITS[name]
    with pytest.raises(SourceRefused, match="broken_join"):
        check_fit(make_ladder(), pictures, sound)


def test_a_segment_whose_first_picture_stands_longer_has_its_true_length(tmp_path: Path) -> None:
    # given: keyframes at 0 and 4 s; the first picture lasts 40 ms, that of the second segment 150 ms
    container = open_segments(tmp_path, "0000-")
    track = PictureTrack(container, PicturePlan(name="144p", width=64, height=48, bits=80_000, crf=30), 1)
    times = [*range(0, 4000, 40), 4000, *range(4150, 4400, 40)]
    for at_ms in times:
        track.show(VideoFrame(64, 48, "yuv420p"), Tick(float(at_ms), is_key=at_ms in (0, 4000)))

    # when
    track.finish(4500.0)
    container.close()
    made = weigh_pictures(track, tmp_path, "0000-")

    # then
    assert [round(segment.duration_ms) for segment in made.segments] == [4000, 500]
