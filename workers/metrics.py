"""What a worker counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)


class Outcome(StrEnum):
    """How a job ended."""

    MADE = "made"
    NOTHING = "nothing"  # somebody else has it, or had
    REFUSED = "refused"  # the source is no good
    FAULT = "fault"  # this worker could not
    AWAY = "away"  # a server behind it was away
    LOST = "lost"  # the lease went to another worker
    STOPPED = "stopped"  # this worker stops


class WorkerMetrics:
    """Counters of one worker on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._jobs = Counter("dongting_jobs", "Jobs done", ["job", "outcome"], registry=self.registry)
        self._seconds = Histogram(
            "dongting_job_seconds", "Time of a job", ["job"], buckets=SECONDS, registry=self.registry
        )
        self._running = Gauge("dongting_jobs_running", "Jobs under way", registry=self.registry)

    def job_ended(self, job: str, outcome: Outcome) -> None:
        """One job, by its name."""
        self._jobs.labels(job, outcome).inc()

    @contextmanager
    def job_running(self, job: str) -> Iterator[None]:
        """A job is under way."""
        with self._running.track_inprogress(), self._seconds.labels(job).time():
            yield
