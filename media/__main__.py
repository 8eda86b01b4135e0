"""Starts a media node from the environment and stops it on SIGTERM or SIGINT."""

from __future__ import annotations

import gc

if __name__ == "__main__":
    gc.disable()  # what a program loads stays; to look for rubbish among it takes a fifth of the start

import asyncio
import resource
import signal
import sys

import uvloop

from config.logs import configure, logger
from config.settings import MediaSettings, SettingsError, load
from media.app import run_node
from media.cluster.moving import move_away

log = logger(__name__)

# Rarely: a look at everything that lives takes tens of milliseconds with a thousand viewers, and packets wait for it.
COLLECT_AFTER = (20_000, 20, 20)


def allow_many_files() -> None:
    """Each connection over TCP takes a descriptor, and systems often allow 1,024 unless asked for more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def run(settings: MediaSettings) -> None:
    """Serve until a signal comes."""
    stopped, hurry = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        (hurry if stopped.is_set() else stopped).set()  # a second signal ends the patience

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    async with run_node(settings) as node:
        gc.collect()
        gc.freeze()  # what is here now stays
        gc.set_threshold(*COLLECT_AFTER)
        await stopped.wait()
        log.info("media node is stopping")
        await move_away(node, hurry)


def main() -> int:
    """Exit code 2: the settings are wrong."""
    gc.freeze()
    gc.enable()
    try:
        settings = load(MediaSettings)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    configure(settings, "media")
    allow_many_files()
    uvloop.run(run(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
