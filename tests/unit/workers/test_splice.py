"""Clips cut out of a recording: exact to a picture, copied where they can be, played by everything."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import imageio_ffmpeg
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from server.recordings.ladder import SoundPlan
from tests.harness.takes import number_in, numbered, picture
from workers.transcode.cut import Cuts
from workers.transcode.run import Span
from workers.transcode.source import Piece
from workers.transcode.splice import CannotCopy, splice

FRAMES_PER_SECOND, GROUP = 15, 30
RATE = 48_000
SOUND = SoundPlan(name="high", bits=96_000, channels=1)
KINDS = {
    "as WebRTC sends": {"bf": "0", "profile": "baseline"},
    "main profile": {"bf": "0", "profile": "main"},
    "pictures in another order": {"bf": "2", "profile": "high", "x264-params": "b-adapt=0:open-gop=0"},
}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Eight seconds of numbered pictures with a keyframe every two seconds, of every kind."""
    folder = tmp_path_factory.mktemp("sources")
    return {kind: make_source(folder / f"{number}.mp4", KINDS[kind]) for number, kind in enumerate(KINDS)}


def make_source(path: Path, options: dict[str, str], codec: Literal["libx264", "libvpx"] = "libx264") -> Path:
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=FRAMES_PER_SECOND, options=options)
        assert isinstance(video, VideoStream)
        context = video.codec_context
        context.width, context.height, context.pix_fmt, context.gop_size = 320, 176, "yuv420p", 10_000
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for number in range(8 * FRAMES_PER_SECOND):
            frame = numbered(picture(320, 176, number / FRAMES_PER_SECOND), number)
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            frame.pict_type = PictureType.I if number % GROUP == 0 else PictureType.NONE
            container.mux(video.encode(frame))
        for number in range(8 * RATE // 1024):
            sound = AudioFrame("fltp", "mono", 1024)
            sound.planes[0].update(bytes(4096))
            sound.sample_rate, sound.pts, sound.time_base = RATE, number * 1024, Fraction(1, RATE)
            container.mux(audio.encode(sound))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path


def cut(source: Path, start_ms: float, end_ms: float, clip: Path) -> Cuts:
    return splice(Piece(source), Span(start_ms, end_ms), SOUND, clip, 1, lambda _: None)


def pictures_of(clip: Path) -> list[tuple[int, float]]:
    """The number in each picture, and when it is shown."""
    with av.open(str(clip)) as container:
        return [
            (number_in(frame), (frame.time or 0.0) * 1000)
            for frame in container.decode(video=0)
            if isinstance(frame, VideoFrame)
        ]


def packets_of(path: Path) -> set[bytes]:
    with av.open(str(path)) as container:
        return {bytes(packet) for packet in container.demux(video=0) if packet.size}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("start_ms", "end_ms"), [(1000, 7000), (2000, 6000), (2000, 4500), (1934, 4000), (500, 4100), (0, 8000)]
)
def test_a_clip_has_exactly_the_pictures_of_its_span(
    sources: dict[str, Path], kind: str, start_ms: int, end_ms: int, tmp_path: Path
) -> None:
    # when
    cuts = cut(sources[kind], start_ms, end_ms, tmp_path / "clip.mp4")
    # then: these pictures and no others, each at its time
    step_ms = 1000 / FRAMES_PER_SECOND
    expected = [number for number in range(8 * FRAMES_PER_SECOND) if start_ms - 1 <= number * step_ms < end_ms - 1]
    found = pictures_of(tmp_path / "clip.mp4")
    assert [number for number, _ in found] == expected
    assert all(abs(at_ms - (number - expected[0]) * step_ms) < 1 for number, at_ms in found)
    assert abs(cuts.begins_ms - expected[0] * step_ms) < 1


@pytest.mark.parametrize("kind", KINDS)
def test_whole_groups_are_copied_byte_by_byte(sources: dict[str, Path], kind: str, tmp_path: Path) -> None:
    # when: a cut in the middle of two groups, two whole ones between them
    cut(sources[kind], 1000, 7000, tmp_path / "clip.mp4")
    # then: only the edges are new; without reordering the end needs none
    source, clip = packets_of(sources[kind]), packets_of(tmp_path / "clip.mp4")
    edges = 15 + (15 if kind == "pictures in another order" else 0)
    assert len(clip - source) == edges
    assert len(clip & source) == 90 - edges


@pytest.mark.parametrize("kind", KINDS)
def test_ffmpeg_finds_no_fault_and_players_need_no_second_description(
    sources: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    # given
    clip = tmp_path / "clip.mp4"
    cut(sources[kind], 1000, 7000, clip)
    # when
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "warning", "-xerror", "-err_detect", "explode"]
    checked = subprocess.run([*command, "-i", str(clip), "-f", "null", "-"], capture_output=True, text=True)
    # then
    assert (checked.returncode, checked.stderr) == (0, "")
    data = clip.read_bytes()
    assert data.find(b"moov") < data.find(b"mdat"), "it must play while it loads"
    assert (data.count(b"avc1"), data.count(b"avcC"), data.count(b"avc3")) == (1 + data[:64].count(b"avc1"), 1, 0)


def test_sound_is_as_long_as_the_pictures(sources: dict[str, Path], tmp_path: Path) -> None:
    # when
    cut(sources["as WebRTC sends"], 1000, 7000, tmp_path / "clip.mp4")
    # then
    with av.open(str(tmp_path / "clip.mp4")) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert abs(samples / RATE - 6.0) < 0.05


@pytest.mark.parametrize(("start_ms", "end_ms"), [(2100, 3900), (7500, 8000), (8000, 9000)])
def test_where_no_whole_group_lies_nothing_is_copied(
    sources: dict[str, Path], start_ms: int, end_ms: int, tmp_path: Path
) -> None:
    with pytest.raises(CannotCopy):
        cut(sources["as WebRTC sends"], start_ms, end_ms, tmp_path / "clip.mp4")


def test_other_codecs_are_not_copied(tmp_path: Path) -> None:
    source = make_source(tmp_path / "vp8.mkv", {"deadline": "realtime", "cpu-used": "8"}, codec="libvpx")
    with pytest.raises(CannotCopy):
        cut(source, 1000, 7000, tmp_path / "clip.mp4")
