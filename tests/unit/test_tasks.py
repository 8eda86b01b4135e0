"""Background tasks: which go on after an error, and that none outlives its owner."""

from __future__ import annotations

import asyncio

import pytest

import config.tasks
from config.tasks import Tasks


async def test_what_is_kept_begins_anew_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # given: work that fails twice
    monkeypatch.setattr(config.tasks, "PAUSE_SECONDS", 0.001)
    begun = 0
    goes_on = asyncio.Event()

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun <= 2:
            raise ValueError("a bug")
        goes_on.set()
        await asyncio.Event().wait()

    # when
    async with Tasks("test") as tasks:
        kept = tasks.keep("work", work)
        async with asyncio.timeout(10):
            await goes_on.wait()

    # then: it goes on, and its owner's end is its own
    assert begun == 3
    assert kept.cancelled()


async def test_what_is_kept_may_end_by_itself() -> None:
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1

    async with Tasks("test") as tasks:
        await tasks.keep("work", work)
    assert begun == 1


async def test_what_fails_is_not_begun_anew_where_nobody_asked_for_it() -> None:
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        raise ValueError("a bug")

    async with Tasks("test") as tasks:
        with pytest.raises(ValueError, match="a bug"):
            await tasks.start("work", work())
    assert begun == 1
