"""Asking once for what many ask for at the same moment, as when thousands of pages join a room within a second."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from config.tasks import Tasks
from server.errors import Unavailable

MOST_AT_ONCE = 500  # keys in one question; who comes then is in the next

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """One question at a time; whoever comes while it is being answered is in the next one.

    So nobody gets an answer that was looked up before he asked, and a question costs the same for one as for many.
    What waits is bounded by those who wait.
    """

    def __init__(self, name: str, tasks: Tasks, ask: Callable[[Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._name = name
        self._tasks = tasks
        self._ask = ask
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._is_asking = False

    async def get(self, key: K) -> V | None:
        """The answer for one key; None: there is none. Raises what asking raises."""
        answer = self._waiting.get(key)
        if answer is None:
            answer = self._waiting[key] = asyncio.get_running_loop().create_future()
        if not self._is_asking:
            self._is_asking = True
            self._tasks.start(self._name, self._run())
        return await asyncio.shield(answer)  # who gives up leaves the answer to the others

    async def _run(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:MOST_AT_ONCE]
                await self._answer({key: self._waiting.pop(key) for key in keys})
        finally:
            self._is_asking = False

    async def _answer(self, group: Mapping[K, asyncio.Future[V | None]]) -> None:
        try:
            found = await self._ask(list(group))
        except asyncio.CancelledError:
            _fail(group, Unavailable("the server is stopping; please try again"))
            _fail(self._waiting, Unavailable("the server is stopping; please try again"))
            raise
        except Exception as error:  # noqa: BLE001 -- goes to those who wait, whose boundary knows what to do with it
            _fail(group, error)
            return
        for key, answer in group.items():
            answer.set_result(found.get(key))


def _fail(group: Mapping[K, asyncio.Future[V | None]], error: Exception) -> None:
    for answer in group.values():
        answer.set_exception(error)
        answer.exception()  # who waits no more need not be told
