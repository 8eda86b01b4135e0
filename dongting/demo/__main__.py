"""`python -m dongting.demo seed | host`: fill the platform with the demo, or be live by itself until SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from config.logs import configure
from config.settings import ServerSettings, SettingsError, load
from dongting.demo import data
from dongting.demo.host import DemoHost
from dongting.demo.seed import seed
from dongting.machine import SAID_NO
from server.wiring import open_services


async def _seed(settings: ServerSettings) -> None:
    async with open_services(settings, with_sockets=False) as services:
        await seed(services)


async def _until_stopped(work: Coroutine[Any, Any, None]) -> None:
    """Run the work; SIGTERM and SIGINT cancel it, so that it can end its broadcast."""
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        if task is not None:
            loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await work


def main() -> int:
    """The process's exit code: 0 done, 2 wrong settings or usage."""
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if what not in {"seed", "host"}:
        print(__doc__, file=sys.stderr)
        return 2
    if os.environ.get("DEMO", "").lower() in SAID_NO:
        print("the demo is switched off (DEMO)")
        return 0
    try:
        settings = load(ServerSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    configure(settings, "demo")
    if what == "seed":
        asyncio.run(_until_stopped(_seed(settings)))
        print("\n".join(data.WHAT_TO_TRY))
    else:
        asyncio.run(_until_stopped(DemoHost(settings).run()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
