"""Log files that don't grow without end: the newest part and the one before it are kept."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

LOG_LIMIT_BYTES = 20 * 1024 * 1024


def trim(log: Path, limit: int = LOG_LIMIT_BYTES) -> bool:
    """If it passed the limit, move its text to `….1` and go on with an empty file.

    The writer keeps its descriptor: it appends, so it goes on at the new end. A line written in between may be lost.
    """
    try:
        if log.stat().st_size <= limit:
            return False
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)
    except FileNotFoundError:
        return False
    return True
