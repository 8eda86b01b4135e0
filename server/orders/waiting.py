"""Tells whoever stands in line where he is: nobody who is served quickly, and the others gathered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from config.tasks import Tasks

LOOK_SECONDS = 0.5  # who waits less sees no more than a button that is busy
AT_ONCE = 500  # pages, before others get their turn; some 5 ms


class Waiter(Protocol):
    """Somebody in a line. `page`: the connection that asked; None: nobody can be told."""

    @property
    def page(self) -> str | None: ...
    @property
    def request_id(self) -> str: ...
    @property
    def came_at(self) -> float: ...


class Lines(Protocol):
    """All lines of this process: in each those who are being served, then those who wait behind them."""

    def lines(self) -> Iterable[tuple[Sequence[Waiter], Sequence[Waiter]]]: ...


class Pages(Protocol):
    """The open pages of this process."""

    def tell_page(self, sid: str, event: str, data: dict[str, Any]) -> None: ...


def about(ahead: int) -> int:
    """How many are before somebody, to two digits and never too few, so that a line only seems to move forward."""
    step = 1
    while ahead > 99 * step:
        step *= 10
    return -(-ahead // step) * step


class Waiting:
    """Looks at the lines while there are any; an order that is answered in time costs it nothing."""

    def __init__(self, lines: Lines, pages: Pages, tasks: Tasks, clock: Callable[[], float]) -> None:
        self._lines = lines
        self._pages = pages
        self._tasks = tasks
        self._clock = clock
        self._is_looking = False

    def begin(self) -> None:
        """A line has formed: look at it soon, if nobody looks already."""
        if not self._is_looking:
            self._is_looking = True
            self._tasks.start("waiting buyers", self._watch())

    async def _watch(self) -> None:
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                lines = [(list(served), list(behind)) for served, behind in self._lines.lines()]
                if not lines:
                    return
                for served, behind in lines:
                    await self._tell(served, behind)
        finally:
            self._is_looking = False

    async def _tell(self, served: Sequence[Waiter], behind: Sequence[Waiter]) -> None:
        since = self._clock() - LOOK_SECONDS
        places = [*((waiter, 0) for waiter in served), *((one, len(served) + n) for n, one in enumerate(behind))]
        told = 0
        for waiter, ahead in places:
            if waiter.page is None or waiter.came_at > since:
                continue
            self._pages.tell_page(waiter.page, "waiting", {"request_id": waiter.request_id, "ahead": about(ahead)})
            told += 1
            if told % AT_ONCE == 0:
                await asyncio.sleep(0)
