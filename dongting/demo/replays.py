"""Keeping the demo small: only its newest replays stay."""

from __future__ import annotations

from config.settings import ServerSettings
from server.wiring import open_services


async def keep_newest(settings: ServerSettings, host_name: str, count: int) -> int:
    """Delete all but the newest `count` replays of a host; answers how many went."""
    async with open_services(settings, with_sockets=False) as services:
        host = await services.accounts.find_name(host_name)
        if host is None:
            return 0
        return await services.library.recordings.remove_old_replays(host.id, count)
