"""The numbered ring of what rooms were told, on a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest_asyncio
from redis.asyncio import Redis

from server.infra.room_log import CONNECTIONS, RING, RING_EVENTS, RoomLog, Told, decode, open_room_log
from tests.harness.data_servers import Environment

ROOM = "room:r1"


@pytest_asyncio.fixture
async def log(environment: Environment) -> AsyncIterator[RoomLog]:
    """A log on a database of its own."""
    async with open_room_log(environment["REDIS_URL"]) as opened:
        yield opened


def told(text: str, channel: str = ROOM) -> Told:
    return Told(channel, "chat", f'"{text}"'.encode())


async def test_numbers_grow_by_one_also_when_many_tell_at_once(log: RoomLog) -> None:
    numbers = await asyncio.gather(*(log.append(told(str(number))) for number in range(40)))
    assert sorted(numbers) == list(range(min(numbers), min(numbers) + 40))
    assert await log.newest(ROOM) == max(numbers)
    missed = await log.after(ROOM, min(numbers))
    assert missed is not None
    assert [one.number for one in missed] == sorted(numbers)[1:]


async def test_each_room_has_its_own_numbers(log: RoomLog) -> None:
    first = await log.append(told("一"))
    await log.append(told("二", "room:r2"))
    assert await log.append(told("三")) == first + 1


async def test_a_listener_hears_rooms_in_the_order_of_their_numbers_with_what_was_said(log: RoomLog) -> None:
    async with log.subscribed() as channel:
        sent = [await log.append(told(text)) for text in ("一", "二\\n", "三 四")]
        await log.publish([told("五", "user:a"), Told("user:b", "order", b"{}", page="p")])
        heard: list[Told] = []
        async with asyncio.timeout(10):
            while len(heard) < 5:
                if message := await log.heard(channel, 1.0):
                    heard += decode(message)
    assert [one.number for one in heard] == [*sent, 0, 0]
    assert [one.body.decode() for one in heard[:4]] == ['"一"', '"二\\n"', '"三 四"', '"五"']
    assert (heard[4].channel, heard[4].page) == ("user:b", "p")


async def test_nothing_is_missed_after_the_newest_and_nothing_is_known_of_other_numbers(log: RoomLog) -> None:
    newest = await log.append(told("一"))
    assert await log.after(ROOM, newest) == []
    assert await log.after(ROOM, newest - 1) is None
    assert await log.after(ROOM, newest + 1) is None
    assert await log.after("room:nobody", 1) is None
    assert await log.newest("room:nobody") == 0


async def test_a_ring_is_bounded(log: RoomLog) -> None:
    first = await log.append(told("一"))
    for _ in range(3 * RING_EVENTS // CONNECTIONS + 1):  # no more at once than have a connection: none waits for one
        await asyncio.gather(*(log.append(told("x" * 200)) for _ in range(CONNECTIONS - 1)))
    for _ in range(3):
        await log.append(told("x" * 200))
    assert await log.after(ROOM, first) is None
    newest = await log.newest(ROOM)
    assert await log.after(ROOM, newest - RING_EVENTS + 1) is not None
    assert await log.after(ROOM, newest - 2 * RING_EVENTS) is None


async def test_numbers_never_go_back_when_redis_has_lost_the_ring(log: RoomLog, environment: Environment) -> None:
    before = [await log.append(told(str(number))) for number in range(5)][-1]
    async with Redis.from_url(environment["REDIS_URL"]) as redis:
        await redis.delete(RING + ROOM)
    await asyncio.sleep(0.01)  # ten numbers further by the clock
    assert await log.append(told("一")) > before
    assert await log.after(ROOM, before) is None
