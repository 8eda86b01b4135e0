"""Owned background tasks: each has a name, its end is noticed, and all are awaited when their owner closes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Self

from config.logs import logger

log = logger(__name__)


# Python 3.11's wait_for loses a cancellation that comes at the same moment as its result (fixed in 3.12), and the
# clients of MongoDB and Redis use it: who was asked once to end may go on for ever.
ASK_AGAIN_SECONDS = 5.0
PAUSE_SECONDS = 1.0  # before what failed is begun anew


def is_ending() -> bool:
    """Whether the task that asks was asked to end, and a library has lost that: for loops around such calls."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel tasks and wait until they have ended, whatever their results are."""
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=ASK_AGAIN_SECONDS)


class Tasks:
    """The background tasks of one owner.

    A task that fails is logged with its name; one that is kept begins anew. `aclose()` cancels and awaits what is
    left; twice is fine.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in the background until it ends or its owner closes. RuntimeError: that has closed."""
        if self._closed:
            work.close()
            raise RuntimeError(f"{self._owner} is closed and starts no task")
        task = asyncio.create_task(work, name=f"{self._owner}: {name}")
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def keep(self, name: str, make: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """The same for work that is to go on as long as its owner: after an error `make` begins it anew."""
        return self.start(name, self._keep(name, make))

    async def _keep(self, name: str, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        while not is_ending():
            try:
                await make()
            except Exception:
                log.exception("background task failed, it begins anew", task=f"{self._owner}: {name}")
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                break

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background task failed", task=task.get_name(), exc_info=error)

    async def aclose(self) -> None:
        """Cancel and await every task."""
        self._closed = True
        await end(task for task in self._running if task is not asyncio.current_task())
