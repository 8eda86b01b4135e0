"""Running a transcoding child behind a fence: no secrets, bounded memory and time, ended when it stalls."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

import workers
from config.children import bare_environment
from config.logs import logger
from workers.transcode.plan import SourceRefused
from workers.transcode.task import Cut, Encoded, Filled, Planned, Progressed, Refused, Result, Task

log = logger(__name__)

ROOT = Path(workers.__file__).parents[1]
# A child that spins without end is stopped: looking into a long file takes a minute, and a slow machine may need
# this much for a second of video.
LEAST_CPU_SECONDS, CPU_PER_SECOND = 900, 30
STALL_SECONDS = 300.0  # without a word; looking through a long take takes a minute or two
TAIL_BYTES = 4_000
LONGEST_LINE_BYTES = 16 * 2**20  # what a child says last names every segment: 1 MB for six hours of three sounds
_ADAPTER: TypeAdapter[Progressed | Refused | Result] = TypeAdapter(
    Annotated[Progressed | Refused | Result, Field(discriminator="what")]
)
R = TypeVar("R", Planned, Encoded, Cut, Filled)


class ChildFailed(Exception):
    """The child crashed, was killed or stalled."""


@dataclass(frozen=True, slots=True)
class Fence:
    """The limits of a child."""

    memory_bytes: int
    stall_seconds: float = STALL_SECONDS

    async def run(
        self, task: Task, kind: type[R], on_progress: Callable[[float], None], *, video_ms: float = 0.0
    ) -> R:
        """Have a child do the task on so much video and answer with this kind of result; it is gone afterwards.

        Raises:
            SourceRefused, ChildFailed
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "workers.transcode",
            str(self.memory_bytes),
            str(round(LEAST_CPU_SECONDS + CPU_PER_SECOND * video_ms / 1000)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            limit=LONGEST_LINE_BYTES,
            cwd=ROOT,
            env=bare_environment(),
        )
        tail = asyncio.ensure_future(_tail(process))
        try:
            return _expect(kind, await self._converse(process, task, on_progress))
        except ChildFailed as failure:
            await _end(process)
            if process.returncode == -signal.SIGXCPU:
                raise SourceRefused("too_costly") from None
            log.warning("transcoding child failed", why=str(failure), code=process.returncode, stderr=await tail)
            raise
        finally:
            await _end(process)
            await tail

    async def _converse(self, process: Process, task: Task, on_progress: Callable[[float], None]) -> Result:
        if process.stdin is None or process.stdout is None:
            raise ChildFailed("no pipes")
        try:
            process.stdin.write(task.model_dump_json().encode() + b"\n")
            await process.stdin.drain()
            while True:
                async with asyncio.timeout(self.stall_seconds):
                    line = await process.stdout.readline()
                if not line:
                    raise ChildFailed("it ended without an answer")
                match _ADAPTER.validate_json(line):
                    case Progressed(progress=progress):
                        on_progress(progress)
                    case Refused(code=code):
                        raise SourceRefused(code)
                    case result:
                        return result
        except TimeoutError:
            raise ChildFailed("it stalled") from None
        except (ValidationError, ValueError, ConnectionError) as error:
            raise ChildFailed(f"its answer is no answer: {type(error).__name__}") from None


def _expect(kind: type[R], result: Result) -> R:
    if not isinstance(result, kind):
        raise ChildFailed("it did something else")
    return result


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def _tail(process: Process) -> str:
    """The last of what it said on stderr."""
    kept = b""
    while process.stderr is not None and (chunk := await process.stderr.read(TAIL_BYTES)):
        kept = (kept + chunk)[-TAIL_BYTES:]
    return kept.decode(errors="replace")
