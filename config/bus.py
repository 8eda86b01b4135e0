"""What processes tell each other over Redis: stream events, commands to media nodes, leases in the registry.

Events are hints with memory: a Redis stream that a group of servers reads, each event handled by one of them and
acknowledged after; what a dead server left is taken over. Commands are said once to whoever listens.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError, ResponseError

from config.logs import logger
from config.redis_pool import redis_pool
from config.settings import SharedSettings
from config.tasks import is_ending

log = logger(__name__)

EVENTS_KEY = "dongting:media:events"
EVENTS_KEPT = 10_000  # older ones are dropped; a server that was away longer re-reads the registry instead
COMMANDS_CHANNEL = "dongting:media:commands"
LEASE_PREFIX = "dongting:lease:"
# An exclusive lease says in `node_id` who holds it. Only its holder renews or drops it; others may take it when it
# has run out, or instead of a holder (ARGV[4]) who is dead. Answers the value of whoever else holds it.
CLAIM = """
local held = redis.call('GET', KEYS[1])
if held then
  local holder = cjson.decode(held)['node_id']
  if holder ~= ARGV[1] and holder ~= ARGV[4] then return held end
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return false
"""
GIVE_UP = """
local held = redis.call('GET', KEYS[1])
if held and cjson.decode(held)['node_id'] == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
TAKE_OVER_AFTER_MS = 15_000  # an event that its reader did not acknowledge by then goes to another
POLL_SECONDS = 2.0
RETRY_SECONDS = 1.0
CONNECTIONS = 32  # two of them listen; the library's own pool would refuse whoever comes when all are busy…
WAIT_SECONDS = 5  # …here he waits so long

Payload = dict[str, Any]
Handler = Callable[[Payload], Awaitable[None]]


def connect(settings: SharedSettings) -> Redis:
    """A client whose calls time out and are tried again while Redis restarts."""
    pool = redis_pool(
        settings.redis_url,
        max_connections=CONNECTIONS,
        timeout=WAIT_SECONDS,
        decode_responses=True,
        socket_timeout=5.0,
        socket_connect_timeout=3.0,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), 3),
    )
    client: Redis = Redis.from_pool(pool)
    return client


class Bus:
    """Events, commands and leases on one Redis client. It does not own the client."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish_event(self, event: str, fields: Mapping[str, Any]) -> None:
        """Append an event. Raises redis' errors; the caller decides whether to try again."""
        body = json.dumps({"event": event, **fields})
        await self._redis.xadd(EVENTS_KEY, {"body": body}, maxlen=EVENTS_KEPT, approximate=True)

    async def consume_events(self, group: str, consumer: str, handle: Handler) -> None:
        """Hand each event to `handle`, acknowledging those it finished; runs until cancelled.

        An event whose handling fails is logged and offered again after TAKE_OVER_AFTER_MS.
        """
        while not is_ending():
            try:
                await self._make_group(group)
                while not is_ending():
                    await self._consume_some(group, consumer, handle)
            except RedisError as error:
                log.warning("events cannot be read, trying again", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def _make_group(self, group: str) -> None:
        try:
            await self._redis.xgroup_create(EVENTS_KEY, group, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _consume_some(self, group: str, consumer: str, handle: Handler) -> None:
        _, stale, *_ = await self._redis.xautoclaim(
            EVENTS_KEY, group, consumer, min_idle_time=TAKE_OVER_AFTER_MS, count=50
        )
        fresh = await self._redis.xreadgroup(
            group, consumer, {EVENTS_KEY: ">"}, count=50, block=int(POLL_SECONDS * 1000)
        )
        entries = list(stale)
        for _, found in cast("list[tuple[str, list[Any]]]", fresh or []):
            entries += found
        for entry_id, fields in entries:
            if await self._handled(fields, handle):
                await self._redis.xack(EVENTS_KEY, group, entry_id)

    async def _handled(self, fields: Mapping[str, str] | None, handle: Handler) -> bool:
        if not fields:
            return True  # trimmed away meanwhile
        try:
            payload = json.loads(fields["body"])
        except (KeyError, ValueError):
            log.warning("event is not readable, dropped")
            return True
        try:
            await handle(payload)
        except Exception:
            log.exception("event could not be handled", media_event=str(payload.get("event")))
            return False
        return True

    async def send_command(self, command: str, fields: Mapping[str, Any]) -> int:
        """Tell every media node; answers how many listened."""
        return int(await self._redis.publish(COMMANDS_CHANNEL, json.dumps({"command": command, **fields})))

    async def consume_commands(self, handle: Handler) -> None:
        """Hand each command to `handle`; runs until cancelled, reconnecting by itself."""
        while not is_ending():
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(COMMANDS_CHANNEL)
                    while not is_ending():
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=POLL_SECONDS)
                        if message is not None:
                            await self._handled({"body": message["data"]}, handle)
            except RedisError as error:
                log.warning("commands cannot be read, trying again", error=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def set_lease(self, name: str, value: Payload, seconds: float) -> None:
        """Write or renew a lease: a value that goes away by itself unless renewed."""
        await self._redis.set(LEASE_PREFIX + name, json.dumps(value), px=int(seconds * 1000))

    async def drop_lease(self, name: str) -> None:
        """Give a lease up."""
        await self._redis.delete(LEASE_PREFIX + name)

    async def claim_lease(self, name: str, value: Payload, seconds: float, *, instead_of: str = "") -> Payload | None:
        """Take or renew an exclusive lease for `value["node_id"]`. None: it is ours; else the value of its holder.

        `instead_of`: the id of a holder who is dead, from whom it may be taken.
        """
        body, milliseconds = json.dumps(value), str(int(seconds * 1000))
        held = await cast(
            "Awaitable[str | None]",
            self._redis.eval(CLAIM, 1, LEASE_PREFIX + name, value["node_id"], body, milliseconds, instead_of),
        )
        return None if held is None else cast("Payload", json.loads(held))

    async def give_up_lease(self, name: str, node_id: str) -> bool:
        """Give an exclusive lease up; False: it was not ours."""
        dropped = self._redis.eval(GIVE_UP, 1, LEASE_PREFIX + name, node_id)
        return bool(await cast("Awaitable[int]", dropped))

    async def lease(self, name: str) -> Payload | None:
        """One lease, if somebody holds it."""
        value = await self._redis.get(LEASE_PREFIX + name)
        return None if value is None else cast("Payload", json.loads(value))

    async def leases(self, prefix: str) -> dict[str, Payload]:
        """Every lease whose name begins with `prefix`, by name."""
        names = [key async for key in self._redis.scan_iter(match=f"{LEASE_PREFIX}{prefix}*", count=200)]
        values = await self._redis.mget(names) if names else []
        return {
            name.removeprefix(LEASE_PREFIX): json.loads(value)
            for name, value in zip(names, values, strict=True)
            if value is not None
        }

    async def is_up(self) -> bool:
        """Whether Redis answers."""
        try:
            return bool(await self._redis.ping())
        except RedisError:
            return False


@asynccontextmanager
async def open_bus(settings: SharedSettings) -> AsyncIterator[Bus]:
    """A bus on a client of its own."""
    client = connect(settings)
    try:
        yield Bus(client)
    finally:
        await client.aclose()
