"""The folder of one unfinished take on local disk: its files, and the journal from which a crash is mended."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from config.logs import logger
from media.recording.journal import JOURNAL, SpoolBroken, header, mend, write_all
from media.recording.take import Record, Run, Take, Zero

log = logger(__name__)

LOCK = "lock"
# Fragments reach the disk itself this often; the kernel has them at once, so only a power cut costs this much.
SYNC_SECONDS = 1.0
_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class SpoolBusy(Exception):
    """Another recorder or recovery works on this take."""


class TakeSpool:
    """Owns the folder of one take; one holder at a time, across processes.

    The writing thread calls begin…, write…, close… and note…; `mark_uploaded` may come from another thread.
    A failed write raises OSError and leaves what was written before as it was.
    """

    def __init__(self, folder: Path, lock: BinaryIO, take: Take) -> None:
        self._folder = folder
        self._lock_file = lock
        self._part: BinaryIO | None = None
        self._part_bytes = 0
        self._journal = (folder / JOURNAL).open("ab", buffering=0)
        self._mutex = threading.Lock()
        self._synced_at = time.monotonic()
        self._done_runs = self._done_parts = 0  # so many of the first ones are uploaded or lost, and stay so
        self.take = take

    @classmethod
    def open(cls, spool_folder: Path, stream_id: str, room_id: str, *, is_unasked: bool = False) -> TakeSpool:
        """Open the folder of a stream's take, making it if there is none. `is_unasked`: the object store may hold an
        earlier take, so a new one gets names that cannot be that one's until `note_earlier`.

        Raises SpoolBusy, and ValueError for an id that cannot be a folder.
        """
        if not _SAFE_ID.fullmatch(stream_id):
            raise ValueError("stream id cannot be a folder's name")
        folder = spool_folder / stream_id
        folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(folder)
        try:
            if (folder / JOURNAL).exists():
                try:
                    return cls(folder, lock, mend(folder))
                except SpoolBroken:  # it died before its first line was whole, so before any part
                    (folder / JOURNAL).unlink()
            # The clock runs faster than parts are made, so no two recordings of a stream share a number.
            take = Take(stream_id, room_id, is_unasked=is_unasked, first_number=int(time.time()) if is_unasked else 0)
            spool = cls(folder, lock, take)
            try:
                spool._append(header(take))
            except OSError:
                spool.close()
                raise
        except BaseException:
            lock.close()
            raise
        return spool

    @classmethod
    def reopen(cls, folder: Path) -> TakeSpool:
        """Open what a crash left. Raises SpoolBusy, or SpoolBroken if there is nothing to mend."""
        lock = _lock(folder)
        try:
            return cls(folder, lock, mend(folder))
        except BaseException:
            lock.close()
            raise

    def begin(self, began_at: datetime, zero: Zero | None = None) -> None:
        """Note the wall clock of 0 ms, and what that is on this machine's monotonic one."""
        told = None if zero is None else [zero.boot, zero.at_ns]
        self._note({"what": "began", "wall_ms": round(began_at.timestamp() * 1000), "zero": told})

    def begin_run(self, init: bytes, video_codec: str | None, audio_codec: str | None, size: tuple[int, int]) -> None:
        """Begin a run with its init segment."""
        name = self.take.next_init
        (self._folder / name).write_bytes(init)
        run = Run(name, video_codec, audio_codec, *size)
        self._note({"what": "run", "run": {slot: getattr(run, slot) for slot in Run.__slots__}})

    def begin_part(self, start_ns: int, keyframe: bool) -> None:
        """Begin the next part of the run."""
        part = (self._folder / self.take.next_part).open("wb", buffering=0)
        try:
            self._note({"what": "part", "start_ns": start_ns, "keyframe": keyframe})
        except OSError:
            part.close()  # the take does not know of it: there is nothing to close later
            raise
        self._part, self._part_bytes = part, 0

    def write_fragment(self, data: bytes, end_ns: int) -> None:
        """Append a fragment, which ends at `end_ns` of the take, to the open part. RuntimeError: none is open."""
        if self._part is None:
            raise RuntimeError("no part is open")
        try:
            write_all(self._part, data)
            self._note({"what": "fragment", "bytes": len(data), "end_ns": end_ns})
        except OSError:  # what the take does not know of is not to be in the object store either
            os.ftruncate(self._part.fileno(), self._part_bytes)
            raise
        self._part_bytes += len(data)
        if time.monotonic() - self._synced_at >= SYNC_SECONDS:
            self._sync()

    def close_part(self, end_ns: int) -> None:
        """Close the open part; from now on it may be uploaded. Never fails: a part whose end is not on disk is
        closed by recovery at the end of its last fragment."""
        if self._part is None:
            return
        with suppress(OSError):
            self._sync()
        self._part.close()
        self._part = None
        record = {"what": "closed", "end_ns": end_ns}
        try:
            self._append(record)
        except OSError:
            log.exception("the spool cannot be written", stream=self.take.stream_id)
        self._apply(record)

    def note_gap(self, start_ns: int, end_ns: int) -> None:
        """Note that something is missing."""
        self._note({"what": "gap", "start_ns": start_ns, "end_ns": end_ns})

    def note_earlier(self, take_json: Any) -> None:
        """Note what the object store has of this stream from an earlier recording; None: nothing."""
        record = {"what": "earlier", "take": take_json}
        try:
            self._append(record)
        except OSError:
            log.warning("the spool cannot be written", stream=self.take.stream_id)  # a recovery asks once more
        self._apply(record)

    def waiting_for_upload(self) -> list[str]:
        """Closed files that the object store does not have yet, init segments first."""
        with self._mutex:
            take = self.take
            count = len(take.parts) - take.open_part
            # Asked several times a second, of takes with thousands of parts, which are uploaded in their order.
            while self._done_runs < len(take.runs) and take.is_done(take.runs[self._done_runs].init):
                self._done_runs += 1
            while self._done_parts < count and take.is_done(take.parts[self._done_parts].name):
                self._done_parts += 1
            names = [run.init for run in take.runs[self._done_runs :]]
            names += [part.name for part in take.parts[self._done_parts : count]]
            return [name for name in names if not take.is_done(name)]

    def path(self, name: str) -> Path:
        """Where a file of the take lies."""
        return self._folder / name

    def mark_uploaded(self, name: str) -> None:
        """Note that the object store has a file, and drop it here."""
        record = {"what": "uploaded", "name": name}
        try:
            self._append(record)
        except OSError:  # a full disk: what is dropped makes room for the note of it
            (self._folder / name).unlink(missing_ok=True)
            with suppress(OSError):
                self._append(record)
        self._apply(record)
        (self._folder / name).unlink(missing_ok=True)

    def mark_lost(self, name: str) -> None:
        """Note that a file is neither here nor in the object store."""
        record = {"what": "lost", "name": name}
        with suppress(OSError):  # a full disk: whoever recovers the take finds out again
            self._append(record)
        self._apply(record)

    def close(self) -> None:
        """Let go of the folder; everything stays. Twice is fine."""
        if self._part is not None:
            self._part.close()
            self._part = None
        self._journal.close()
        self._lock_file.close()

    def remove_if_unchanged(self) -> None:
        """Let go, and delete the folder: the object store has everything, and who must know knows. It stays if
        somebody goes on with the take."""
        self.close()
        try:
            found = TakeSpool.reopen(self._folder)
        except (SpoolBusy, SpoolBroken, OSError, ValueError):
            return
        if found.take.as_json() == self.take.as_json():
            shutil.rmtree(self._folder, ignore_errors=True)
        found.close()

    def _sync(self) -> None:
        if self._part is not None:
            os.fdatasync(self._part.fileno())
        os.fdatasync(self._journal.fileno())
        self._synced_at = time.monotonic()

    def _note(self, record: Record) -> None:
        self._append(record)
        self._apply(record)

    def _apply(self, record: Record) -> None:
        with self._mutex:
            self.take.apply(record)

    def _append(self, record: Record) -> None:
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        with self._mutex:
            size = os.fstat(self._journal.fileno()).st_size
            try:
                write_all(self._journal, line)
            except OSError:
                os.ftruncate(self._journal.fileno(), size)
                raise


def _lock(folder: Path) -> BinaryIO:
    try:
        lock = (folder / LOCK).open("wb")
    except FileNotFoundError:
        raise SpoolBusy(folder.name) from None  # its last holder deletes the folder at this moment
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise SpoolBusy(folder.name) from None
    # Whoever held the lock before may have finished the take and deleted the folder under it.
    with suppress(FileNotFoundError):
        if os.stat(folder / LOCK).st_ino == os.fstat(lock.fileno()).st_ino:
            return lock
    lock.close()
    raise SpoolBusy(folder.name)
