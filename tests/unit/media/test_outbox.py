"""Events wait for Redis in order, and no longer than their bound."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisAway

import media.events
from config.tasks import Tasks
from media.events import EVENTS_WAITING, Outbox


class Bus:
    """A bus that is away as often as it is told."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.heard: list[str] = []

    async def publish_event(self, event: str, fields: Mapping[str, Any]) -> None:
        if self.failures:
            self.failures -= 1
            raise RedisAway("gone")
        self.heard.append(event)


async def test_events_survive_an_outage_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(media.events, "RETRY_SECONDS", 0.001)
    bus = Bus(failures=5)
    outbox = Outbox(bus)

    # when
    for name in ("joined", "left", "ended"):
        outbox.add(name, {})
    async with Tasks("test") as tasks:
        tasks.start("send", outbox.run())
        assert await outbox.drained(5.0)

    # then
    assert bus.heard == ["joined", "left", "ended"]
    assert outbox.lost == 0


async def test_a_full_outbox_loses_the_oldest_and_counts_it() -> None:
    bus = Bus(failures=0)
    outbox = Outbox(bus)
    for number in range(EVENTS_WAITING + 3):
        outbox.add(str(number), {})
    async with Tasks("test") as tasks:
        tasks.start("send", outbox.run())
        assert await outbox.drained(5.0)
    assert outbox.lost == 3
    assert bus.heard[0] == "3"


async def test_draining_gives_up_in_time() -> None:
    outbox = Outbox(Bus(failures=10**9))
    outbox.add("joined", {})
    async with Tasks("test") as tasks:
        tasks.start("send", outbox.run())
        await asyncio.sleep(0)
        assert not await outbox.drained(0.01)
