"""Turns between servers: who wants to write the same thing waits in one line in Redis, first come, first served."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from config.logs import logger

log = logger(__name__)

PREFIX = "dongting:turn:"
THERE = "dongting:turn-there:"  # in front: keys come from outside, and one must not be the mark of another
CONNECTIONS = 32  # each waits for one turn; who finds none free goes without
PATIENCE_SECONDS = 0.5  # then one goes without a turn: whoever has it may be dead, or Redis slow
KEPT_MS = 2_000  # a turn that nobody gives back is made anew
SULK_SECONDS = 1.0  # after a failure Redis is left alone for so long
# The turn is an element of a list (KEYS[1]); of those who wait for it Redis serves who came first. KEYS[2] says that
# there is one. Answers 1: there was none, and now it is ours.
MAKE = "if redis.call('SET', KEYS[2], 1, 'NX', 'PX', ARGV[1]) then redis.call('DEL', KEYS[1]) return 1 end return 0"
GIVE = """
if redis.call('LLEN', KEYS[1]) == 0 then redis.call('RPUSH', KEYS[1], 1) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], 1, 'PX', ARGV[1])
"""


class SharedTurns:
    """One line per key, over all servers. Rightness never hangs on it: it spares transactions from colliding.

    Without it the server that has just written is the first to write again, and the others try in vain for half a
    second. Whoever waits for PATIENCE_SECONDS, or finds Redis away, goes on without a turn.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._make = redis.register_script(MAKE)
        self._give = redis.register_script(GIVE)
        self._sulks_until = 0.0

    @asynccontextmanager
    async def take(self, *keys: str) -> AsyncIterator[None]:
        """Wait for one's turn with each of these, in their order, or long enough."""
        ours: list[list[str]] = []
        try:
            for key in sorted(set(keys)):
                names = [f"{PREFIX}{key}", f"{THERE}{key}"]
                if await self._wait(names):
                    ours.append(names)
            yield
        finally:
            for names in ours:
                await self._call(cast("Any", self._give)(keys=names, args=[KEPT_MS]))

    async def _wait(self, keys: list[str]) -> bool:
        if time.monotonic() < self._sulks_until:
            return False
        if await self._call(cast("Any", self._make)(keys=keys, args=[KEPT_MS])):
            return True
        if time.monotonic() < self._sulks_until:
            return False
        waiting = cast("Awaitable[object]", self._redis.blpop([keys[0]], timeout=PATIENCE_SECONDS))
        return await self._call(waiting) is not None

    async def _call(self, call: Awaitable[object]) -> object:
        try:
            return await call
        except (RedisError, OSError) as error:
            log.warning("turns between servers are away", error=type(error).__name__)
            self._sulks_until = time.monotonic() + SULK_SECONDS
            return None


@asynccontextmanager
async def open_shared_turns(redis_url: str) -> AsyncIterator[SharedTurns]:
    """On a client of its own, whose calls fail soon and are not tried again."""
    pool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=CONNECTIONS,
        timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS * 2,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    client: Redis = Redis.from_pool(pool)
    try:
        yield SharedTurns(client)
    finally:
        await client.aclose()
