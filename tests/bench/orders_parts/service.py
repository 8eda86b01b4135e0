"""Orders through the service: everything below the transport, in one process as `python -m server` builds it."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import uvloop

from config.settings import ServerSettings
from server.__main__ import GC_THRESHOLDS
from server.accounts.model import Role, User
from server.errors import DomainError
from server.orders.admission import Wanted, Wish
from server.orders.model import Source, SourceKind
from server.wiring import open_services
from tests.bench.orders_parts.programs import Outcome, leave
from tests.harness.platform import settings_of


async def sell(settings: ServerSettings, wanted: dict[str, Any]) -> Outcome:
    """So many buyers at once, each pressing again (as somebody new) as soon as he has his answer."""
    latencies: list[float] = []
    acknowledged: list[tuple[str, str, str]] = []
    refusals: Counter[str] = Counter()
    ended = 0.0
    async with open_services(settings, with_sockets=False) as services:
        orders, now, name = services.commerce.orders, datetime.now(UTC), wanted["name"]
        roles = frozenset({Role.VIEWER})
        numbers = iter(range(wanted["presses"]))
        one_piece = Wanted("r", [Wish(Source(SourceKind.SALE, wanted["sale_id"]), 1)])

        async def press() -> None:
            nonlocal ended
            for number in numbers:
                buyer = User(f"{name}-{number}", "", "", roles, None, now)
                begin = time.perf_counter()
                try:
                    order = await orders.place(buyer, one_piece)
                except DomainError as error:
                    refusals[error.code] += 1
                    continue
                ended = time.perf_counter()
                latencies.append((ended - begin) * 1000)
                acknowledged.append((buyer.id, "r", order.id))

        # One clock for all processes of a machine: they begin together.
        await asyncio.sleep(max(0.0, wanted["begin_at"] - time.perf_counter()))
        begin = time.perf_counter()
        await asyncio.gather(*(press() for _ in range(wanted["at_once"])))
    return Outcome(ended - begin, latencies, dict(refusals), acknowledged)


def main() -> None:
    """Measure, and leave the answer."""
    wanted = json.loads(sys.argv[1])
    gc.set_threshold(*GC_THRESHOLDS)
    leave([uvloop.run(sell(settings_of(dict(os.environ)), wanted))], wanted["answer"])


if __name__ == "__main__":
    main()
