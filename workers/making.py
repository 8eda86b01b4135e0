"""One attempt at a thing: claim it, keep the lease while working, and say how it ended; the same for every noun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from config.clock import Clock
from config.logs import logger
from config.objects import ObjectNotFound
from server.errors import Conflict
from server.http import AWAY
from server.making.model import Thing
from server.making.service import Queue
from workers.fence import ChildFailed
from workers.metrics import Outcome
from workers.transcode.plan import SourceRefused

log = logger(__name__)

TELL_EVERY_SECONDS = 1.0
RENEWALS_PER_LEASE = 4
NEWS = 0.002  # less progress than this is told to nobody

T = TypeVar("T", bound=Thing)


class LeaseLost(Exception):
    """Another worker may have the thing: stop, and touch nothing of it any more."""


class Lease(Generic[T]):
    """A claimed thing. `thing` is as it was last written; every write of it must come from there."""

    def __init__(self, queue: Queue[T], thing: T, lease_seconds: float, clock: Clock) -> None:
        self._queue = queue
        self._renew_seconds = lease_seconds / RENEWALS_PER_LEASE
        self._clock = clock
        self._progress = 0.0
        self.thing = thing

    def report(self, progress: float) -> None:
        """How far the work is; told at most every TELL_EVERY_SECONDS."""
        self._progress = progress

    async def keep(self) -> None:
        """Renew until cancelled. Raises LeaseLost."""
        loop = asyncio.get_running_loop()
        renewed_at = loop.time()
        while True:
            await asyncio.sleep(min(TELL_EVERY_SECONDS, self._renew_seconds))
            is_news = self._progress - self.thing.work.progress >= NEWS
            if not is_news and loop.time() - renewed_at < self._renew_seconds:
                continue
            try:
                renewed = await self._queue.report(self.thing, self._progress)
            except AWAY as error:
                log.warning("lease could not be renewed", thing=self.thing.id, error=type(error).__name__)
                if self.thing.work.lease_until is None or self._clock.now() > self.thing.work.lease_until:
                    raise LeaseLost from None
                continue
            if renewed is None:
                raise LeaseLost
            self.thing, renewed_at = renewed, loop.time()


Make = Callable[[Lease[T]], Awaitable[bool]]


async def attempt(queue: Queue[T], thing_id: str, make: Make[T], *, lease_seconds: float, clock: Clock) -> Outcome:
    """Make a thing, if it waits to be made. `make` finishes it itself and answers whether it was in time."""
    thing = await queue.claim(thing_id)
    if thing is None:
        return Outcome.NOTHING
    log.info("job begins", thing=thing.id, attempt=thing.work.attempt)
    lease = Lease(queue, thing, lease_seconds, clock)
    try:
        return await _conclude(queue, lease, make)
    except asyncio.CancelledError:
        log.info("worker stops, job given back", thing=thing.id)
        with suppress(*AWAY, Conflict):
            await queue.release_unharmed(lease.thing)
        raise


async def _conclude(queue: Queue[T], lease: Lease[T], make: Make[T]) -> Outcome:
    thing_id = lease.thing.id
    try:
        return Outcome.MADE if await _make_under_lease(lease, make) else Outcome.LOST
    except LeaseLost:
        log.warning("lease lost, job dropped", thing=thing_id)
        return Outcome.LOST
    except SourceRefused as refusal:
        log.info("source refused", thing=thing_id, code=refusal.code)
        await queue.fail(lease.thing, refusal.code)
        return Outcome.REFUSED
    except ObjectNotFound as error:
        log.warning("source is missing", thing=thing_id, key=str(error))
        await queue.fail(lease.thing, "source_missing")
        return Outcome.REFUSED
    except AWAY as error:
        log.warning("a server behind us is away, job given back", thing=thing_id, error=type(error).__name__)
        with suppress(*AWAY):  # else the lease ends by itself
            await queue.release_unharmed(lease.thing)
        return Outcome.AWAY
    except ChildFailed:
        await queue.release_fault(lease.thing, "transcoding_failed")
        return Outcome.FAULT
    except Exception:  # a bug must not take the worker with it; the next attempts show whether it is one
        log.exception("job failed", thing=thing_id)
        await queue.release_fault(lease.thing, "internal")
        return Outcome.FAULT


async def _make_under_lease(lease: Lease[T], make: Make[T]) -> bool:
    work = asyncio.ensure_future(make(lease))
    keeper = asyncio.ensure_future(lease.keep())
    try:
        await asyncio.wait({work, keeper}, return_when=asyncio.FIRST_COMPLETED)
        if keeper.done():
            keeper.result()  # raises what ended it
        return await work
    finally:
        for task in (work, keeper):
            task.cancel()
        await asyncio.gather(work, keeper, return_exceptions=True)
