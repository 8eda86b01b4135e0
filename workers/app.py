"""The Celery application of the workers: `celery -A workers.app worker`."""

from __future__ import annotations

import gc

gc.disable()  # what a program loads stays; to look for rubbish among it takes a fifth of the start

from typing import Any

from celery import Celery, bootsteps, signals

from config.logs import configure
from config.settings import WorkerSettings, load
from server.clips.jobs import CUT_CLIP
from server.fills.jobs import FILL
from server.infra.jobs import make_celery
from server.recordings.jobs import MAKE_CHUNK, TRANSCODE
from workers.runtime import Bench, Runtime


def make_app(settings: WorkerSettings) -> Celery:
    """Celery with our jobs. The runtime begins with the worker; whoever only imports this starts nothing."""
    runtime = Runtime(settings)
    app = make_celery(settings)
    # Jobs wait for a child process, so threads do; what a killed worker had is sent again when its lease is over.
    app.conf.update(
        worker_pool="threads", worker_concurrency=settings.worker_jobs, worker_enable_remote_control=False
    )
    app.steps["worker"].add(_runtime_step(runtime))
    _add_jobs(app, runtime)
    return app


def _add_jobs(app: Celery, runtime: Runtime) -> None:
    @app.task(name=TRANSCODE)
    def transcode(id: str) -> None:  # noqa: A002 -- the payload's own word
        runtime.do(TRANSCODE, lambda bench: Bench.transcode(bench, id))

    @app.task(name=MAKE_CHUNK)
    def make_chunk(id: str) -> None:  # noqa: A002
        runtime.do(MAKE_CHUNK, lambda bench: Bench.make_chunk(bench, id))

    @app.task(name=CUT_CLIP)
    def cut_clip(id: str) -> None:  # noqa: A002
        runtime.do(CUT_CLIP, lambda bench: Bench.cut_clip(bench, id))

    @app.task(name=FILL)
    def fill(id: str) -> None:  # noqa: A002
        runtime.do(FILL, lambda bench: Bench.fill(bench, id))


def _runtime_step(runtime: Runtime) -> type[bootsteps.StartStopStep]:
    class RuntimeStep(bootsteps.StartStopStep):
        """Starts the runtime before the first job comes and closes it after the last."""

        requires = ("celery.worker.components:Pool",)

        def start(self, parent: Any) -> None:
            runtime.start()

        def stop(self, parent: Any) -> None:
            runtime.stop()

        def terminate(self, parent: Any) -> None:
            runtime.stop()

    def drain(**_: Any) -> None:
        runtime.drain()

    signals.worker_shutting_down.connect(drain, weak=False)
    return RuntimeStep


def _own_logging(settings: WorkerSettings) -> None:
    def set_up(**_: Any) -> None:
        configure(settings, "worker")

    signals.setup_logging.connect(set_up, weak=False)


_settings = load(WorkerSettings)
_own_logging(_settings)
app = make_app(_settings)
gc.freeze()
gc.enable()
