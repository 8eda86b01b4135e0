"""The MongoDB client: majority and journalled writes, aware datetimes, bounded waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient, ReadPreference, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from config.settings import ServerSettings

INDEX_NOT_FOUND = 27
Document = dict[str, Any]
Collection = AsyncCollection[Document]
Database = AsyncDatabase[Document]
Fields = Mapping[str, Any]


@asynccontextmanager
async def open_mongo(settings: ServerSettings) -> AsyncIterator[Database]:
    """The application's database on a client of its own."""
    client: AsyncMongoClient[Document] = AsyncMongoClient(
        settings.mongodb_uri,
        serverSelectionTimeoutMS=int(settings.mongodb_timeout_seconds * 1000),
        timeoutMS=int(settings.mongodb_timeout_seconds * 1000),
        retryWrites=True,
        appname="dongting",
    )
    options: CodecOptions[Document] = CodecOptions(tz_aware=True)
    try:
        yield client.get_database(
            settings.mongodb_database,
            codec_options=options,
            write_concern=WriteConcern("majority", j=True),
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )
    finally:
        await client.close()


async def mongo_is_up(database: Database) -> bool:
    """Whether the database answers."""
    try:
        await database.command("ping")
    except PyMongoError:
        return False
    return True


async def drop_index(collection: Collection, name: str) -> None:
    """Drop an index of an older version, if there is one; several servers may do it at once."""
    if name not in await collection.index_information():
        return
    try:
        await collection.drop_index(name)
    except OperationFailure as error:
        if error.code != INDEX_NOT_FOUND:  # another server was first
            raise
