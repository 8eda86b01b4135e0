"""Turns between servers: who wants to write the same thing waits in one line in Redis, first come, first served."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from config.logs import logger
from config.redis_pool import redis_pool

log = logger(__name__)

PREFIX = "dongting:turn:"
THERE = "dongting:turn-there:"  # in front: keys come from outside, and one must not be the mark of another
CONNECTIONS = 16  # for calls that Redis answers at once
WAITERS = 128  # each has a connection of its own; who comes when all are taken goes without
PATIENCE_SECONDS = 0.5  # then one goes without a turn: whoever has it may be dead, or Redis slow
SHORTEST_WAIT_SECONDS = 0.01  # Redis takes 0 for "for ever"
KEPT_MS = 2_000  # a turn that nobody gives back is made anew
SULK_SECONDS = 1.0  # after a failure Redis is left alone for so long
# A turn is an element of a list; of those who wait for it Redis serves who came first. KEYS: of each turn the list,
# and the mark that says that there is one. Takes turns that are new, in their order, up to the first that is not, and
# answers how many. One that was given back is waited for, by the giver too: he would be quicker than whoever is on
# his way to the line.
TAKE = """
for at = 1, #KEYS, 2 do
  if redis.call('SET', KEYS[at + 1], 1, 'NX', 'PX', ARGV[1]) then
    redis.call('DEL', KEYS[at])
  else
    return (at - 1) / 2
  end
end
return #KEYS / 2
"""
GIVE = """
for at = 1, #KEYS, 2 do
  if redis.call('LLEN', KEYS[at]) == 0 then redis.call('RPUSH', KEYS[at], 1) end
  redis.call('PEXPIRE', KEYS[at], ARGV[1])
  redis.call('SET', KEYS[at + 1], 1, 'PX', ARGV[1])
end
"""


class SharedTurns:
    """One line per key, over all servers. Rightness never hangs on it: it spares transactions from colliding.

    Without it the server that has just written is the first to write again, and the others try in vain for half a
    second. Whoever waits for PATIENCE_SECONDS, or finds Redis away, goes on without the turns that he lacks.
    """

    def __init__(self, redis: Redis, waiting: Redis) -> None:
        self._waiting = waiting
        self._waiters = asyncio.Semaphore(WAITERS)
        self._take = redis.register_script(TAKE)
        self._give = redis.register_script(GIVE)
        self._sulks_until = 0.0

    @asynccontextmanager
    async def take(self, *keys: str) -> AsyncIterator[None]:
        """Wait for one's turn with each of these, in their order, or long enough for all of them."""
        turns = [(f"{PREFIX}{key}", f"{THERE}{key}") for key in sorted(set(keys))]
        ours: list[tuple[str, str]] = []
        try:
            await self._get(turns, ours)
            yield
        finally:
            if ours:
                await self._call(cast("Any", self._give)(keys=list(chain(*ours)), args=[KEPT_MS]))

    async def _get(self, turns: Sequence[tuple[str, str]], ours: list[tuple[str, str]]) -> None:
        """Get turns, each noted as soon as it is ours."""
        until = time.monotonic() + PATIENCE_SECONDS
        while len(ours) < len(turns) and time.monotonic() >= self._sulks_until:
            wanted = turns[len(ours) :]
            taken = await self._call(cast("Any", self._take)(keys=list(chain(*wanted)), args=[KEPT_MS]))
            if taken is None:
                return
            ours += wanted[: cast("int", taken)]
            if len(ours) < len(turns):
                if not await self._wait(turns[len(ours)][0], until):
                    return
                ours.append(turns[len(ours)])

    async def _wait(self, turn: str, until: float) -> bool:
        if self._waiters.locked():
            return False
        async with self._waiters:
            left = max(SHORTEST_WAIT_SECONDS, until - time.monotonic())
            waiting = cast("Awaitable[object]", self._waiting.blpop([turn], timeout=left))
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
    """On clients of its own, whose calls fail soon and are not tried again; who waits holds up nobody's call."""
    redis, waiting = _client(redis_url, CONNECTIONS), _client(redis_url, WAITERS)
    try:
        yield SharedTurns(redis, waiting)
    finally:
        await waiting.aclose()
        await redis.aclose()


def _client(redis_url: str, connections: int) -> Redis:
    pool = redis_pool(
        redis_url,
        max_connections=connections,
        timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS * 2,
        socket_connect_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)
