"""Transactions on MongoDB: several writes that all happen or none, tried again for a bounded time."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pymongo
from pymongo import ReadPreference, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from config.logs import logger
from server.infra.mongo import Database

log = logger(__name__)

Session = AsyncClientSession
T = TypeVar("T")

# A process that is killed inside a transaction leaves its locks to mongod, which keeps them for a minute by default:
# a hot sale would stand still so long. Ours last milliseconds. The mongod of `dongting up` and of docker-compose.yml
# starts with this limit; another one is asked for it, and forgets it when it starts anew.
LIFETIME_LIMIT_SECONDS = 5
FIRST_PAUSE_SECONDS = 0.002  # before trying again what another writer was first with
LONGEST_PAUSE_SECONDS = 0.02


class Transactions:
    """Runs work in transactions with snapshot reads and majority, journalled commits."""

    def __init__(self, database: Database, timeout_seconds: float) -> None:
        self._client = database.client
        self._timeout_seconds = timeout_seconds

    async def prepare(self) -> None:
        """Ask mongod to free soon what a killed process had locked; not every account may."""
        try:
            await self._client.admin.command(
                "setParameter", 1, transactionLifetimeLimitSeconds=LIFETIME_LIMIT_SECONDS
            )
        except PyMongoError as error:
            log.warning(
                "mongod keeps its own transactionLifetimeLimitSeconds; a sale may pause that long after a crash",
                error=type(error).__name__,
            )

    async def run(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Do `work` and commit; any exception of it undoes everything.

        `work` runs again from the start when another writer was first, so it must have no effects of its own.

        Raises:
            pymongo's errors, when the time is over; the commit may then have happened nevertheless.
        """
        with pymongo.timeout(self._timeout_seconds):
            async with self._client.start_session() as session:
                for tried in itertools.count():
                    try:
                        return await self._once(session, work)
                    except PyMongoError as error:
                        if error.timeout or not error.has_error_label("TransientTransactionError"):
                            raise
                    # The library waits up to half a second here, a hundred times as long as our transactions last.
                    longest = min(FIRST_PAUSE_SECONDS * 2**tried, LONGEST_PAUSE_SECONDS)
                    await asyncio.sleep(random.uniform(FIRST_PAUSE_SECONDS / 2, longest))
        raise AssertionError("unreachable")

    async def _once(self, session: Session, work: Callable[[Session], Awaitable[T]]) -> T:
        await session.start_transaction(
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority", j=True),
            read_preference=ReadPreference.PRIMARY,
        )
        try:
            result = await work(session)
        except BaseException:
            if session.in_transaction:
                await session.abort_transaction()
            raise
        while True:
            try:
                await session.commit_transaction()
            except PyMongoError as error:  # not known whether it is done: said again, it is done once
                if not error.has_error_label("UnknownTransactionCommitResult") or error.timeout:
                    raise
                await asyncio.sleep(LONGEST_PAUSE_SECONDS)
            else:
                return result
