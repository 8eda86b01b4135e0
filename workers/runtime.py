"""One worker process: its event loop in a thread of its own, the services built once, health and metrics."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from config.health import add_health
from config.logs import logger
from config.settings import WorkerSettings
from server.infra.mongo import mongo_is_up
from server.wiring import Services, open_services
from workers.clips import ClipMaker
from workers.fence import Fence
from workers.fills import FillMaker
from workers.folders import WorkFolder
from workers.making import attempt
from workers.metrics import Outcome, WorkerMetrics
from workers.recordings import ChunkMaker, LadderMaker
from workers.sources import Sources

log = logger(__name__)

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What jobs work with."""

    settings: WorkerSettings
    services: Services
    ladders: LadderMaker
    chunks: ChunkMaker
    clips: ClipMaker
    fills: FillMaker
    stopping: asyncio.Event

    async def transcode(self, asset_id: str) -> Outcome:
        """Job `recordings.transcode`."""
        return await attempt(
            self.services.library.recordings.queue,
            asset_id,
            self.ladders.make,
            lease_seconds=self.settings.job_lease_seconds,
            clock=self.services.clock,
            stopping=self.stopping,
        )

    async def make_chunk(self, chunk_id: str) -> Outcome:
        """Job `recordings.make_chunk`."""
        return await attempt(
            self.services.library.recordings.chunks.queue,
            chunk_id,
            self.chunks.make,
            lease_seconds=self.settings.job_lease_seconds,
            clock=self.services.clock,
            stopping=self.stopping,
        )

    async def cut_clip(self, clip_id: str) -> Outcome:
        """Job `clips.cut`."""
        return await attempt(
            self.services.library.clips.queue,
            clip_id,
            self.clips.make,
            lease_seconds=self.settings.job_lease_seconds,
            clock=self.services.clock,
            stopping=self.stopping,
        )

    async def fill(self, stream_id: str) -> Outcome:
        """Job `fills.fill`."""
        return await attempt(
            self.services.library.fills.queue,
            stream_id,
            self.fills.make,
            lease_seconds=self.settings.job_lease_seconds,
            clock=self.services.clock,
            stopping=self.stopping,
        )


class Runtime:
    """Runs jobs of Celery's threads on one event loop."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._metrics = WorkerMetrics()
        self._thread: threading.Thread | None = None
        self._started: Future[tuple[asyncio.AbstractEventLoop, Bench]] = Future()
        self._stopping = asyncio.Event()
        self._jobs: set[Future[Outcome]] = set()
        self._is_draining = False

    def start(self) -> None:
        """Build the services. Raises what keeps them from being built."""
        self._thread = threading.Thread(target=self._run, name="runtime", daemon=True)
        self._thread.start()
        self._started.result(START_SECONDS)

    def do(self, name: str, job: Callable[[Bench], Awaitable[Outcome]]) -> None:
        """Do a job and wait for its end, in one of Celery's threads. A job that comes too late is left to others."""
        if self._is_draining:
            return
        loop, bench = self._started.result(START_SECONDS)
        running = asyncio.run_coroutine_threadsafe(self._count(name, job(bench)), loop)
        self._jobs.add(running)
        running.add_done_callback(self._jobs.discard)
        running.result()

    def drain(self) -> None:
        """Give back what is under way, take nothing new."""
        self._is_draining = True
        if self._started.done() and self._started.exception() is None:
            loop, _ = self._started.result()
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._stopping.set)

    def stop(self) -> None:
        """Close everything. Twice is fine."""
        self.drain()
        if self._thread is not None:
            self._thread.join(self._settings.shutdown_seconds)

    async def _count(self, name: str, job: Awaitable[Outcome]) -> Outcome:
        with self._metrics.job_running(name):
            outcome = await job
        self._metrics.job_ended(name, outcome)
        return outcome

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self) -> None:
        async with open_services(self._settings, with_sockets=False) as services, self._health(services):
            folders = WorkFolder(Path(self._settings.worker_folder))
            await asyncio.to_thread(folders.open)
            try:
                self._started.set_result((asyncio.get_running_loop(), self._bench(services, folders)))
                await self._stopping.wait()
                if jobs := [asyncio.wrap_future(job) for job in self._jobs]:
                    await asyncio.wait(jobs, timeout=self._settings.shutdown_seconds)
            finally:
                await asyncio.to_thread(folders.close)

    def _bench(self, services: Services, folders: WorkFolder) -> Bench:
        settings, library, threads = self._settings, services.library, self._settings.transcode_threads
        fence = Fence(settings.job_memory_bytes)
        sources = Sources(services.objects, folders.sources)
        return Bench(
            self._settings,
            services,
            LadderMaker(
                library.recordings,
                services.objects,
                folders,
                sources,
                fence,
                threads=threads,
                chunk_seconds=settings.chunk_seconds,
            ),
            ChunkMaker(library.recordings.chunks, services.objects, folders, sources, fence, threads),
            ClipMaker(library.clips, services.objects, folders, fence, threads),
            FillMaker(library.fills, services.objects, folders, fence, threads),
            self._stopping,
        )

    @asynccontextmanager
    async def _health(self, services: Services) -> AsyncIterator[None]:
        app = web.Application()
        checks = {"mongodb": lambda: mongo_is_up(services.database), "redis": services.bus.is_up}
        add_health(app, checks, self._metrics.registry)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "0.0.0.0", self._settings.worker_metrics_port).start()  # noqa: S104
            yield
        finally:
            await runner.cleanup()
