"""The web application: adds transports (HTTP routes, Socket.IO, background rounds) to the services."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from config.health import add_health
from config.logs import logger
from config.settings import ServerSettings
from config.tasks import Tasks
from server.accounts.http import account_routes
from server.cards.events import card_events
from server.catalog.http import catalog_routes
from server.chat.events import chat_events
from server.http import AWAY, error_middleware, sign_in_middleware
from server.infra.metrics import ServerMetrics
from server.infra.mongo import mongo_is_up
from server.pages import page_routes
from server.rooms.events import RoomEvents
from server.rooms.http import room_routes
from server.rooms.shape import MediaAddress
from server.sio import SocketServer
from server.streams.http import stream_routes
from server.wiring import Services, open_services

log = logger(__name__)


@asynccontextmanager
async def open_app(settings: ServerSettings) -> AsyncIterator[web.Application]:
    """The whole application with its background rounds running; leaving stops them and closes every client."""
    async with open_services(settings, with_sockets=True) as services, Tasks("server") as tasks:
        metrics = ServerMetrics()
        app = web.Application(
            client_max_size=settings.body_limit_bytes,
            middlewares=[
                error_middleware(),
                sign_in_middleware(services.accounts.find_user, settings.trusted_proxy_hops),
            ],
        )
        media = MediaAddress(settings.media_public_url, settings.media_http_port)
        sockets = _open_sockets(services, media, metrics)
        sockets.server.attach(app)
        _add_routes(app, services, media, metrics)
        _start_rounds(services, tasks)
        try:
            yield app
        finally:
            await sockets.aclose()


def _open_sockets(services: Services, media: MediaAddress, metrics: ServerMetrics) -> SocketServer:
    public_url = services.settings.public_url.rstrip("/")
    room_events = RoomEvents(
        services.rooms, services.chat, services.cards, services.presence, _no_sale, media, services.clock
    )
    sockets = SocketServer(
        services.sio_manager,
        services.accounts.find_user,
        [
            *room_events.events(lambda: sockets),
            *chat_events(services.chat),
            *card_events(services.cards, services.rooms),
        ],
        room_events.gone,
        [public_url] if public_url else None,
        metrics,
    )
    return sockets


async def _no_sale(_room_id: str) -> dict[str, Any] | None:
    return None


def _add_routes(app: web.Application, services: Services, media: MediaAddress, metrics: ServerMetrics) -> None:
    settings = services.settings
    add_health(
        app, {"mongodb": lambda: mongo_is_up(services.database), "redis": services.bus.is_up}, metrics.registry
    )
    app.router.add_routes(
        account_routes(
            services.accounts,
            secure_cookie=settings.public_url.startswith("https:"),
            session_days=settings.session_days,
        )
    )
    app.router.add_routes(room_routes(services.rooms, services.streams, media))
    app.router.add_routes(catalog_routes(services.catalog, services.pictures))
    app.router.add_routes(stream_routes(services.streams, settings.internal_secret.get_secret_value()))
    app.router.add_routes(page_routes(Path(settings.web_folder)))


def _start_rounds(services: Services, tasks: Tasks) -> None:
    tasks.start("presence", services.presence.run())
    tasks.start("sweep", _sweep(services.settings.sweep_interval_seconds, [services.streams.sweep]))


async def _sweep(interval_seconds: float, rounds: list[Callable[[], Awaitable[None]]]) -> None:
    """Do each round again and again; one that fails is logged and comes again."""
    while True:
        await asyncio.sleep(interval_seconds)
        for sweep in rounds:
            try:
                await sweep()
            except AWAY as error:
                log.warning("sweep failed, comes again", error=type(error).__name__)
            except Exception:  # a bug in one round must not stop the others
                log.exception("sweep failed, comes again")
