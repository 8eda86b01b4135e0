"""What rooms were told, in one order for all servers: a ring of numbered events for each room, in Redis.

An event is appended to its room's ring, gets the room's next number and is published to every server in one step, so
all of them hear a room's events in the order of their numbers. A room's first number is the time in milliseconds:
when Redis has lost a ring, its numbers go on far above the old ones, and whoever asks for what came after an old
number is told that it is too old.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from config.redis_pool import redis_pool

RING = "dongting:told:"
CHANNEL = "dongting:told:"  # and the database's number, for Redis publishes to all of its databases
RING_EVENTS = 600  # of a room; a busy one fills it in half a minute, which is longer than most lost connections
RING_SECONDS = 86_400  # a room that is silent for so long is forgotten
ROOM = "room:"  # how the channels begin whose events have numbers
NO_NUMBER = 0
NO_PAGE = b"-"
CONNECTIONS = 16  # one hears; who finds none free waits for one…
WAIT_SECONDS = 1  # …for so long
APPEND = """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local number
if last[1] then
  number = tonumber(string.match(last[1][1], '^%d+')) + 1
else
  local now = redis.call('TIME')
  number = now[1] * 1000 + math.floor(now[2] / 1000)
end
number = string.format('%.0f', number)
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], number .. '-0', 'e', ARGV[2], 'b', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('PUBLISH', ARGV[6], number .. ' ' .. ARGV[1] .. ' ' .. ARGV[2] .. ' - ' .. ARGV[3])
return number
"""


Entry = tuple[bytes, dict[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Told:
    """One event on its way to those who hear a channel. `body` is JSON; `number` 0: it has no place in an order."""

    channel: str
    event: str
    body: bytes
    number: int = NO_NUMBER
    page: str | None = None  # need not hear it

    def encode(self) -> bytes:
        """As servers publish it. Names have no spaces and JSON no line breaks."""
        page = self.page.encode() if self.page else NO_PAGE
        return b"%d %s %s %s %s" % (self.number, self.channel.encode(), self.event.encode(), page, self.body)


def decode(message: bytes) -> list[Told]:
    """What a published message holds. Raises ValueError."""
    told = []
    for line in message.split(b"\n"):
        number, channel, event, page, body = line.split(b" ", 4)
        skipped = None if page == NO_PAGE else page.decode()
        told.append(Told(channel.decode(), event.decode(), body, int(number), skipped))
    return told


class RoomLog:
    """Rings and the channel between servers, on one Redis client that it does not own."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._channel = f"{CHANNEL}{redis.connection_pool.connection_kwargs.get('db') or 0}"
        self._append = redis.register_script(APPEND)

    async def append(self, told: Told) -> int:
        """Number an event of a room and tell every server. Raises redis' errors."""
        arguments = [told.channel, told.event, told.body, RING_EVENTS, RING_SECONDS, self._channel]
        return int(await cast("Any", self._append)(keys=[RING + told.channel], args=arguments))

    async def publish(self, told: Sequence[Told]) -> None:
        """Tell every server what needs no number, all in one message. Raises redis' errors."""
        await self._redis.publish(self._channel, b"\n".join(one.encode() for one in told))

    async def newest(self, channel: str) -> int:
        """The last number of a room; 0: there is none. Raises redis' errors."""
        found = await self._redis.xrevrange(RING + channel, count=1)
        return _number(cast("bytes", found[0][0])) if found else NO_NUMBER

    async def after(self, channel: str, number: int) -> list[Told] | None:
        """What a room was told after a number, oldest first. None: that is no longer known. Raises redis' errors."""
        found = cast("list[Entry]", await self._redis.xrange(RING + channel, min=f"{number}-0"))
        if not found or _number(found[0][0]) != number:
            return None
        return [Told(channel, fields[b"e"].decode(), fields[b"b"], _number(key)) for key, fields in found[1:]]

    @asynccontextmanager
    async def subscribed(self) -> AsyncIterator[PubSub]:
        """Hear what is told from now on. Raises redis' errors."""
        async with self._redis.pubsub() as channel:
            await channel.subscribe(self._channel)
            yield channel

    async def heard(self, channel: PubSub, timeout_seconds: float) -> bytes | None:
        """The next message, if one comes in time. Raises redis' errors."""
        message = await channel.get_message(ignore_subscribe_messages=True, timeout=timeout_seconds)
        return None if message is None else cast("bytes", message["data"])


def _number(key: bytes) -> int:
    return int(key.split(b"-")[0])


@asynccontextmanager
async def open_room_log(redis_url: str) -> AsyncIterator[RoomLog]:
    """A log on a client of its own, whose calls fail soon: what is told late is worth little."""
    pool = redis_pool(
        redis_url,
        max_connections=CONNECTIONS,
        timeout=WAIT_SECONDS,
        socket_timeout=5.0,
        socket_connect_timeout=1.0,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.02), 2),
    )
    client: Redis = Redis.from_pool(pool)
    try:
        yield RoomLog(client)
    finally:
        await client.aclose()
