"""Kill -9 of servers, mongod and Redis again and again during a sale: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from dongting.child import Child
from server.infra.mongo import open_mongo
from server.orders.model import OrderState
from tests.bench.orders_parts.ledger import Faults, check
from tests.bench.orders_parts.socket_buyer import Refused, SocketBuyer
from tests.bench.orders_parts.stage import Counter, Stage, address_of, running_servers
from tests.harness.data_servers import DataServers
from tests.harness.platform import settings_of
from tests.harness.soak import times

pytestmark = pytest.mark.long

KILLS = times(20, otherwise=8)  # each victim at least once
BUYERS = 16
PIECES = 3_000
HOLD_SECONDS = 4
ANSWER_SECONDS = 15.0
LAST_ANSWER_SECONDS = 60.0
SETTLED_SECONDS = 60.0
PAUSE_SECONDS = 0.1
FINAL = {"sold_out", "limit_reached", "sale_closed"}
AWAY = (Refused, TimeoutError, OSError, aiohttp.ClientError)


@dataclass
class Throng:
    """Buyers that press, pay and cancel until they are told to stop; what they were told is kept."""

    addresses: list[str]
    sale_id: str
    is_over: threading.Event = field(default_factory=threading.Event)
    told: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    odd: set[str] = field(default_factory=set)

    async def run(self, tokens: list[str]) -> None:
        """All of them at once, each until his last press has its answer. Raises TimeoutError: nobody gives one."""
        buyers = asyncio.gather(*(self._buy(number, token) for number, token in enumerate(tokens)))
        while not self.is_over.is_set() and not buyers.done():  # noqa: ASYNC110 -- another thread says so
            await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.wait_for(buyers, LAST_ANSWER_SECONDS)

    async def _buy(self, number: int, token: str) -> None:
        page = await self._connected(token)
        presses = 0
        while not self.is_over.is_set():
            presses += 1
            request = f"r{presses}"
            while (ack := await self._press(page, request)) is None or ack not in FINAL | {"ok"}:
                self.odd.add(str(ack))
                if ack is None:  # the same wish under the same id at whichever server lives
                    page.close()
                    page = await self._connected(token)
                await asyncio.sleep(PAUSE_SECONDS)
            order_id = page.order_id
            if ack == "ok":
                self.told[f"buyer-{number}", request].add(order_id)
                await self._pay_or_cancel(order_id, token)
        page.close()

    async def _press(self, page: Page, request: str) -> str | None:
        fields = {"lines": [{"sale_id": self.sale_id, "quantity": 1}], "request_id": request}
        try:
            ack, _ = await asyncio.wait_for(page.press("order", fields), ANSWER_SECONDS)
        except AWAY:
            return None
        if not ack["ok"]:
            return str(ack["error"])
        page.order_id = ack["data"]["order"]["id"]
        return "ok"

    async def _connected(self, token: str) -> Page:
        while True:
            page = Page()
            try:
                await page.connect(random.choice(self.addresses), token, ANSWER_SECONDS)
            except AWAY:
                page.close()
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return page

    async def _pay_or_cancel(self, order_id: str, token: str) -> None:
        """Whatever becomes of it: a payment that was not answered may have arrived, and comes out in the end."""
        chance = random.random()
        base = f"http://{random.choice(self.addresses)}"
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        with suppress(*AWAY):
            async with aiohttp.ClientSession(cookies={"dongting_session": token}, timeout=timeout) as http:
                if chance < 0.4:
                    async with http.post(f"{base}/api/orders/{order_id}/pay") as answer:
                        url = (await answer.json(content_type=None)).get("payment_url", "")
                    if url:
                        path = url[url.index("/sandbox/") :]
                        async with http.post(f"{base}{path}/pay", allow_redirects=False):
                            pass
                elif chance < 0.6:
                    async with http.post(f"{base}/api/orders/{order_id}/cancel"):
                        pass


class Page(SocketBuyer):
    """A connection, and the order that it was told of last."""

    order_id = ""


@pytest.fixture
def own_servers(tmp_path: Path) -> Iterator[DataServers]:
    """Data servers that nobody else minds being killed."""
    servers = DataServers(tmp_path)
    yield servers
    servers.close()


def seed(stage_folder: Path, environment: dict[str, str]) -> tuple[Counter, list[str]]:
    """A sale, and people."""

    async def work() -> tuple[Counter, list[str]]:
        async with open_mongo(settings_of(environment)) as database:
            stage = Stage(stage_folder, environment, database)
            await stage.prepare()
            counter = await stage.open_counter(PIECES, PIECES)
            await database["sales"].update_one({}, {"$set": {"hold_seconds": HOLD_SECONDS}})
            return counter, await stage.sign_in(BUYERS)

    return asyncio.run(work())


def judge(environment: dict[str, str], counter: Counter, told: set[tuple[str, str, str]]) -> tuple[Faults, list[str]]:
    """The ledger, and orders whose money is not where they say, as soon as there are none or the time is over."""

    async def work() -> tuple[Faults, list[str]]:
        async with open_mongo(settings_of(environment)) as database:
            deadline = time.monotonic() + SETTLED_SECONDS
            while True:
                paid = {one["order_id"] async for one in database["payments"].find({"state": "paid"})}
                states = {one["_id"]: one["state"] async for one in database["orders"].find({}, {"state": 1})}
                apart = [one for one, state in states.items() if (state == OrderState.PAID) != (one in paid)]
                bills = await database["sandbox_bills"].count_documents({"state": "paid"})
                held = OrderState.HELD in states.values()
                if (not apart and not held and bills == len(paid)) or time.monotonic() > deadline:
                    return await check(database, counter.sale, told), apart
                await asyncio.sleep(PAUSE_SECONDS)

    return asyncio.run(work())


def test_killed_again_and_again_a_sale_keeps_each_order_it_told_of_and_sells_no_piece_twice(
    own_servers: DataServers, tmp_path: Path
) -> None:
    # given: two servers, and buyers who press, pay and cancel all the time
    environment = own_servers.new_environment(tmp_path)
    counter, tokens = seed(tmp_path, environment)
    with running_servers(environment, tmp_path, 2) as servers, ThreadPoolExecutor(1) as thread:
        throng = Throng([address_of(server) for server in servers], counter.sale.id)
        pressing = thread.submit(asyncio.run, throng.run(tokens))
        victims: list[Child] = [*servers, own_servers.child("mongodb"), own_servers.child("redis")]

        # when
        try:
            for number in range(KILLS):
                time.sleep(random.uniform(0.1, 1.5))  # the random moment
                victim = victims[number] if number < len(victims) else random.choice(victims)
                if victim in servers:
                    victim.wait_ready()  # it may still be starting
                else:
                    for server in servers:  # one that starts without its database gives up
                        server.wait_ready()
                victim.kill()
                victim.start()
                if victim not in servers:  # a server starts while the next one is killed
                    victim.wait_ready()
        finally:
            throng.is_over.set()
        pressing.result()

        # then
        told = {(*wish, order) for wish, orders in throng.told.items() for order in orders}
        faults, apart = judge(environment, counter, told)
    assert len(told) > BUYERS
    assert [orders for orders in throng.told.values() if len(orders) > 1] == []
    assert throng.odd <= {"None", "unavailable", "conflict", "internal", "too_many_requests"}
    assert not faults.any, faults
    assert apart == []
