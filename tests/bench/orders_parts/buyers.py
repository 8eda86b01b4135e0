"""Buyers at their pages: thousands of Socket.IO connections that join a room and press."""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import uvloop

from tests.bench.orders_parts.programs import Outcome, leave
from tests.bench.orders_parts.socket_buyer import SocketBuyer
from tests.bench.relay_parts.process import allow_files

CONNECT_SECONDS = 60.0
ANSWER_SECONDS = 30.0
CONNECTING_AT_ONCE = 64
OTHER_FILES = 200


class Presses:
    """What a number of presses led to."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.acknowledged: list[tuple[str, str, str]] = []
        self.refusals: Counter[str] = Counter()
        self.begin = float("inf")
        self.end = 0.0

    async def press(self, buyer: SocketBuyer, number: int, sale_id: str, request: str) -> None:
        """One press and its answer."""
        begin = time.perf_counter()
        self.begin = min(self.begin, begin)
        fields = {"lines": [{"sale_id": sale_id, "quantity": 1}], "request_id": request}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                ack, came = await buyer.press("order", fields)
        except Exception as error:  # noqa: BLE001 -- counted by its name
            self.refusals[type(error).__name__] += 1
            return
        if not ack["ok"]:
            self.refusals[ack["error"]] += 1
            return
        self.end = max(self.end, came)
        self.latencies.append((came - begin) * 1000)
        self.acknowledged.append((f"buyer-{number}", request, ack["data"]["order"]["id"]))

    def outcome(self) -> Outcome:
        """As the benchmark reads it."""
        return Outcome(max(self.end - self.begin, 0.0), self.latencies, dict(self.refusals), self.acknowledged)


async def burst(buyers: Sequence[SocketBuyer], sale_id: str, request: str, seconds: float) -> Outcome:
    """Each presses once, at a moment of his own within so many seconds."""
    presses = Presses()

    async def press(buyer: SocketBuyer, number: int) -> None:
        await asyncio.sleep(random.random() * seconds)
        await presses.press(buyer, number, sale_id, request)

    await asyncio.gather(*(press(buyer, number) for number, buyer in enumerate(buyers)))
    return presses.outcome()


async def throng(buyers: Sequence[SocketBuyer], sale_id: str, times: int) -> Outcome:
    """Each presses again as soon as he has his answer."""
    presses = Presses()

    async def press(buyer: SocketBuyer, number: int) -> None:
        for again in range(times):
            await presses.press(buyer, number, sale_id, f"t{again}")

    await asyncio.gather(*(press(buyer, number) for number, buyer in enumerate(buyers)))
    return presses.outcome()


async def come_and_press(wanted: dict[str, Any]) -> list[Outcome]:
    """All connect and join; then the bursts, then the throng."""
    room = asyncio.Semaphore(CONNECTING_AT_ONCE)
    addresses: list[str] = wanted["addresses"]

    async def come(number: int, token: str) -> SocketBuyer:
        async with room:
            buyer = SocketBuyer()
            await buyer.connect(addresses[number % len(addresses)], token, CONNECT_SECONDS)
            ack, _ = await asyncio.wait_for(buyer.press("join", {"slug": wanted["slug"]}), CONNECT_SECONDS)
            assert ack["ok"], ack
            return buyer

    buyers = await asyncio.gather(*(come(number, token) for number, token in enumerate(wanted["tokens"])))
    gc.freeze()
    outcomes = []
    for number in range(wanted["bursts"]):
        await asyncio.sleep(wanted["pause_seconds"])
        outcomes.append(await burst(buyers, wanted["sale_id"], f"b{number}", wanted["burst_seconds"]))
    await asyncio.sleep(wanted["pause_seconds"])
    outcomes.append(await throng(buyers, wanted["sale_id"], wanted["times"]))
    for buyer in buyers:
        buyer.close()
    return outcomes


def main() -> None:
    """Measure, and leave the answer."""
    wanted = json.loads(sys.argv[1])
    allow_files(len(wanted["tokens"]) + OTHER_FILES)
    leave(uvloop.run(come_and_press(wanted)), wanted["answer"])


if __name__ == "__main__":
    main()
