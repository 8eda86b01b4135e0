"""The child process: real encoders on small sources, and what it says of bad ones."""

from __future__ import annotations

import json
import subprocess
import wave
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from tests.harness.ladders import MadeLadder, make_ladder, plan
from tests.harness.takes import make_video

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def film(path: Path, *arguments: str) -> Path:
    """A source made by FFmpeg."""
    subprocess.run([FFMPEG, "-v", "error", "-y", *arguments, str(path)], check=True, timeout=60)
    return path


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds of moving pictures with B-frames, a keyframe every 1.5 s, and a loud, pausing tone."""
    return film(
        tmp_path_factory.mktemp("moving") / "moving.mp4",
        *("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25"),
        *("-f", "lavfi", "-i", "sine=frequency=440:beep_factor=2:sample_rate=44100,volume=2"),
        *("-t", "7", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "38", "-c:a", "aac"),
    )


@pytest.fixture(scope="module")
def whole(moving: Path, tmp_path_factory: pytest.TempPathFactory) -> MadeLadder:
    """Made in one pass."""
    return make_ladder(moving, tmp_path_factory.mktemp("whole") / "out", 30.0)


@pytest.fixture(scope="module")
def in_chunks(moving: Path, tmp_path_factory: pytest.TempPathFactory) -> MadeLadder:
    """Made in chunks, each in a process of its own."""
    return make_ladder(moving, tmp_path_factory.mktemp("chunks") / "out", 2.0)


def pictures_of(made: MadeLadder, name: str) -> list[av.VideoFrame]:
    with av.open(str(made.folder / name / "index.m3u8"), "r") as container:
        return list(container.decode(video=0))


def psnr(one: av.VideoFrame, other: av.VideoFrame) -> float:
    difference = one.to_ndarray(format="gray").astype(float) - other.to_ndarray(format="gray").astype(float)
    return float(10 * np.log10(255**2 / max(1e-9, np.mean(difference**2))))


def test_chunks_joined_are_what_one_pass_makes_frame_by_frame(whole: MadeLadder, in_chunks: MadeLadder) -> None:
    # given
    assert len(whole.ladder.spans) == 1
    assert len(in_chunks.ladder.spans) >= 3

    # then: the same number of pictures at the same moments, and near-equal ones
    for name in ("240p", "144p"):
        alone, joined = pictures_of(whole, name), pictures_of(in_chunks, name)
        assert len(alone) == len(joined) == 175
        assert [frame.pts for frame in alone] == [frame.pts for frame in joined]
        likeness = [psnr(one, other) for one, other in zip(alone, joined, strict=True)]
        assert min(likeness) > 24
        assert np.mean(likeness) > 30
    # and: the same sound
    assert whole.decode("sound-medium") == in_chunks.decode("sound-medium")


def test_no_chunk_leaves_a_gap_in_the_file_and_every_segment_begins_with_a_keyframe(in_chunks: MadeLadder) -> None:
    for name in ("240p", "144p", "slides"):
        with av.open(str(in_chunks.folder / name / "index.m3u8"), "r") as container:
            packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
        ends = [(packet.pts or 0) + (packet.duration or 0) for packet in packets]
        assert ends[:-1] == [packet.pts for packet in packets[1:]]
        segments = [
            segment for chunk in in_chunks.pictures for t in chunk.tracks if t.name == name for segment in t.segments
        ]
        assert sum(packet.is_keyframe for packet in packets) == len(segments)


def test_all_renditions_show_the_same_pictures_at_the_same_time(in_chunks: MadeLadder) -> None:
    (large, _), (small, _) = in_chunks.decode("240p"), in_chunks.decode("144p")
    assert large == small
    slides, _ = in_chunks.decode("slides")
    assert set(slides) <= set(large)


def test_sound_is_where_it_was(moving: Path, whole: MadeLadder) -> None:
    # given: the tone beeps every second; its beginnings are seen in how loud 5 ms are
    def beeps(path: Path) -> Any:
        with av.open(str(path), "r") as container:
            resampler = av.AudioResampler("flt", "mono", 48_000)
            frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
        samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        return np.abs(samples[: len(samples) // 240 * 240]).reshape(-1, 240).max(axis=1)

    # when
    before, after = beeps(moving), beeps(whole.folder / "sound-medium/index.m3u8")

    # then: they are not moved against each other
    length = min(len(before), len(after)) - 20
    likeness = [np.corrcoef(before[10 : length - 10], after[10 + by : length - 10 + by])[0, 1] for by in range(-8, 9)]
    assert abs(int(np.argmax(likeness)) - 8) <= 1


def test_every_file_passes_ffmpegs_error_detection(in_chunks: MadeLadder) -> None:
    for playlist in sorted(in_chunks.folder.glob("*/index.m3u8")):
        command = [FFMPEG, "-v", "error", "-err_detect", "explode", "-xerror", "-i", str(playlist), "-f", "null", "-"]
        check = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (check.returncode, check.stderr) == (0, ""), playlist


def test_all_videos_are_equally_loud(tmp_path: Path) -> None:
    # given: a very soft voice
    soft = film(
        tmp_path / "soft.mp4",
        *("-f", "lavfi", "-i", "anoisesrc=color=pink:amplitude=0.1:sample_rate=48000:seed=1"),
        *("-t", "5", "-c:a", "aac"),
    )

    # when
    made = make_ladder(soft, tmp_path / "out")

    # then
    playlist = str(made.folder / "sound-medium/index.m3u8")
    measure = [FFMPEG, "-i", playlist, "-af", "ebur128=peak=true", "-f", "null", "-"]
    said = subprocess.run(measure, capture_output=True, text=True, timeout=60, check=True).stderr.rsplit("Summary:")[
        1
    ]
    loudness = float(said.split("I:")[1].split("LUFS")[0])
    peak = float(said.split("Peak:")[1].split("dBFS")[0])
    assert made.sound is not None
    assert made.sound.loudness_lufs is not None
    assert made.sound.loudness_lufs < -30
    assert abs(loudness - -16.0) < 1.0
    assert peak <= -1.0
    assert max(json.loads((made.folder / "waveform.json").read_text())["peaks"]) > 20


def test_small_pictures_for_the_seek_bar_show_their_moment(in_chunks: MadeLadder) -> None:
    # given: the sheet that is named for 4 s to 6 s of the second chunk or later
    entries = (in_chunks.folder / "thumbs.vtt").read_text().split("\n\n")[1:-1]
    assert len(entries) >= 4
    for entry in entries:
        sheet, place = entry.split("\n")[1].split("#xywh=")
        x, y, width, height = map(int, place.split(","))
        with Image.open(in_chunks.folder / sheet) as picture:
            assert x + width <= picture.width
            assert y + height <= picture.height


def test_a_film_of_a_turned_phone_stands_upright(tmp_path: Path) -> None:
    # given: the ramp is darker on its left; turned to the left by a quarter, its dark side is at the bottom
    plain, turned = tmp_path / "plain.mp4", tmp_path / "turned.mp4"
    plain.write_bytes(make_video(3.0, width=320, height=240, sound=False))
    film(turned, "-display_rotation", "90", "-i", str(plain), "-c", "copy")

    # when: also the later chunks, which begin in the middle of the file
    made = make_ladder(turned, tmp_path / "out")

    # then
    assert [(p.width, p.height) for p in made.ladder.pictures[:2]] == [(240, 320), (144, 192)]
    with Image.open(tmp_path / "out/poster-0000.webp") as poster:
        grey = poster.convert("L").tobytes()
    assert grey[270 * 240 + 120] < grey[40 * 240 + 120] - 50


def test_a_film_without_a_length_in_its_header_is_measured(tmp_path: Path) -> None:
    # given: WebM as MediaRecorder streams it
    source = tmp_path / "source.webm"
    source.write_bytes(make_video(2.0, width=160, height=120, kind="webm"))

    # when, then
    assert abs(plan(source)["ladder"]["duration_ms"] - 2000) < 150


def test_odd_sides_and_uneven_times_are_no_trouble(tmp_path: Path) -> None:
    # given: pictures of 161 x 121 that come at 5, then 25 a second
    source = film(
        tmp_path / "uneven.mkv",
        *("-f", "lavfi", "-i", "testsrc2=size=161x121:rate=25,select='gt(t,2)+not(mod(n,5))'"),
        *("-t", "4", "-fps_mode", "vfr", "-c:v", "ffv1"),
    )

    # when
    made = make_ladder(source, tmp_path / "out", 1.0)

    # then: each picture at its own moment
    times, _ = made.decode("120p")
    assert len(made.ladder.spans) >= 2
    assert [round(time * 1000) for time in times[:4]] == [0, 200, 400, 600]
    assert len(times) == 10 + 50


def test_a_track_of_sound_without_any_sound_is_left_out(tmp_path: Path) -> None:
    # given: a WAV of no samples beside pictures
    with wave.open(str(tmp_path / "empty.wav"), "wb") as empty:
        empty.setnchannels(1)
        empty.setsampwidth(2)
        empty.setframerate(8000)
    source = film(
        tmp_path / "mute.mkv",
        *("-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=1", "-i", str(tmp_path / "empty.wav")),
        *("-c:v", "libx264", "-c:a", "copy"),
    )

    # when, then
    answer = plan(source)
    assert answer["what"] == "planned"
    assert answer["ladder"]["sounds"] == []


def make_cut_off(kind: str) -> bytes:
    whole = make_video(8.0, width=160, height=120, kind=kind)
    return whole[: len(whole) // 2]


BAD = {
    "text": (b"this is no video at all\n" * 100, "broken_source"),
    "only a beginning": (make_video(1.0, width=64, height=64)[:200], "truncated"),
    "noise after a signature": (b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40, "broken_source"),
    "a playlist that names an address": (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n", "broken_source"),
    "a script that joins other files": (b"ffconcat version 1.0\nfile /etc/passwd\n", "broken_source"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "broken_source"),
    "Matroska that was cut off": (make_cut_off("matroska"), "truncated"),
    "MP4 that was cut off": (make_cut_off("mp4"), "truncated"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_source_is_refused_with_a_code(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source.mp4"
    data, code = BAD[name]
    source.write_bytes(data)
    assert plan(source) == {"what": "refused", "code": code}
