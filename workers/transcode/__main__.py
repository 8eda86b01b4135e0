"""The child process: limits itself, reads one task from stdin, answers in JSON lines on stdout.

Strangers' files are decoded here and nowhere else, so that one that crashes or bloats a decoder takes only this
process with it. It ends by itself when its worker is gone.
"""

from __future__ import annotations

import contextlib
import sys

from workers.transcode.limits import limit_self
from workers.transcode.make import make
from workers.transcode.plan import SourceRefused
from workers.transcode.task import Answer, Progressed, Refused, Task


def _say(answer: Answer) -> None:
    print(answer.model_dump_json(), flush=True)  # noqa: T201 -- stdout is how the worker is answered


def main() -> int:
    """Do one task."""
    memory_bytes, cpu_seconds = int(sys.argv[1]), int(sys.argv[2])
    limit_self(memory_bytes, cpu_seconds)
    task = Task.model_validate_json(sys.stdin.buffer.readline())
    try:
        _say(make(task, lambda progress: _say(Progressed(progress=progress))))
    except SourceRefused as refusal:
        _say(Refused(code=refusal.code))
    except MemoryError:
        _say(Refused(code="too_large"))
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            sys.stdout.close()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
