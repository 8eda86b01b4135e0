"""The plain way: one conditional update and one insert for each order, as fast as one process gets them done."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

import uvloop

from config.settings import ServerSettings
from server.ids import new_id
from server.infra.mongo import open_mongo
from tests.bench.orders_parts.programs import Outcome, leave
from tests.harness.platform import settings_of


async def sell(settings: ServerSettings, wanted: dict[str, Any]) -> Outcome:
    """Press until all is sold. Orders have the same fields as those of the sale `like`, and the same indexes."""
    latencies, acknowledged, refused = [], [], 0
    async with open_mongo(settings) as database:
        sales, orders = database["sales"], database["orders"]
        sample = await orders.find_one({"lines.sale_id": wanted["like"]})
        assert sample is not None
        numbers = iter(range(wanted["presses"]))

        async def press() -> None:
            nonlocal refused
            for number in numbers:
                begin = time.perf_counter()
                done = await sales.update_one(
                    {"_id": wanted["sale_id"], "state": "open", "available": {"$gte": 1}},
                    {"$inc": {"available": -1, "held": 1}},
                )
                if done.modified_count != 1:
                    refused += 1
                    continue
                buyer, order_id = f"naive-{number}", new_id()
                await orders.insert_one(
                    {
                        **sample,
                        "_id": order_id,
                        "number": order_id,
                        "buyer_id": buyer,
                        "request_id": "r",
                        "lines": [{**line, "sale_id": wanted["sale_id"]} for line in sample["lines"]],
                    }
                )
                latencies.append((time.perf_counter() - begin) * 1000)
                acknowledged.append((buyer, "r", order_id))

        begin = time.perf_counter()
        await asyncio.gather(*(press() for _ in range(wanted["at_once"])))
        seconds = time.perf_counter() - begin
    return Outcome(seconds, latencies, {"sold_out": refused}, acknowledged)


def main() -> None:
    """Measure, and leave the answer."""
    wanted = json.loads(sys.argv[1])
    leave([uvloop.run(sell(settings_of(dict(os.environ)), wanted))], wanted["answer"])


if __name__ == "__main__":
    main()
