"""Turns between servers, on a real Redis: first come, first served, and nobody is held up by the dead."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from server.infra import shared_turns
from server.infra.shared_turns import KEPT_MS, PATIENCE_SECONDS, THERE, SharedTurns, open_shared_turns
from tests.harness.data_servers import DataServers, Environment

SERVERS = 3
LOOK_SECONDS = 5.0


@pytest_asyncio.fixture
async def servers(environment: Environment) -> AsyncIterator[list[SharedTurns]]:
    """The turns as several servers have them."""
    async with AsyncExitStack() as stack:
        redis_url = environment["REDIS_URL"]
        yield [await stack.enter_async_context(open_shared_turns(redis_url)) for _ in range(SERVERS)]


async def test_servers_that_always_want_a_turn_get_one_after_another(servers: list[SharedTurns]) -> None:
    order: list[int] = []
    inside = 0

    async def write(number: int) -> None:
        nonlocal inside
        for _ in range(20):
            async with servers[number].take("sale"):
                inside += 1
                assert inside == 1
                order.append(number)
                await asyncio.sleep(0.002)
                inside -= 1

    await asyncio.gather(*(write(number) for number in range(SERVERS)))
    # Each waits for every other one once, however eager the one before was.
    assert [len(set(order[first : first + SERVERS])) for first in range(2, 50)] == [SERVERS] * 48


async def test_nobody_gets_at_a_turn_by_an_id_that_he_has_made_up(servers: list[SharedTurns]) -> None:
    async with servers[0].take("sale"), servers[1].take("sale:there"):
        begin = time.monotonic()
        async with servers[2].take("sale"):
            assert time.monotonic() - begin > PATIENCE_SECONDS * 0.9


async def test_a_turn_that_a_dead_server_has_holds_the_others_up_for_a_moment_only(
    servers: list[SharedTurns], environment: Environment
) -> None:
    async with Redis.from_url(environment["REDIS_URL"]) as redis:
        await redis.set(f"{THERE}sale", 1, px=KEPT_MS)  # taken, and never given back
    begin = time.monotonic()
    async with servers[0].take("sale"):
        assert time.monotonic() - begin > PATIENCE_SECONDS * 0.9


async def test_without_redis_nobody_waits(servers: list[SharedTurns], data_servers: DataServers) -> None:
    redis = data_servers.child("redis")
    redis.kill()
    try:
        async with asyncio.timeout(200 * PATIENCE_SECONDS / 5):
            for _ in range(200):
                async with servers[0].take("sale"):
                    pass
    finally:
        redis.start()
        redis.wait_ready()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits is still waiting when a slow machine comes to look."""
    monkeypatch.setattr(shared_turns, "PATIENCE_SECONDS", LOOK_SECONDS)


@pytest.mark.usefixtures("patient")
async def test_many_who_wait_for_turns_keep_nobody_from_one_that_is_free(
    servers: list[SharedTurns], environment: Environment
) -> None:
    # given: forty lines of one server wait for what another one has
    keys = [f"sale{number}" for number in range(40)]

    async def wait(key: str) -> None:
        async with servers[1].take(key):
            pass

    async with (
        Redis.from_url(environment["REDIS_URL"]) as redis,
        asyncio.TaskGroup() as waiting,
        servers[0].take(*keys),
    ):
        for key in keys:
            waiting.create_task(wait(key))
        await until_blocked(redis, 32)

        # when it wants one more, it gets it
        async with servers[1].take("free"):
            there = await redis.exists(f"{THERE}free")
    assert there


async def test_twenty_turns_are_given_back_to_a_redis_that_hangs_within_seconds(
    servers: list[SharedTurns], data_servers: DataServers
) -> None:
    redis = data_servers.child("redis")
    assert redis.pid is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS * 20):
            async with servers[0].take(*(f"sale{number}" for number in range(20))):
                os.kill(redis.pid, signal.SIGSTOP)
    finally:
        os.kill(redis.pid, signal.SIGCONT)


async def until_blocked(redis: Redis, clients: int) -> None:
    """Wait until Redis has so many clients that wait."""
    async with asyncio.timeout(LOOK_SECONDS):
        while (await redis.info("clients"))["blocked_clients"] < clients:  # noqa: ASYNC110 -- Redis has none
            await asyncio.sleep(0.01)  # those who are to wait need this loop, too
