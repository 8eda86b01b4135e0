"""Connections to Redis; one that is lost looks the same on every event loop."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection
from redis.exceptions import ConnectionError as LostConnection


class _Connection(Connection):
    """Where uvloop says RuntimeError, since its transport is closed, asyncio lets the write fail as an OSError."""

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:
            raise LostConnection(f"not sent: {error}") from error


def redis_pool(url: str, **options: Any) -> BlockingConnectionPool:
    """A pool in which callers wait for a connection. Its calls raise redis' errors and OSError, nothing else."""
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(url, **options)
    made = pool.connection_class  # by the URL's scheme: with TLS or without
    pool.connection_class = type(made.__name__, (_Connection, made), {})
    return pool
