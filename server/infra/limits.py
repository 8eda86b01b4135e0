"""Rate limits shared by all servers, counted in Redis."""

from __future__ import annotations

from limits import parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter

from config.logs import logger
from config.settings import SharedSettings
from server.errors import TooManyRequests

log = logger(__name__)


class RateLimits:
    """Counts what somebody does in a moving window. If Redis is away nobody is limited, and a log line says so."""

    def __init__(self, settings: SharedSettings) -> None:
        storage = RedisStorage(
            f"async+{settings.redis_url}", implementation="redispy", wrap_exceptions=True, key_prefix="dongting:limit"
        )
        self._limiter = MovingWindowRateLimiter(storage)
        self._close = storage.bridge.storage.aclose  # type: ignore[attr-defined]  # set by the bridge's use_basic

    async def aclose(self) -> None:
        """Close the library's Redis client, which it leaves open."""
        await self._close()

    async def check(self, limit: str, *who: str) -> None:
        """Count one act of `who` against a limit such as "5/minute".

        Raises:
            TooManyRequests
        """
        try:
            allowed = await self._limiter.hit(parse(limit), *who)
        except Exception as error:  # noqa: BLE001 -- a limiter that is away must not stop a sale
            log.warning("rate limits are away", error=type(error).__name__)
            return
        if not allowed:
            raise TooManyRequests("too fast; please wait a little")
