"""Fetching sources from the object store, and putting what was made there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Protocol, TypeVar

from config.objects import TaggedObject
from server.files.model import content_type
from server.recordings.take import Part, Take, read_take, take_prefix
from workers.transcode.plan import SourceRefused
from workers.transcode.task import SourcePiece

T = TypeVar("T")

AT_ONCE = 4  # transfers; a part is in memory while it comes


class Objects(Protocol):
    """Where sources come from and what was made goes."""

    async def get(self, key: str) -> bytes: ...
    async def get_file(self, key: str, path: Path) -> None: ...
    async def put(self, key: str, data: bytes, content_type: str) -> None: ...
    async def put_over(self, key: str, data: bytes, content_type: str, etag: str | None) -> None: ...
    async def get_tagged(self, key: str) -> TaggedObject: ...
    async def put_file(self, key: str, path: Path, content_type: str) -> None: ...
    async def delete_prefix(self, prefix: str) -> int: ...


async def fetch_take(objects: Objects, stream_id: str) -> Take:
    """What take.json says. Raises SourceRefused, ObjectNotFound, ObjectsUnavailable."""
    try:
        take = read_take(await objects.get(take_prefix(stream_id) + "take.json"))
    except ValueError:
        raise SourceRefused("broken_source") from None
    if not take.parts:
        raise SourceRefused("broken_source")
    return take


async def fetch_runs(objects: Objects, take: Take, parts: Iterable[Part], folder: Path) -> tuple[SourcePiece, ...]:
    """Some parts of a take, each run as one file. Raises ObjectNotFound, ObjectsUnavailable."""
    prefix = take_prefix(take.stream_id)
    pieces = []
    for number, (run, group) in enumerate(groupby(parts, key=lambda part: part.run)):
        of_run = list(group)
        path = folder / f"run-{number}.mp4"
        await _append(path, [await objects.get(prefix + take.runs[run].init)])
        for few in _batches(of_run, AT_ONCE):
            await _append(path, await asyncio.gather(*(objects.get(prefix + part.name) for part in few)))
        pieces.append(SourcePiece(path=str(path), begins_ms=of_run[0].start_ms))
    return tuple(pieces)


def parts_between(take: Take, start_ms: float, end_ms: float) -> Sequence[Part]:
    """The parts in which a span of the stream lies, and those before them without which no decoder could begin."""
    parts = take.parts
    inside = [
        n for n, part in enumerate(parts) if part.start_ms < end_ms and part.start_ms + part.duration_ms > start_ms
    ]
    if not inside:
        return ()
    first = inside[0]
    while first and not parts[first].keyframe and parts[first - 1].run == parts[first].run:
        first -= 1
    return parts[first : inside[-1] + 1]


async def put_folder(objects: Objects, folder: Path, prefix: str) -> None:
    """Everything below a folder; playlists go last, so that they never name what is not there."""
    found = await asyncio.to_thread(lambda: sorted(path for path in folder.rglob("*") if path.is_file()))
    lists = sorted((path for path in found if path.suffix == ".m3u8"), key=lambda path: -len(path.parts))
    for few in _batches([path for path in found if path.suffix != ".m3u8"], AT_ONCE):
        await asyncio.gather(*(_put(objects, folder, path, prefix) for path in few))
    for path in lists:
        await _put(objects, folder, path, prefix)


async def _put(objects: Objects, folder: Path, path: Path, prefix: str) -> None:
    key = prefix + path.relative_to(folder).as_posix()
    await objects.put_file(key, path, content_type(key))


def _batches(things: Sequence[T], size: int) -> list[Sequence[T]]:
    return [things[start : start + size] for start in range(0, len(things), size)]


async def _append(path: Path, chunks: Sequence[bytes]) -> None:
    def write() -> None:
        with path.open("ab") as file:
            file.writelines(chunks)

    await asyncio.to_thread(write)
