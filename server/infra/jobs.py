"""Sending jobs to the workers by name, through Celery on Redis; this side knows nothing of how they are done."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from celery import Celery

from config.settings import SharedSettings

SEND_TIMEOUT_SECONDS = 5.0
SENT_AT_ONCE = 4
JOB_VISIBILITY_SECONDS = 3600  # after this the broker offers an unacknowledged job again; leases do it sooner


def make_celery(settings: SharedSettings) -> Celery:
    """The Celery application that senders and workers share: JSON only, acknowledged after the work is done."""
    app = Celery("dongting", broker=settings.redis_url)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": JOB_VISIBILITY_SECONDS,
            "socket_timeout": SEND_TIMEOUT_SECONDS,
            "socket_connect_timeout": SEND_TIMEOUT_SECONDS,
            "global_keyprefix": "dongting:jobs:",
        },
        task_publish_retry_policy={"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2},
        enable_utc=True,
        worker_hijack_root_logger=False,
    )
    return app


class Jobs:
    """Sends jobs. A job that could not be sent is no loss: a sweeper sends again what is stuck.

    On threads of its own: while Redis hangs, files and passwords do not wait for those that everybody shares.
    """

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._threads = ThreadPoolExecutor(SENT_AT_ONCE, thread_name_prefix="jobs")

    def close(self) -> None:
        """Send nothing more; what waits for its turn is sent by a sweeper later."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def send(self, name: str, payload: dict[str, Any], priority: int = 5) -> None:
        """Queue the job `name` with a small payload of ids. Raises kombu's OperationalError when Redis is away."""
        send = partial(self._celery.send_task, name, kwargs=payload, priority=priority)
        await asyncio.get_running_loop().run_in_executor(self._threads, send)
