"""Voids the passes of whoever is banned: media nodes end what he watches, and let him play no more."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from redis.exceptions import RedisError

from config.logs import logger
from media.passes import ALL_ROOMS
from server.moderation.model import EVERYWHERE, Sanction, SanctionKind

log = logger(__name__)

TELL_SECONDS = 1.0  # no ban waits longer for a Redis that hangs


class Nodes(Protocol):
    """Speaks to the media nodes."""

    async def send_command(self, command: str, fields: dict[str, Any]) -> int: ...


class ViewerPasses:
    """Tells media nodes of bans. What they do not hear the sweep says again."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes

    async def void(self, sanction: Sanction) -> None:
        """Void what was written before a ban; a mute voids nothing."""
        if sanction.kind is not SanctionKind.BAN:
            return
        room_id = ALL_ROOMS if sanction.room_id == EVERYWHERE else sanction.room_id
        fields = {"room_id": room_id, "person": sanction.user_id, "at": sanction.at.timestamp()}
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._nodes.send_command("void_passes", fields)
        except (RedisError, TimeoutError) as error:
            log.warning("media nodes not told of a ban", error=type(error).__name__)
