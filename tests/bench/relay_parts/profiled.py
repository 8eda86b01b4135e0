"""Runs a media process under cProfile: SIGUSR1 begins, SIGUSR2 ends and writes the file that is named first."""

from __future__ import annotations

import asyncio
import cProfile
import signal
import sys

from config.settings import MediaSettings
from media import __main__ as media

_run = media.run


def main() -> int:
    """As `python -m media`."""
    profile = cProfile.Profile()

    def end() -> None:
        profile.disable()
        profile.dump_stats(sys.argv[1])

    async def run(settings: MediaSettings) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, profile.enable)
        loop.add_signal_handler(signal.SIGUSR2, end)
        await _run(settings)

    media.run = run
    return media.main()


if __name__ == "__main__":
    sys.exit(main())
