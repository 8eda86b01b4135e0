"""Fills and the files that wait for them, in MongoDB."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from pymongo.errors import DuplicateKeyError

from server.fills.model import Fill, HostFile
from server.infra.mongo import Database, Document
from server.making.records import WorkRecords, read_work, work_document

SWEPT_AT_ONCE = 20


class FillStore(WorkRecords[Fill]):
    """Collections `fills` and `fill_files`."""

    def __init__(self, database: Database) -> None:
        self._fills = database["fills"]
        self._files = database["fill_files"]
        super().__init__(self._fills, _fill, _document)

    async def make_indexes(self) -> None:
        """What the sweeps look for; the files of a stream."""
        await super().make_indexes()
        await self._files.create_index([("stream_id", 1), ("name", 1)])
        await self._files.create_index("added_at")

    async def add(self, fill: Fill) -> Fill:
        """Add a fill; if the stream has one already, answer that."""
        try:
            await self._fills.insert_one(_document(fill))
        except DuplicateKeyError:
            kept = await self.get(fill.id)
            if kept is None:
                raise
            return kept
        return fill

    async def files_of(self, stream_id: str, *, with_expected: bool = False) -> list[HostFile]:
        """The files of a stream, in order; `with_expected`: those too that are on their way."""
        which = {} if with_expected else {"is_expected": {"$ne": True}}
        found = self._files.find({"stream_id": stream_id, **which}).sort("name", 1)
        return [_file(document) async for document in found]

    async def expect_file(self, file: HostFile) -> None:
        """Note a file that is on its way; one that is here stays as it is, and counts for the larger one."""
        noted = {**asdict(file), "is_expected": True}
        room = {"bytes": noted.pop("bytes")}
        await self._files.update_one({"_id": _file_id(file)}, {"$setOnInsert": noted, "$max": room}, upsert=True)

    async def expect_no_more(self, file: HostFile) -> None:
        """Forget a file that was on its way and did not come."""
        await self._files.delete_one({"_id": _file_id(file), "is_expected": True})

    async def put_file(self, file: HostFile) -> None:
        """Note a file whose object is written; the same one again is one."""
        await self._files.replace_one({"_id": _file_id(file)}, asdict(file), upsert=True)

    async def forget_files(self, stream_id: str) -> None:
        """Forget the files of a stream."""
        await self._files.delete_many({"stream_id": stream_id})

    async def streams_with_files_before(self, moment: datetime) -> list[str]:
        """Streams with files that have been lying here since before a moment."""
        found = self._files.find({"added_at": {"$lt": moment}}, {"stream_id": 1}).limit(SWEPT_AT_ONCE)
        return sorted({document["stream_id"] async for document in found})


def _document(fill: Fill) -> Document:
    return {
        "_id": fill.id,
        "host_id": fill.host_id,
        "created_at": fill.created_at,
        "work": work_document(fill.work),
    }


def _fill(document: Document) -> Fill:
    return Fill(document["_id"], document["host_id"], document["created_at"], read_work(document["work"]))


def _file(document: Document) -> HostFile:
    return HostFile(**{name: value for name, value in document.items() if name not in ("_id", "is_expected")})


def _file_id(file: HostFile) -> str:
    return f"{file.stream_id}:{file.name}"
