"""One attempt at a thing: claim it, keep the lease while working, and say how it ended; the same for every noun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from config.clock import Clock
from config.logs import logger
from config.objects import ObjectNotFound
from config.tasks import end
from server.infra.away import AWAY
from server.making.model import Thing
from server.making.service import Queue
from workers.fence import ChildFailed
from workers.metrics import Outcome
from workers.transcode.plan import SourceRefused

log = logger(__name__)

TELL_EVERY_SECONDS = 2.0  # each time costs a write of the thing and, of a chunk, of its asset
RENEWALS_PER_LEASE = 4
NEWS = 0.002  # less progress than this is told to nobody

T = TypeVar("T", bound=Thing)


class LeaseLost(Exception):
    """Another worker may have the thing: stop, and touch nothing of it any more."""


class Lease(Generic[T]):
    """A claimed thing. `thing` is as it was last written; every write of it must come from there, one at a time."""

    def __init__(self, queue: Queue[T], thing: T, lease_seconds: float, clock: Clock) -> None:
        self._queue = queue
        self._renew_seconds = lease_seconds / RENEWALS_PER_LEASE
        self._clock = clock
        self._progress = 0.0
        self._writing = asyncio.Lock()
        self._is_concluded = False
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
            if await self._renew():
                renewed_at = loop.time()

    async def _renew(self) -> bool:
        async with self._writing:
            if self._is_concluded:
                return True
            try:
                renewed = await self._queue.report(self.thing, self._progress)
            except AWAY as error:
                log.warning("lease could not be renewed", thing=self.thing.id, error=type(error).__name__)
                if self.thing.work.lease_until is None or self._clock.now() > self.thing.work.lease_until:
                    raise LeaseLost from None
                return False
            if renewed is None:
                raise LeaseLost
            self.thing = renewed
            return True

    async def conclude(self, finish: Callable[[T], Awaitable[bool]]) -> bool:
        """Renew no more, and finish the thing as it was last written."""
        async with self._writing:
            self._is_concluded = True
            return await finish(self.thing)


class Stopped(Exception):
    """This worker stops."""


class NotWanted(Exception):
    """Nobody waits for the thing, yet or any more."""


class NotYet(Exception):
    """What is left to do can't be done now: after a pause it is tried again, and nothing counts as failed."""


Make = Callable[[Lease[T]], Awaitable[bool]]


async def attempt(
    queue: Queue[T], thing_id: str, make: Make[T], *, lease_seconds: float, clock: Clock, stopping: asyncio.Event
) -> Outcome:
    """Make a thing, if it waits to be made. `make` finishes it itself and answers whether it was in time.

    Once `stopping` is set the thing is given back, unharmed.
    """
    thing = await queue.claim(thing_id)
    if thing is None:
        return Outcome.NOTHING
    log.info("job begins", thing=thing.id, attempt=thing.work.attempt)
    lease = Lease(queue, thing, lease_seconds, clock)
    try:
        return Outcome.MADE if await _make_under_lease(lease, make, stopping) else Outcome.LOST
    except Exception as error:  # noqa: BLE001 -- a bug must not take the worker with it; it is logged
        return await _explain(queue, lease.thing, error)


async def _explain(queue: Queue[T], thing: T, error: Exception) -> Outcome:
    """Say in the thing's record how its making ended; if that fails too, its lease ends by itself."""
    try:
        return await _conclude(queue, thing, error)
    except AWAY as away:
        log.warning("job's end could not be told", thing=thing.id, error=type(away).__name__)
        return Outcome.AWAY


async def _conclude(queue: Queue[T], thing: T, error: Exception) -> Outcome:
    match error:
        case Stopped():
            log.info("worker stops, job given back", thing=thing.id)
            await queue.release_unharmed(thing)
            return Outcome.STOPPED
        case NotWanted():
            await queue.release_unharmed(thing)
            return Outcome.NOTHING
        case NotYet():
            log.warning("not yet, job given back", thing=thing.id)
            await queue.release_unharmed(thing)
            return Outcome.AWAY
        case LeaseLost():
            log.warning("lease lost, job dropped", thing=thing.id)
            return Outcome.LOST
        case SourceRefused(code=code):
            log.info("source refused", thing=thing.id, code=code)
            await queue.fail(thing, code)
            return Outcome.REFUSED
        case ObjectNotFound():
            log.warning("source is missing", thing=thing.id, key=str(error))
            await queue.fail(thing, "source_missing")
            return Outcome.REFUSED
        case ChildFailed():
            await queue.release_fault(thing, "transcoding_failed")
            return Outcome.FAULT
    if isinstance(error, AWAY):
        log.warning("a server behind us is away, job given back", thing=thing.id, error=type(error).__name__)
        await queue.release_unharmed(thing)
        return Outcome.AWAY
    log.error("job failed", thing=thing.id, exc_info=error)
    await queue.release_fault(thing, "internal")
    return Outcome.FAULT


async def _make_under_lease(lease: Lease[T], make: Make[T], stopping: asyncio.Event) -> bool:
    work = asyncio.ensure_future(make(lease))
    keeper = asyncio.ensure_future(lease.keep())
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({work, keeper, stop}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        if keeper.done():
            keeper.result()  # raises what ended it
        raise Stopped
    finally:
        await end((work, keeper, stop))
