"""What changes quickly is told at once, then gathered: pages see the first change, the last one, and few between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest_asyncio

from config.tasks import Tasks
from server.infra.announce import Announcer, room_channel
from server.infra.room_log import Told

ROOM = room_channel("r1")
NEVER_SECONDS = 3_600.0
SOON_SECONDS = 0.02


class Log:
    """Keeps what rooms are told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[int] = asyncio.Queue()

    async def append(self, told: Told) -> int:
        self.told.put_nowait(json.loads(told.body)["left"])
        return 1

    async def publish(self, told: Sequence[Told]) -> None:
        raise AssertionError(told)


class Stock:
    """So many pieces, as they are when somebody looks."""

    def __init__(self) -> None:
        self.left = 100

    async def look(self) -> dict[str, Any]:
        return {"left": self.left}


@pytest_asyncio.fixture
async def tasks() -> AsyncIterator[Tasks]:
    started = Tasks("test")
    yield started
    await started.aclose()


async def quiet() -> None:
    """Nothing is being told any more."""
    while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 -- nobody says that he has ended
        await asyncio.sleep(0)


async def next_of(log: Log) -> int:
    return await asyncio.wait_for(log.told.get(), 20)


async def test_the_first_change_is_told_at_once(tasks: Tasks) -> None:
    log, stock = Log(), Stock()

    Announcer(log, tasks).tell_newest(ROOM, "sale", NEVER_SECONDS, stock.look)  # type: ignore[arg-type]

    assert await next_of(log) == 100


async def test_changes_in_quick_succession_are_told_once_as_they_are_then(tasks: Tasks) -> None:
    # given
    log, stock = Log(), Stock()
    announcer = Announcer(log, tasks)  # type: ignore[arg-type]
    announcer.tell_newest(ROOM, "sale", SOON_SECONDS, stock.look)
    assert await next_of(log) == 100

    # when
    for _ in range(50):
        stock.left -= 1
        announcer.tell_newest(ROOM, "sale", SOON_SECONDS, stock.look)

    # then
    assert await next_of(log) == 50
    assert log.told.empty()


async def test_a_room_that_was_quiet_is_told_at_once_again(tasks: Tasks) -> None:
    # given
    log, stock = Log(), Stock()
    announcer = Announcer(log, tasks)  # type: ignore[arg-type]
    announcer.tell_newest(ROOM, "sale", 0.0, stock.look)
    assert await next_of(log) == 100
    await quiet()

    # when
    stock.left = 7
    announcer.tell_newest(ROOM, "sale", NEVER_SECONDS, stock.look)

    # then
    assert await next_of(log) == 7


async def test_what_cannot_be_looked_up_does_not_silence_what_follows(tasks: Tasks) -> None:
    # given
    log, stock = Log(), Stock()
    announcer = Announcer(log, tasks)  # type: ignore[arg-type]

    async def fail() -> dict[str, Any]:
        raise OSError("away")

    announcer.tell_newest(ROOM, "sale", NEVER_SECONDS, fail)
    await quiet()

    # when
    announcer.tell_newest(ROOM, "sale", NEVER_SECONDS, stock.look)

    # then
    assert await next_of(log) == 100


async def test_a_change_that_comes_while_another_cannot_be_looked_up_is_told(tasks: Tasks) -> None:
    # given
    log, stock, looks, goes_wrong = Log(), Stock(), asyncio.Event(), asyncio.Event()
    announcer = Announcer(log, tasks)  # type: ignore[arg-type]

    async def fail_later() -> dict[str, Any]:
        looks.set()
        await goes_wrong.wait()
        raise OSError("away")

    announcer.tell_newest(ROOM, "sale", 0.0, fail_later)
    await looks.wait()

    # when
    announcer.tell_newest(ROOM, "sale", 0.0, stock.look)
    goes_wrong.set()

    # then
    assert await next_of(log) == 100
