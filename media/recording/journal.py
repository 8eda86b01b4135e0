"""The journal of a spool folder: reads a take back from it, cutting off what a crash left half written."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from media.recording.take import Record, Take, Zero, take_from_json

JOURNAL = "journal.jsonl"


class SpoolBroken(Exception):
    """The folder holds nothing that can be mended."""


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write every byte to an unbuffered file."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def parse_records(data: bytes) -> list[Record]:
    """The whole records at the front; what follows was cut off by a crash."""
    records: list[Record] = []
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            record: Any = json.loads(line)
        except ValueError:
            break
        if not isinstance(record, dict):
            break
        records.append(record)
    return records


def header(take: Take) -> Record:
    """The first line of a journal: the take as it is now."""
    return {
        "what": "take",
        "take": take.as_json(),
        "uploaded": sorted(take.uploaded),
        "lost": sorted(take.lost),
        "unasked": take.is_unasked,
        "first_number": take.first_number,
        "zero": None if take.zero is None else [take.zero.boot, take.zero.at_ns],
    }


def mend(folder: Path) -> Take:
    """Read the take of a folder back, and close the part that was open. Safe to do again.

    Raises:
        SpoolBroken: when the journal does not even say whose take it is.
    """
    path = folder / JOURNAL
    try:
        records = parse_records(path.read_bytes())
        take = take_from_json(records[0]["take"])
        take.uploaded = set(records[0]["uploaded"])
        take.lost = set(records[0].get("lost", ()))
        take.is_unasked = records[0].get("unasked", False)
        take.first_number = records[0].get("first_number", 0)
        take.zero = Zero(*records[0]["zero"]) if records[0].get("zero") else None
    except (FileNotFoundError, IndexError, KeyError, TypeError, ValueError) as error:
        raise SpoolBroken(f"no journal: {type(error).__name__}") from None
    _replay(take, records[1:], {path.name: path.stat().st_size for path in folder.glob("part-*.m4s")})
    if take.open_part:
        take.apply({"what": "closed", "end_ns": take.parts[-1].end_ns})
    for part in take.parts:
        if part.name not in take.uploaded:
            with suppress(FileNotFoundError):  # who uploads finds out whether the object store has it
                os.truncate(folder / part.name, part.bytes)
    mended = path.with_suffix(".mended")
    with mended.open("wb") as file:
        file.write(json.dumps(header(take)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())  # else a power cut may leave an empty journal in the place of a whole one
    mended.replace(path)
    return take


def _replay(take: Take, records: list[Record], on_disk: dict[str, int]) -> None:
    """Apply the records, but no fragment that a power cut kept from the disk.

    A part that is not here at all keeps its place: a full disk may have taken no note of that it is uploaded.
    """
    uploaded = take.uploaded | {record.get("name") for record in records if record.get("what") == "uploaded"}
    torn = set()
    for record in records:
        if record.get("what") == "fragment" and take.parts:
            part = take.parts[-1]
            is_here = part.name in on_disk and part.name not in uploaded
            is_whole = not is_here or part.bytes + record.get("bytes", 0) <= on_disk[part.name]
            if not is_whole:
                torn.add(part.name)
            if part.name in torn:
                continue
        elif record.get("what") == "closed" and take.parts and take.parts[-1].name in torn:
            record = {"what": "closed", "end_ns": take.parts[-1].end_ns}
        take.apply(record)
    take.uploaded |= {part.name for part in take.parts if part.name in uploaded}
