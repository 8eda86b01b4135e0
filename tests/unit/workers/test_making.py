"""The lease of a job: its renewals and its end never get into each other's way."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

import workers.making
from config.clock import SystemClock
from server.making.model import Work, WorkState, begin
from server.making.service import Queue
from workers.making import Lease, attempt
from workers.metrics import Outcome


@dataclass(frozen=True)
class Cup:
    """A thing that is made."""

    id: str
    work: Work


class Shelf:
    """Records that compare and set as MongoDB's do. A renewal is written at once, and its answer is on its way
    until `answers` is set."""

    def __init__(self, cup: Cup) -> None:
        self.cup = cup
        self.renewed = asyncio.Event()
        self.answers = asyncio.Event()

    async def get(self, thing_id: str) -> Cup | None:
        return self.cup

    async def move(self, before: Cup, after: Cup) -> Cup | None:
        if before.work != self.cup.work:
            return None
        is_renewal = before.work.state is WorkState.WORKING is after.work.state
        self.cup = after
        if is_renewal:
            self.renewed.set()
            await self.answers.wait()
        return after

    async def due(self, now: datetime) -> list[Cup]:
        return []

    async def lost(self, now: datetime) -> list[Cup]:
        return []


class NoJobs:
    """Sends nothing."""

    async def send(self, name: str, payload: dict[str, Any], priority: int = 5) -> None:
        raise AssertionError


async def test_a_renewal_whose_answer_is_on_its_way_does_not_cost_the_finished_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given a worker that has made everything while its renewal is written and not yet answered
    monkeypatch.setattr(workers.making, "TELL_EVERY_SECONDS", 0.001)
    clock = SystemClock()
    shelf = Shelf(Cup("cup", begin(clock.now())))
    queue: Queue[Cup] = Queue(shelf, NoJobs(), clock, job="cups", priority=lambda _: 5, lease_seconds=60.0)
    ends: list[asyncio.Task[bool]] = []

    async def finish(cup: Cup) -> bool:
        return await queue.finish(replace(cup)) is not None

    async def make(lease: Lease[Cup]) -> bool:
        lease.report(0.5)
        await shelf.renewed.wait()
        ends.append(asyncio.ensure_future(lease.conclude(finish)))
        await asyncio.sleep(0)  # it has begun
        shelf.answers.set()
        return await ends[0]

    # when
    outcome = await attempt(queue, "cup", make, lease_seconds=60.0, clock=clock, stopping=asyncio.Event())
    # then
    assert outcome is Outcome.MADE
    assert shelf.cup.work.state is WorkState.READY


async def test_nothing_is_renewed_any_more_while_the_end_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setattr(workers.making, "TELL_EVERY_SECONDS", 0.001)
    clock = SystemClock()
    shelf = Shelf(Cup("cup", begin(clock.now())))
    shelf.answers.set()
    queue: Queue[Cup] = Queue(shelf, NoJobs(), clock, job="cups", priority=lambda _: 5, lease_seconds=60.0)

    async def finish_late(cup: Cup) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(shelf.renewed.wait(), 0.05)
        return await queue.finish(cup) is not None

    async def make(lease: Lease[Cup]) -> bool:
        lease.report(0.5)
        return await lease.conclude(finish_late)

    # when
    outcome = await attempt(queue, "cup", make, lease_seconds=60.0, clock=clock, stopping=asyncio.Event())
    # then
    assert outcome is Outcome.MADE
    assert not shelf.renewed.is_set()


async def test_a_page_that_can_not_be_told_costs_nobody_his_lease() -> None:
    # given: who is told of changes finds MongoDB away, the change itself is written
    clock = SystemClock()
    shelf = Shelf(Cup("cup", begin(clock.now())))
    queue: Queue[Cup] = Queue(shelf, NoJobs(), clock, job="cups", priority=lambda _: 5, lease_seconds=60.0)

    async def nobody_hears(_: Cup) -> None:
        raise AutoReconnect

    async def make(lease: Lease[Cup]) -> bool:
        return await lease.conclude(lambda cup: finished(queue, cup))

    queue.tell_changes_to(nobody_hears)
    # when
    outcome = await attempt(queue, "cup", make, lease_seconds=60.0, clock=clock, stopping=asyncio.Event())
    # then
    assert outcome is Outcome.MADE
    assert shelf.cup.work.state is WorkState.READY


async def finished(queue: Queue[Cup], cup: Cup) -> bool:
    return await queue.finish(cup) is not None
