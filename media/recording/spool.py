"""Finishes the takes that a crash left in the spool folder."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from config.logs import logger
from config.objects import Objects
from config.settings import MediaSettings
from media.recording.journal import SpoolBroken
from media.recording.take import TakeSummary
from media.recording.take_spool import SpoolBusy, TakeSpool
from media.recording.upload import Uploader

log = logger(__name__)

# One take may hold up recovery so long while the object store is away; the next recovery tries again.
RECOVERY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RecoveredTake:
    """A take that a crash interrupted and that is whole in the object store now."""

    stream_id: str
    room_id: str
    summary: TakeSummary


Announce = Callable[[RecoveredTake], Awaitable[bool]]


async def recover_spool(settings: MediaSettings, objects: Objects, announce: Announce) -> None:
    """Finish every take in the spool folder that nobody records, and announce each as soon as it is whole. Safe to
    run twice, and beside live recordings.

    A take that cannot be finished now (the object store is away), or that `announce` could not tell anybody of,
    stays for the next time and is announced then.
    """
    for folder in await asyncio.to_thread(_folders, Path(settings.spool_folder)):
        await _recover(folder, objects, announce)


def _folders(spool_folder: Path) -> list[Path]:
    return sorted(path for path in spool_folder.iterdir() if path.is_dir()) if spool_folder.is_dir() else []


async def _recover(folder: Path, objects: Objects, announce: Announce) -> None:
    try:
        spool = await asyncio.to_thread(TakeSpool.reopen, folder)
    except SpoolBusy:
        return
    except SpoolBroken as error:
        log.warning("spool folder holds nothing that can be mended", folder=folder.name, reason=str(error))
        return
    except (OSError, ValueError) as error:
        log.warning("spool folder cannot be read", folder=folder.name, reason=str(error))
        return
    take = spool.take
    try:
        async with asyncio.timeout(RECOVERY_SECONDS):
            summary = await Uploader(spool, objects).publish()
    except TimeoutError:
        log.warning("a take could not be recovered yet, it stays in the spool", stream=take.stream_id)
        return
    finally:
        spool.close()  # a publisher who is back must not wait until the servers have heard of it
    log.info("take recovered after a crash", stream=take.stream_id, duration_ms=summary.duration_ms)
    if await announce(RecoveredTake(take.stream_id, take.room_id, summary)):
        await asyncio.to_thread(spool.remove_if_unchanged)
