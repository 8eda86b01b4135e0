"""Builds a running media node from settings: clients, node, HTTP; started and stopped as one list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware

from config.bus import Bus, open_bus
from config.health import add_health
from config.logs import logger
from config.objects import Objects, S3Objects
from config.settings import MediaSettings
from config.tasks import Tasks
from media.authorize import Hook
from media.cluster.neighbours import CONNECTIONS, Neighbours
from media.cluster.passing import Passing, read_sender
from media.cluster.presence import internal_host
from media.cluster.turns import Turn
from media.hls.airing import Airings
from media.hls.http import HlsRoutes
from media.hls.shelf import Shelf
from media.http import cors_and_problems, limit_rates
from media.metrics import make_registry
from media.node import Node
from media.operators import add_operators
from media.recording.recorder import Recorder
from media.recording.spool import recover_spool
from media.whep import add_whep
from media.whip import add_whip

log = logger(__name__)


RECOVERY_SECONDS = 60.0  # between looks at what the spool still holds


@asynccontextmanager
async def run_node(settings: MediaSettings, objects: Objects | None = None) -> AsyncIterator[Node]:
    """A media node that serves until the context ends. `objects`: another store than the one of the settings."""
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(open_bus(settings))
        store = objects if objects is not None else await stack.enter_async_context(S3Objects(settings))
        client = await stack.enter_async_context(aiohttp.ClientSession())
        # No cookies, and no proxy of the environment, between nodes; as many connections as there are listeners.
        between = aiohttp.TCPConnector(limit=CONNECTIONS)
        nodes = await stack.enter_async_context(
            aiohttp.ClientSession(connector=between, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)
        )
        neighbours = Neighbours(settings, nodes)
        airings = Airings()

        def make_recorder(stream_id: str, room_id: str, request_keyframe: Callable[[], None], turn: Turn) -> Recorder:
            return Recorder(
                stream_id=stream_id,
                room_id=room_id,
                settings=settings,
                objects=store,
                request_keyframe=request_keyframe,
                is_continued=turn.number > 0,
                onlooker=airings.open(stream_id, turn),
            )

        node = Node(settings, bus, Hook(settings, client), make_recorder, neighbours)
        await node.start()
        stack.push_async_callback(node.aclose)
        recovery = await stack.enter_async_context(Tasks("recovery"))
        recovery.start("mend the spool", _recover(node, store))
        node.on_drain += [neighbours.is_leaving.set, airings.leave]
        app = make_app(node, bus, neighbours, airings, Shelf(settings.spool_folder, store))
        node.announce(await _serve(stack, node, app))
        stack.callback(node.drain)
        log.info("media node is ready", node=settings.node_id, http_port=node.http_port, udp_port=node.udp_port)
        yield node


def make_app(node: Node, bus: Bus, neighbours: Neighbours, airings: Airings, shelf: Shelf) -> web.Application:
    """The node's routes."""
    passing = Passing(node, node.registry, neighbours, airings.answers)
    middlewares: list[Middleware] = [
        *(cors_and_problems, read_sender(neighbours.signer), limit_rates(node.settings)),
        passing.middleware,
    ]
    app = web.Application(middlewares=middlewares, client_max_size=node.settings.sdp_limit_bytes)
    add_whip(app, node)
    add_whep(app, node)
    HlsRoutes(node, airings, shelf).add_to(app)
    add_operators(app, node, neighbours.signer)

    async def accepts() -> bool:
        return not node.is_draining

    add_health(app, {"redis": bus.is_up, "accepts": accepts}, make_registry(node.counters, node.presence.snapshot))
    return app


async def _serve(stack: AsyncExitStack, node: Node, app: web.Application) -> int:
    """Listen; answers the number of this node's own HTTP port."""
    settings = node.settings
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=settings.shutdown_seconds)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    if settings.media_internal_port is None:
        await web.TCPSite(runner, settings.media_host, settings.media_http_port).start()
        return int(runner.addresses[0][1])
    await web.TCPSite(runner, internal_host(settings), settings.media_internal_port).start()
    own_port = int(runner.addresses[0][1])
    # The kernel spreads new connections over all nodes of this machine that listen here.
    shared = web.TCPSite(runner, settings.media_host, settings.media_http_port, reuse_port=True)
    await shared.start()
    leaving = await stack.enter_async_context(Tasks("leaving"))

    def leave_it_to_others() -> None:
        leaving.start("leave new connections to others", shared.stop())

    node.on_drain.append(leave_it_to_others)
    return own_port


async def _recover(node: Node, store: Objects) -> None:
    # A host whose node crashed comes back within the grace and goes on in the same take; what is left then has ended.
    # Then again and again: what could not be uploaded because the object store was away is finished when it is back.
    await asyncio.sleep(node.settings.publisher_grace_seconds)
    while True:
        try:
            await recover_spool(node.settings, store, node.take_recovered)
        except Exception:
            log.exception("the spool could not be mended, trying again later")  # recovery outlives any fault
        await asyncio.sleep(RECOVERY_SECONDS)
