"""The child process: real encoders on small sources, and what it says of bad ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import av
import imageio_ffmpeg
import pytest
from PIL import Image

from tests.harness.takes import make_video

ROOT = Path(__file__).parents[3]


def transcode(source: Path, folder: Path) -> dict[str, Any]:
    """The child's last word."""
    folder.mkdir()
    task = {"kind": "ladder", "pieces": [{"path": str(source)}], "folder": str(folder), "threads": 1}
    child = subprocess.run(
        [sys.executable, "-m", "workers.transcode", "4000000000", "60"],
        input=json.dumps(task) + "\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=True,
    )
    answer: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return answer


def decode(folder: Path, name: str) -> tuple[list[float], int]:
    """Times of the pictures of a rendition, and samples of its sound."""
    times, samples = [], 0
    with av.open(str(folder / name / "index.m3u8"), "r") as container:
        for frame in cast("Iterator[av.VideoFrame | av.AudioFrame]", container.decode()):
            if isinstance(frame, av.VideoFrame):
                times.append(frame.time)
            else:
                samples += frame.samples
    return times, samples


def test_all_renditions_show_the_same_pictures_at_the_same_time(tmp_path: Path) -> None:
    # given
    source = tmp_path / "source.mp4"
    source.write_bytes(make_video(4.0, width=426, height=240))

    # when
    done = transcode(source, tmp_path / "out")

    # then
    assert (done["what"], done["duration_ms"], done["has_poster"]) == ("done", 4000, True)
    (large, sound), (small, _) = decode(tmp_path / "out", "240p"), decode(tmp_path / "out", "144p")
    assert large == small
    assert len(large) == 60
    assert abs(sound / 48_000 - 4.0) < 0.1
    with av.open(str(tmp_path / "out/240p/index.m3u8"), "r") as container:
        keys = [packet.pts for packet in container.demux(video=0) if packet.is_keyframe and packet.pts is not None]
    assert len(keys) == 2


def test_a_film_of_a_turned_phone_stands_upright(tmp_path: Path) -> None:
    # given: the ramp is darker on its left; turned to the left by a quarter, its dark side is at the bottom
    plain, turned = tmp_path / "plain.mp4", tmp_path / "turned.mp4"
    plain.write_bytes(make_video(1.0, width=320, height=240, sound=False))
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-display_rotation", "90", "-i", str(plain), "-c", "copy", str(turned)]
    subprocess.run(command, check=True, timeout=60)

    # when
    done = transcode(turned, tmp_path / "out")

    # then
    assert [(r["width"], r["height"]) for r in done["renditions"]] == [(240, 320), (144, 192)]
    with Image.open(tmp_path / "out/poster.webp") as poster:
        grey = poster.convert("L").tobytes()
    assert grey[270 * 240 + 120] < grey[40 * 240 + 120] - 50


def test_a_film_without_a_length_in_its_header_is_measured(tmp_path: Path) -> None:
    # given: WebM as MediaRecorder streams it
    source = tmp_path / "source.webm"
    source.write_bytes(make_video(2.0, width=160, height=120, kind="webm"))

    # when, then
    assert abs(transcode(source, tmp_path / "out")["duration_ms"] - 2000) < 150


BAD = {
    "text": (b"this is no video at all\n" * 100, "broken_source"),
    "only a beginning": (make_video(1.0, width=64, height=64)[:200], "broken_source"),
    "noise after a signature": (b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40, "broken_source"),
    "a playlist that names an address": (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n", "broken_source"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), "broken_source"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_source_is_refused_with_a_code(tmp_path: Path, name: str) -> None:
    source = tmp_path / "source.mp4"
    data, code = BAD[name]
    source.write_bytes(data)
    assert transcode(source, tmp_path / "out") == {"what": "refused", "code": code}


def test_a_film_that_was_cut_off_is_made_as_far_as_it_goes(tmp_path: Path) -> None:
    # given: Matroska, which can be read up to the cut
    source = tmp_path / "source.mkv"
    whole = make_video(8.0, width=160, height=120, kind="matroska")
    source.write_bytes(whole[: len(whole) // 2])

    # when
    answer = transcode(source, tmp_path / "out")

    # then
    assert answer["what"] == "done"
    assert 1000 < answer["duration_ms"] < 7000
