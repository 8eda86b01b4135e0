"""`python -m server`: the web server, until SIGTERM or SIGINT."""

from __future__ import annotations

import gc

if __name__ == "__main__":
    gc.disable()  # what a program loads stays; to look for rubbish among it takes a fifth of the start

import asyncio
import signal
import sys

import uvloop
from aiohttp import web

from config.logs import configure, logger
from config.settings import ServerSettings, SettingsError, load
from server.app import open_app

log = logger(__name__)

# Thousands of open pages are a million objects that live on; looking at all of them for rubbish as often as Python
# does by itself took a third of the CPU time of a flash sale (docs/decisions/).
GC_THRESHOLDS = (50_000, 20, 100)
# A connection without a whole request for so long is closed, also one that sends a header's letters one by one. The
# front closes its own idle connections sooner (config/Caddyfile), or it would use one that is being closed.
SILENT_SECONDS = 75.0
# Connections that may wait to be taken (the kernel's somaxconn is the upper bound). When it is full, as after another
# server's death, a page's next tries come after 1, 3, 7… 63 seconds: of 5,000 the last was there after 110.
BACKLOG = 8_192


async def serve(settings: ServerSettings) -> None:
    """Run until told to stop: first no new connections, then tell and close the open ones."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with open_app(settings) as app:
        runner = web.AppRunner(
            app,
            access_log=None,
            shutdown_timeout=settings.shutdown_seconds,
            keepalive_timeout=SILENT_SECONDS,
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, settings.server_host, settings.server_port, backlog=BACKLOG)
            await site.start()
            log.info("server is up", addresses=runner.addresses)
            await stop.wait()
            log.info("server is stopping")
        finally:
            await runner.cleanup()


def main() -> int:
    """The process's exit code: 0 stopped, 2 wrong settings."""
    gc.freeze()
    gc.enable()
    try:
        settings = load(ServerSettings)
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- there is no log yet
        return 2
    configure(settings, "server")
    gc.set_threshold(*GC_THRESHOLDS)
    uvloop.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
