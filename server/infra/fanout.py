"""What the servers tell each other, handed to the pages of this one: heard from Redis, in order, without holes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence, Set

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from config.logs import logger
from config.tasks import Tasks
from server.infra.listeners import Listeners
from server.infra.room_log import NO_NUMBER, RoomLog, Told, decode
from server.infra.together import Together

log = logger(__name__)

POLL_SECONDS = 2.0
RETRY_SECONDS = 0.25
ASK_SECONDS = 2.0  # how long a join waits for a Redis that hangs
MOST_MISSED = 300  # events in an answer; whoever missed more takes the snapshot
MOST_MISSED_BYTES = 65_536


class Fanout:
    """Hears what is told anywhere and tells the pages of this process.

    `states`: the events of which only the newest matters to a page that was away.
    """

    def __init__(self, room_log: RoomLog, listeners: Listeners, states: Set[str], tasks: Tasks) -> None:
        self._log = room_log
        self._states = states
        self._listeners = listeners
        self._is_hearing = False
        self._newest = Together("asking for numbers", tasks, self._ask_newest)

    async def run(self) -> None:
        """Hear until cancelled; after an outage of Redis what was missed is told first."""
        while True:
            try:
                async with self._log.subscribed() as channel:
                    await self._catch_up()
                    self._is_hearing = True
                    await self._hear(channel)
            except (RedisError, OSError) as error:
                log.warning("other servers cannot be heard, trying again", error=type(error).__name__)
            finally:
                self._is_hearing = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, channel: PubSub) -> None:
        while True:
            message = await self._log.heard(channel, POLL_SECONDS)
            if message is None:
                continue
            try:
                told = decode(message)
            except ValueError:
                log.warning("a message of another server is not readable, dropped")
                continue
            for one in told:
                try:
                    await self._listeners.tell(one)
                except Exception:  # one event that cannot be told must not end all that follow
                    log.exception("event could not be told", sio_event=one.event)

    async def _catch_up(self) -> None:
        for name, number in self._listeners.numbered():
            missed = await self._log.after(name, number)
            if missed is None:
                newest = await self._log.newest(name)
                if number or newest:
                    await self._listeners.ask_to_join_again(name, newest)
                continue
            for told in missed:
                await self._listeners.tell(told)

    async def number(self, name: str) -> int:
        """The last number of a channel that pages of this process hear; 0: it has none, or Redis is away."""
        number = self._listeners.number(name)
        if number and self._is_hearing:
            return number
        return await self._newest.get(name) or NO_NUMBER

    async def _ask_newest(self, names: Sequence[str]) -> dict[str, int]:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                numbers = await asyncio.gather(*(self._log.newest(name) for name in names))
        except (RedisError, OSError) as error:
            log.warning("rooms' numbers are not known", error=type(error).__name__)
            return {}
        for name, number in zip(names, numbers, strict=True):
            self._listeners.note_number(name, number)
        return dict(zip(names, numbers, strict=True))

    async def missed(self, name: str, number: int) -> list[Told] | None:
        """What a page missed after a number: all that was said, of states the newest. None: take the snapshot."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                told = await self._log.after(name, number)
        except (RedisError, OSError) as error:
            log.warning("what a page missed is not known", error=type(error).__name__)
            return None
        if told is None:
            return None
        kept = newest_states(told, self._states)
        if len(kept) > MOST_MISSED or sum(len(one.body) for one in kept) > MOST_MISSED_BYTES:
            return None
        return kept


def newest_states(told: Sequence[Told], states: Set[str]) -> list[Told]:
    """Without states that a later event of the same name replaces; the order stays."""
    seen: set[str] = set()
    kept = []
    for one in reversed(told):
        if one.event not in states:
            kept.append(one)
        elif one.event not in seen:
            seen.add(one.event)
            kept.append(one)
    return kept[::-1]
