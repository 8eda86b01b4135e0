"""Folders for sources and renditions while they are made; what a killed worker left is deleted by the next."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO

LOCK = "lock"


class WorkFolder:
    """This worker's own folder; its lock tells others that it lives."""

    def __init__(self, base: Path) -> None:
        self._base = base.absolute()
        self._own = self._new()
        self._lock: IO[bytes] | None = None

    def open(self) -> None:
        """Make the folder, and delete those of dead workers."""
        while (lock := _make_locked(self._own)) is None:
            self._own = self._new()
        self._lock = lock
        for other in self._base.glob("worker-*"):
            if other != self._own:
                _remove_if_dead(other)

    def _new(self) -> Path:
        return self._base / f"worker-{secrets.token_hex(6)}"

    @property
    def sources(self) -> Path:
        """Where sources lie that several jobs read."""
        return self._own / "sources"

    def close(self) -> None:
        """Delete the folder. Twice is fine."""
        shutil.rmtree(self._own, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @asynccontextmanager
    async def job(self) -> AsyncIterator[Path]:
        """A folder for one job, deleted after it."""
        folder = self._own / secrets.token_hex(6)
        await asyncio.to_thread(folder.mkdir, parents=True)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _make_locked(folder: Path) -> IO[bytes] | None:
    """Make a folder and lock it; None if another worker took it for a dead one's meanwhile and deleted it."""
    folder.mkdir(parents=True)
    try:
        lock = (folder / LOCK).open("wb")
    except FileNotFoundError:
        return None
    fcntl.flock(lock, fcntl.LOCK_EX)
    with suppress(FileNotFoundError):
        if (folder / LOCK).stat().st_ino == os.fstat(lock.fileno()).st_ino:
            return lock
    lock.close()
    return None


def _remove_if_dead(folder: Path) -> None:
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:
        return  # it lives, is being made, or is gone already
