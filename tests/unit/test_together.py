"""Asking once for what many ask for: nobody gets an answer that was looked up before he asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from config.tasks import Tasks
from server.infra.together import Together


class Library:
    """Answers with how often it was asked, when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.may_answer = asyncio.Semaphore(0)
        self.fails = False

    async def look_up(self, keys: Sequence[str]) -> dict[str, int]:
        self.asked.append(list(keys))
        count = len(self.asked)
        await self.may_answer.acquire()
        if self.fails:
            raise OSError("away")
        return {key: count for key in keys if key != "nobody"}


async def until_asked(library: Library, times: int) -> None:
    async with asyncio.timeout(10):
        while len(library.asked) < times:  # noqa: ASYNC110 -- there is no event to wait for
            await asyncio.sleep(0)


async def test_who_comes_while_a_question_is_answered_is_in_the_next_one() -> None:
    library = Library()
    async with Tasks("test") as tasks:
        together = Together("asking", tasks, library.look_up)
        first = asyncio.create_task(together.get("a"))
        await until_asked(library, 1)
        later = [asyncio.create_task(together.get(key)) for key in ("a", "b", "a", "nobody")]
        await asyncio.sleep(0)
        library.may_answer.release()
        library.may_answer.release()
        assert await first == 1
        assert await asyncio.gather(*later) == [2, 2, 2, None]
    assert library.asked == [["a"], ["a", "b", "nobody"]]


async def test_a_failure_goes_to_those_who_asked_and_not_to_those_who_come_later() -> None:
    library = Library()
    async with Tasks("test") as tasks:
        together = Together("asking", tasks, library.look_up)
        library.fails = True
        library.may_answer.release()
        with pytest.raises(OSError, match="away"):
            await together.get("a")
        library.fails = False
        library.may_answer.release()
        assert await together.get("a") == 2


async def test_who_gives_up_takes_the_answer_from_nobody() -> None:
    library = Library()
    async with Tasks("test") as tasks:
        together = Together("asking", tasks, library.look_up)
        impatient, patient = (asyncio.create_task(together.get("a")) for _ in range(2))
        await until_asked(library, 1)
        impatient.cancel()
        await asyncio.sleep(0)
        library.may_answer.release()
        assert await patient == 1
