"""FFmpeg beside us: it makes the source, and the same renditions in one command to compare with."""

from __future__ import annotations

import math
import resource
import subprocess
from pathlib import Path

import imageio_ffmpeg

from server.recordings.ladder import Ladder, PicturePlan
from workers.transcode.look import look
from workers.transcode.plan import KEYFRAME_EVERY_MS, plan_ladder
from workers.transcode.source import Piece

PICTURES_PER_SECOND = 30


def make_source(path: Path, seconds: int) -> None:
    """Moving 720p pictures with noise and a voice-like tone, a keyframe every two seconds, as a phone sends them."""
    _run(
        *("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate={PICTURES_PER_SECOND},noise=alls=8:allf=t"),
        *("-f", "lavfi", "-i", "sine=frequency=330:beep_factor=4:sample_rate=48000"),
        *("-t", str(seconds), "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "60"),
        *("-b:v", "2500k", "-maxrate", "2500k", "-bufsize", "5000k", "-c:a", "aac", "-b:a", "64k", str(path)),
    )


def ladder_of(source: Path) -> Ladder:
    """What a worker will make of it, in one chunk."""
    return plan_ladder(look(Piece(source)), math.inf)


def ladder_cpu_seconds(source: Path, ladder: Ladder, folder: Path) -> float:
    """CPU seconds of one FFmpeg command that makes the ladder's renditions, without slides, sprites and loudness."""
    pictures = [plan for plan in ladder.pictures if not plan.every_ms]
    arguments = ["-i", str(source), "-filter_complex", _scaled_from_each_other(pictures)]
    for number, plan in enumerate(pictures):
        arguments += ["-map", f"[out{number}]", *_encoder(plan), str(folder / f"{plan.name}.mp4")]
    for sound in ladder.sounds:
        arguments += ["-map", "0:a", "-c:a", "aac", "-b:a", str(sound.bits), "-ac", str(sound.channels)]
        arguments.append(str(folder / f"{sound.name}.m4a"))
    before = _children_seconds()
    _run("-threads", "1", *arguments)
    return _children_seconds() - before


def _scaled_from_each_other(pictures: list[PicturePlan]) -> str:
    """The cheapest way: each size from the next larger one, as we do it."""
    steps = []
    at = "0:v"
    for number, plan in enumerate(pictures):
        scaled = f"[{at}]scale={plan.width}:{plan.height}"
        if number == len(pictures) - 1:
            steps.append(f"{scaled}[out{number}]")
        else:
            at = f"next{number}"
            steps.append(f"{scaled},split=2[out{number}][{at}]")
    return ";".join(steps)


def _encoder(plan: PicturePlan) -> list[str]:
    options = {
        "c:v": "libx264",
        "preset": "veryfast",
        "crf": plan.crf,
        "maxrate": plan.bits,
        "bufsize": 2 * plan.bits,
        "bf": 0,
        "g": KEYFRAME_EVERY_MS * PICTURES_PER_SECOND // 1000,
        "threads": 1,
        "x264-params": "scenecut=0",
    }
    return [word for name, value in options.items() for word in (f"-{name}", str(value))]


def _run(*arguments: str) -> None:
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments], check=True)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
