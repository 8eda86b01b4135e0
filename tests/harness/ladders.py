"""Making a ladder of a file in real children, one after the other, without a server or an object store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import av

from server.recordings.ladder import Ladder, MadeChunk
from workers.transcode.package import check_fit, write_playlists

ROOT = Path(__file__).parents[2]
MEMORY_BYTES = 4_000_000_000


@dataclass(frozen=True, slots=True)
class MadeLadder:
    """A ladder that lies ready in `folder`."""

    folder: Path
    ladder: Ladder
    pictures: list[MadeChunk]
    sound: MadeChunk | None

    def decode(self, name: str) -> tuple[list[float], int]:
        """Times of the pictures below a folder, and samples of the sound."""
        times, samples = [], 0
        with av.open(str(self.folder / name / "index.m3u8"), "r") as container:
            for frame in cast("Iterator[av.VideoFrame | av.AudioFrame]", container.decode()):
                if isinstance(frame, av.VideoFrame):
                    times.append(frame.time)
                else:
                    samples += frame.samples
        return times, samples


def run_child(task: dict[str, Any], *, memory_bytes: int = MEMORY_BYTES, cpu_seconds: int = 60) -> dict[str, Any]:
    """A child's last word."""
    child = subprocess.run(
        [sys.executable, "-m", "workers.transcode", str(memory_bytes), str(cpu_seconds)],
        input=json.dumps({"threads": 1, **task}) + "\n",
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    lines = child.stdout.splitlines()
    answer: dict[str, Any] = json.loads(lines[-1]) if lines else {"what": "died", "code": child.returncode}
    return answer


def plan(source: Path, chunk_seconds: float = 30.0) -> dict[str, Any]:
    """What the child says that will be made of a file, or why nothing is."""
    pieces = [{"path": str(source)}]
    return run_child({"kind": "plan", "pieces": pieces, "folder": "", "chunk_ms": chunk_seconds * 1000})


def make_ladder(source: Path, folder: Path, chunk_seconds: float = 30.0) -> MadeLadder:
    """Plan, make every chunk in a child of its own, and put all together."""
    planned = plan(source, chunk_seconds)
    assert planned["what"] == "planned", planned
    ladder = Ladder.model_validate(planned["ladder"])
    folder.mkdir()
    task = {"pieces": [{"path": str(source)}], "ladder": planned["ladder"], "folder": str(folder)}
    pictures = [_chunk({**task, "kind": "pictures", "number": number}) for number in range(len(ladder.spans))]
    sound = _chunk({**task, "kind": "sound"}) if ladder.sounds else None
    check_fit(ladder, pictures, sound)
    write_playlists(folder, ladder, pictures, sound)
    return MadeLadder(folder, ladder, pictures, sound)


def _chunk(task: dict[str, Any]) -> MadeChunk:
    answer = run_child(task)
    assert answer["what"] == "encoded", answer
    return MadeChunk.model_validate(answer["chunk"])
