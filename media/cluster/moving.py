"""How a node leaves: sessions get time to move to other nodes, streams are handed over; all of it bounded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from redis.exceptions import RedisError

from config.logs import logger
from config.settings import HAND_OVER_SECONDS
from media.node import Node
from media.session import Ending

log = logger(__name__)

LOOK_SECONDS = 0.2


async def move_away(node: Node, hurry: asyncio.Event) -> None:
    """Wait until viewers have moved, at most DRAIN_SECONDS, then let the hosts move; returns at once when there is no
    other node to go to, or when `hurry` is set."""
    node.drain()
    patience = node.settings.drain_seconds
    if patience == 0 or not await _has_somewhere_to_go(node):
        return
    log.info("node is leaving", sessions=len(node.resources), seconds=patience)
    await _until(lambda: not node.resources, time.monotonic() + patience, hurry)
    await _hand_over(node, hurry)


async def _has_somewhere_to_go(node: Node) -> bool:
    with suppress(RedisError, OSError):  # then what was seen last counts
        await node.registry.look()
    return node.registry.with_room() is not None


async def _hand_over(node: Node, hurry: asyncio.Event) -> None:
    """End the hosts' sessions so that they come back at another node, which goes on with their streams."""
    streams = dict(node.streams)
    for slug, stream in streams.items():
        await node.give_up(slug)
        await _tell_left(node, slug)  # before he is sent away: he may be at another node sooner than that is told
        if stream.publisher is not None:
            stream.publisher.session.end(Ending.SHUTDOWN)
        for viewer in list(stream.viewers):
            viewer.session.end(Ending.SHUTDOWN)
    until = time.monotonic() + HAND_OVER_SECONDS
    waiting = set(streams)
    while waiting and time.monotonic() < until and not hurry.is_set():
        for slug in sorted(waiting):
            if await _is_taken(node, slug, streams[slug].stream_id):
                waiting.discard(slug)
                node.let_go(slug)
            else:
                await _tell_left(node, slug)
        await _pause(hurry)
    if waiting:
        log.warning("streams that no other node took end here", count=len(waiting))


async def _tell_left(node: Node, slug: str) -> None:
    with suppress(RedisError, OSError):  # then the next node leaves some numbers out
        await node.tell_left(slug)


async def _is_taken(node: Node, slug: str, stream_id: str) -> bool:
    try:
        return await node.registry.lives_elsewhere(slug, stream_id)
    except (RedisError, OSError):
        return False


async def _until(condition: Callable[[], bool], end: float, hurry: asyncio.Event) -> None:
    while not condition() and time.monotonic() < end:
        await _pause(hurry)
        if hurry.is_set():
            return


async def _pause(hurry: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_SECONDS):
            await hurry.wait()
