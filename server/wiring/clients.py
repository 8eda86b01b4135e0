"""Clients: connections to the servers behind us, and what needs nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from config.bus import Bus, open_bus
from config.clock import SystemClock
from config.objects import S3Objects
from config.settings import ServerSettings
from config.tasks import Tasks
from server.infra.announce import Announcer
from server.infra.fanout import Fanout
from server.infra.jobs import Jobs, make_celery
from server.infra.limits import RateLimits
from server.infra.listeners import Listeners
from server.infra.mongo import Database, open_mongo
from server.infra.room_log import open_room_log
from server.infra.shared_turns import SharedTurns, open_shared_turns
from server.told import STATE_EVENTS


@dataclass(frozen=True, slots=True)
class Clients:
    """What everything else is built from: settings, clock, background tasks, and the servers behind us."""

    settings: ServerSettings
    clock: SystemClock
    tasks: Tasks
    database: Database
    objects: S3Objects
    bus: Bus
    jobs: Jobs
    listeners: Listeners
    fanout: Fanout
    announcer: Announcer
    limits: RateLimits
    shared_turns: SharedTurns


@asynccontextmanager
async def open_clients(settings: ServerSettings, *, with_sockets: bool) -> AsyncIterator[Clients]:
    """Connect, and close it in the opposite order; `with_sockets` as `open_services` says."""
    async with AsyncExitStack() as stack:
        room_log = await stack.enter_async_context(open_room_log(settings.redis_url))
        listeners = Listeners()
        limits = RateLimits(settings)
        database = await stack.enter_async_context(open_mongo(settings))
        objects = await stack.enter_async_context(S3Objects(settings))
        bus = await stack.enter_async_context(open_bus(settings))
        shared_turns = await stack.enter_async_context(open_shared_turns(settings.redis_url))
        stack.push_async_callback(limits.aclose)
        jobs = Jobs(make_celery(settings))
        stack.callback(jobs.close)
        tasks = await stack.enter_async_context(Tasks("services"))
        yield Clients(
            settings=settings,
            clock=SystemClock(),
            tasks=tasks,
            database=database,
            objects=objects,
            bus=bus,
            jobs=jobs,
            listeners=listeners,
            fanout=Fanout(room_log, listeners, STATE_EVENTS, tasks),
            announcer=Announcer(room_log, tasks, listeners if with_sockets else None),
            limits=limits,
            shared_turns=shared_turns,
        )
