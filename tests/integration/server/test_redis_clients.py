"""Every client of Redis under thousands of calls at once; and chat and a sale while Redis is away."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import pytest
import uvloop
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection

from config.bus import Bus
from config.redis_pool import redis_pool
from config.settings import ServerSettings
from server.errors import TooManyRequests
from server.infra.jobs import SEND_TIMEOUT_SECONDS, Jobs, make_celery
from server.infra.limits import RateLimits
from server.infra.room_log import Told, open_room_log
from tests.harness.app import Page, RunningServer
from tests.harness.data_servers import DataServers, Environment
from tests.integration.server.conftest import PASSWORD, Stall
from tests.integration.server.test_room import go_live

AT_ONCE = 200  # twice what redis-py gives by itself; more would only time the machine
Load = Callable[[type[ServerSettings]], ServerSettings]


async def test_hundreds_of_limits_at_once_let_through_as_many_as_the_limit_says(load_settings: Load) -> None:
    limits = RateLimits(load_settings(ServerSettings))
    try:
        outcomes = await asyncio.gather(
            *(limits.check("100/minute", "flood", "li") for _ in range(AT_ONCE)), return_exceptions=True
        )
    finally:
        await limits.aclose()
    assert outcomes.count(None) == 100
    assert {type(one) for one in outcomes if one is not None} == {TooManyRequests}


async def test_hundreds_of_leases_at_once_are_all_written_and_read(bus: Bus) -> None:
    await asyncio.gather(*(bus.set_lease(f"many:{number}", {"n": number}, 60) for number in range(AT_ONCE)))
    found = await asyncio.gather(*(bus.lease(f"many:{number}") for number in range(AT_ONCE)))
    assert [one["n"] for one in found if one] == list(range(AT_ONCE))


async def test_hundreds_of_events_at_once_all_get_a_number(load_settings: Load) -> None:
    async with open_room_log(load_settings(ServerSettings).redis_url) as log:
        numbers = await asyncio.gather(*(log.append(Told("room:r", "likes", b"{}")) for _ in range(AT_ONCE)))
    assert sorted(numbers) == list(range(min(numbers), min(numbers) + AT_ONCE))


async def test_jobs_that_a_hanging_redis_holds_up_leave_threads_for_everything_else(
    load_settings: Load, data_servers: DataServers
) -> None:
    # given: more jobs than there are threads that everybody shares, and a Redis that hangs
    jobs = Jobs(make_celery(load_settings(ServerSettings)))
    redis = data_servers.child("redis")
    assert redis.pid is not None
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        sent = [asyncio.create_task(jobs.send("nothing", {})) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)

        # when, then: a file or a password does not wait
        async with asyncio.timeout(SEND_TIMEOUT_SECONDS / 2):
            assert await asyncio.to_thread(int) == 0
    finally:
        os.kill(redis.pid, signal.SIGCONT)
        jobs.close()
        await asyncio.gather(*sent, return_exceptions=True)


async def test_chat_and_a_sale_go_on_while_redis_is_away(
    server: RunningServer, stall: Stall, new_page: Callable[[], Page], data_servers: DataServers
) -> None:
    # given: a room with a sale in it
    services = server.services
    await services.accounts.register("liming", PASSWORD, "李明", None)
    host, buyer = new_page(), new_page()
    await host.sign_in("zhanghong", PASSWORD)
    await buyer.sign_in("liming", PASSWORD)
    for page in (host, buyer):
        await page.connect()
        assert (await page.say("join", slug="zhang"))["ok"]
    await go_live(server, stall)
    assert (await host.hear("stream"))["stream"]["state"] == "live"
    terms = {"product_id": stall.product.id, "price_fen": 990, "quantity": 5, "per_buyer": 5, "duration_seconds": 600}
    status, sale = await host.ask("POST", "/api/my/room/sales", terms)
    assert status == 201, sale

    # when: Redis is gone
    redis = data_servers.child("redis")
    redis.kill()
    try:
        said = await buyer.say("chat", text="还在吗")
        ordered = await buyer.say("order", lines=[{"sale_id": sale["id"], "quantity": 1}], request_id="r1")
        heard = await host.hear("chat")
        newcomer = new_page()
        await newcomer.connect()
        joined = await newcomer.say("join", slug="zhang")
    finally:
        redis.start()
        redis.wait_ready()

    # then: messages and orders are kept and answered, this server's pages hear of them, and newcomers come in
    assert said["ok"]
    assert ordered["ok"], ordered
    assert [message["text"] for message in heard["messages"]] == ["还在吗"]
    assert joined["ok"], joined
    assert joined["data"]["n"] == 0
    assert joined["data"]["chat"][-1]["text"] == "还在吗"
    assert (await services.commerce.sales.get(sale["id"])).sale.held == 1


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_lost_connection_looks_the_same_on_every_loop(
    environment: Environment, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    async def lose_one() -> None:
        # given
        pool = redis_pool(environment["REDIS_URL"], retry=Retry(NoBackoff(), 0))
        connection = await pool.get_connection()  # type: ignore[no-untyped-call]

        async def ping() -> None:
            await connection.send_command("PING")
            await connection.read_response()

        # when
        connection._writer.transport.abort()
        await asyncio.sleep(0.1)
        # then
        with pytest.raises(LostConnection):
            await ping()
        await pool.release(connection)
        # and the next call makes a new one
        assert await Redis.from_pool(pool).ping()
        await pool.aclose()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(lose_one())
