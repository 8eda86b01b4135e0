"""Rate limits shared by all servers, counted in Redis."""

from __future__ import annotations

import time

from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from config.logs import logger
from config.redis_pool import redis_pool
from config.settings import SharedSettings
from server.errors import TooManyRequests

log = logger(__name__)

CONNECTIONS = 32  # the library's own pool would refuse whoever comes when all are busy, and nobody would be limited…
WAIT_SECONDS = 5  # …here he waits so long
ANSWER_SECONDS = 1.0
AWAY_SECONDS = 1.0  # after a failure nobody is made to wait for Redis for so long


class RateLimits:
    """Counts what somebody does in a moving window. If Redis is away nobody is limited, and a log line says so."""

    def __init__(self, settings: SharedSettings) -> None:
        self._pool = redis_pool(
            settings.redis_url,
            max_connections=CONNECTIONS,
            timeout=WAIT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        storage = RedisStorage(
            f"async+{settings.redis_url}",
            implementation="redispy",
            wrap_exceptions=True,
            key_prefix="dongting:limit",
            connection_pool=self._pool,  # type: ignore[arg-type]  # handed on to redis-py as it is
        )
        self._limiter = MovingWindowRateLimiter(storage)
        self._away_until = 0.0

    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.disconnect()

    async def check(self, limit: str, *who: str) -> None:
        """Count one act of `who` against a limit such as "5/minute".

        Raises:
            TooManyRequests
        """
        if time.monotonic() < self._away_until:
            return
        try:
            allowed = await self._limiter.hit(parse(limit), *who)
        except Exception as error:  # noqa: BLE001 -- a limiter that is away must not stop a sale
            log.warning("rate limits are away", error=type(error).__name__)
            self._away_until = time.monotonic() + AWAY_SECONDS
            return
        if not allowed:
            raise TooManyRequests("too fast; please wait a little")
