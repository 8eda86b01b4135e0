"""The queue of things to be made: sending jobs, claims under a lease, giving back, and the sweep that mends it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from config.clock import Clock
from config.logs import logger
from server.infra.away import AWAY
from server.making import model
from server.making.model import Thing, Work, WorkState

log = logger(__name__)

WORKER_LOST = "worker_lost"


T = TypeVar("T", bound=Thing)


class Records(Protocol[T]):
    """Where the things are kept."""

    async def get(self, thing_id: str) -> T | None: ...
    async def move(self, before: T, after: T) -> T | None: ...
    async def due(self, now: datetime) -> list[T]: ...
    async def lost(self, now: datetime) -> list[T]: ...


class Jobs(Protocol):
    """Sends jobs to the workers."""

    async def send(self, name: str, payload: dict[str, Any], priority: int = 5) -> None: ...


Changed = Callable[[T], Awaitable[None]]
Harmless = Callable[[T], Awaitable[bool]]


class Queue(Generic[T]):
    """Things of one kind. Every change is a compare-and-set: who answers None came too late and must let go."""

    def __init__(
        self,
        records: Records[T],
        jobs: Jobs,
        clock: Clock,
        *,
        job: str,
        priority: Callable[[T], int],
        lease_seconds: float,
    ) -> None:
        self._records = records
        self._jobs = jobs
        self._clock = clock
        self._job = job
        self._priority = priority
        self._lease = timedelta(seconds=lease_seconds)
        self._changed: Changed[T] | None = None
        self._is_harmless: Harmless[T] | None = None

    def tell_changes_to(self, changed: Changed[T]) -> None:
        """Who hears of every change. What he misses because a server is away he finds again by himself."""
        self._changed = changed

    def ask_about_losses(self, is_harmless: Harmless[T]) -> None:
        """Who says of a thing whose worker was lost whether its source has nothing to do with that any more."""
        self._is_harmless = is_harmless

    async def send(self, thing: T) -> None:
        """Send the job of a waiting thing. If Redis is away the sweep does it later."""
        moved = await self._records.move(thing, _with(thing, model.sent(thing.work, self._clock.now())))
        if moved is None:
            return  # claimed, or sent by another server
        try:
            await self._jobs.send(self._job, {"id": thing.id}, self._priority(thing))
        except (OperationalError, RedisError) as error:
            log.warning("job not sent, the sweep sends it later", job=self._job, error=type(error).__name__)

    async def claim(self, thing_id: str) -> T | None:
        """Take a waiting thing for this worker; None when there is nothing to do."""
        thing = await self._records.get(thing_id)
        if thing is None or thing.work.state is not WorkState.WAITING:
            return None
        return await self._move(thing, model.claim(thing.work, self._clock.now(), self._lease))

    async def report(self, thing: T, progress: float) -> T | None:
        """Say that the worker is alive and this far; None: the lease was lost, stop."""
        return await self._move(thing, model.report(thing.work, self._clock.now(), self._lease, progress))

    async def finish(self, made: T) -> T | None:
        """The thing is made and its objects are written; None: another worker has it, drop them."""
        return await self._move(made, model.finish(made.work, self._clock.now()))

    async def fail(self, thing: T, code: str) -> T | None:
        """It can't be made."""
        return await self._move(thing, model.fail(thing.work, self._clock.now(), code))

    async def release_fault(self, thing: T, code: str) -> T | None:
        """This worker could not; another tries, up to MAX_FAULTS."""
        return await self._move(thing, model.release_fault(thing.work, self._clock.now(), code))

    async def release_unharmed(self, thing: T) -> T | None:
        """This worker stops, or waits for a server behind it; another goes on."""
        return await self._move(thing, model.release_unharmed(thing.work, self._clock.now()))

    async def spread(self, thing: T) -> T | None:
        """Its pieces are written down and are made from now on; None: another worker has it."""
        return await self._move(thing, model.spread(thing.work))

    async def advance(self, thing: T, progress: float) -> T | None:
        """So much of its pieces is made."""
        return await self._move(thing, model.advance(thing.work, progress))

    async def gather(self, thing: T) -> None:
        """All its pieces are made: have a worker finish it."""
        moved = await self._move(thing, model.gather(thing.work, self._clock.now()))
        if moved is not None:
            await self.send(moved)

    async def cancel(self, thing: T) -> T | None:
        """Its owner wants it no more. Raises Conflict when there is nothing to stop."""
        return await self._move(thing, model.cancel(thing.work, self._clock.now()))

    async def remake(self, changed: T) -> T | None:
        """Make a thing again, in whatever state it is, because its source has changed."""
        return await self._move(changed, model.remake(changed.work, self._clock.now()))

    async def sweep(self) -> None:
        """Take things back from dead workers; send again the jobs that nobody claimed."""
        for thing in await self._records.lost(self._clock.now()):
            if await self._take_back(thing) is not None:
                log.warning("a worker was lost", job=self._job, thing=thing.id, attempt=thing.work.attempt)
        for thing in await self._records.due(self._clock.now()):
            await self.send(thing)

    async def _take_back(self, thing: T) -> T | None:
        if self._is_harmless is not None and await self._is_harmless(thing):
            return await self.release_unharmed(thing)
        return await self.release_fault(thing, WORKER_LOST)

    async def _move(self, thing: T, after: Work) -> T | None:
        moved = await self._records.move(thing, _with(thing, after))
        if moved is not None and self._changed is not None:
            try:
                await self._changed(moved)
            except AWAY as error:  # the change is written: whoever made it must go on from there
                log.warning("a change could not be told", job=self._job, thing=thing.id, error=type(error).__name__)
        return moved


def _with(thing: T, work: Work) -> T:
    changed: T = replace(thing, work=work)  # type: ignore[type-var]  # every Thing is a dataclass
    return changed
