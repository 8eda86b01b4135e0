"""The web application: adds transports (HTTP routes, Socket.IO, background rounds) to the services."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from config.health import add_health
from config.logs import logger
from config.settings import ServerSettings
from config.tasks import Tasks
from media.passes import PassWriter
from server.accounts.http import account_routes
from server.accounts.service import ROLES
from server.addresses.http import address_routes
from server.auditing.http import audit_routes
from server.cards.events import card_events
from server.cards.http import card_routes
from server.carts.http import cart_routes
from server.catalog.http import catalog_routes, merchant_routes
from server.certificates.http import certificate_routes
from server.chat.events import chat_events
from server.clips.http import clip_routes
from server.coupons.events import coupon_events
from server.coupons.http import coupon_routes
from server.courses.events import course_events
from server.courses.http import course_routes
from server.draws.events import draw_events
from server.draws.http import draw_routes
from server.figures.http import figure_routes
from server.files.http import file_routes
from server.fills.http import fill_routes
from server.flash.http import sale_routes
from server.flash.shape import sale_shape
from server.follows.http import follow_routes
from server.http import client_address, error_middleware, metrics_middleware, sign_in_middleware
from server.infra.announce import user_of
from server.infra.away import AWAY
from server.infra.metrics import ServerMetrics
from server.infra.mongo import mongo_is_up
from server.infra.packets import NAMESPACE
from server.infra.visitors import Visitors, is_persons_address
from server.lesson_questions.http import lesson_question_routes
from server.moderation.events import moderation_events
from server.moderation.http import moderation_routes, operator_moderation_routes
from server.nodes.http import node_routes
from server.orders.events import order_events
from server.orders.http import order_routes, return_routes, shop_order_routes
from server.orders.waiting import Waiting
from server.pages import page_routes
from server.payments.http import dispute_routes, payment_routes, returned_parcel_routes
from server.payments.sandbox.http import sandbox_routes
from server.polls.events import poll_events
from server.questions.events import question_events
from server.quizzes.http import quiz_routes
from server.ratings.http import rating_routes
from server.recordings.http import recording_routes
from server.rooms.bouncer import SANCTION, Bouncer
from server.rooms.events import RoomEvents
from server.rooms.http import audience_routes, room_routes
from server.rooms.shape import MediaAddress
from server.rooms.shown import Showing
from server.showroom.http import showroom_routes
from server.sio import Peer, SocketServer
from server.streams.http import stream_routes
from server.streams.media_events import media_event_handler
from server.subtitles.http import subtitle_routes
from server.teaching.http import teaching_routes
from server.uploads.http import tus_routes, upload_routes
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
                metrics_middleware(metrics),
                error_middleware(),
                sign_in_middleware(services.accounts.find_user, settings.trusted_proxy_hops),
            ],
        )
        media = MediaAddress(settings.media_public_url, settings.media_http_port)
        sockets, bouncer = _open_sockets(services, media, metrics)
        sockets.server.attach(app)

        async def let_go(_: web.Application) -> None:
            await sockets.let_go()

        app.on_shutdown.append(let_go)
        _add_routes(app, services, media, metrics)
        _start_rounds(services, bouncer, tasks, metrics)
        try:
            yield app
        finally:
            await sockets.aclose()


def _open_sockets(services: Services, media: MediaAddress, metrics: ServerMetrics) -> tuple[SocketServer, Bouncer]:
    public_url = services.settings.public_url.rstrip("/")

    async def find_sale(room_id: str) -> dict[str, Any] | None:
        view = await services.commerce.sales.open_in(room_id)
        return None if view is None else sale_shape(view)

    hops = services.settings.trusted_proxy_hops

    def address_of(peer: Peer) -> str:
        environ = sockets.server.get_environ(peer.sid, NAMESPACE)
        return client_address(environ["aiohttp.request"], hops) if environ else ""

    def persons_address(request: web.Request) -> str:
        address = client_address(request, hops)
        return address if is_persons_address(address) else ""

    talk = services.talk
    showing = Showing(
        services.rooms,
        services.chat,
        services.cards,
        find_sale,
        talk.follows,
        services.fanout,
        [talk.questions, talk.polls, talk.coupons, talk.draws],
        services.tasks,
    )
    room_events = RoomEvents(
        services.rooms,
        showing,
        services.presence,
        media,
        PassWriter(services.settings.internal_secret.get_secret_value()),
        services.clock,
        services.fanout,
        talk.door,
        talk.follows,
        services.tasks,
    )
    sockets = SocketServer(
        services.listeners,
        services.accounts.find_user,
        [
            *room_events.events(lambda: sockets),
            *chat_events(services.chat, address_of),
            *moderation_events(talk.moderation),
            *question_events(talk.questions, address_of),
            *poll_events(talk.polls, address_of),
            *coupon_events(talk.coupons, address_of, services.clock),
            *draw_events(talk.draws, address_of),
            *card_events(services.cards, services.rooms),
            *order_events(services.commerce.orders),
            *course_events(services.library.courses, lambda: sockets),
        ],
        room_events.gone,
        Visitors(persons_address, services.settings.connections_per_address),
        [public_url] if public_url else None,
        metrics,
    )
    bouncer = Bouncer(
        talk.board,
        talk.door,
        talk.passes,
        sockets,
        lambda peer: room_events.put_out(peer, sockets),
        services.tasks,
        services.clock,
    )
    services.listeners.act_on(SANCTION, bouncer.hear)
    services.listeners.act_on(ROLES, lambda told: sockets.connect_anew(user_of(told.channel)))
    gate = services.commerce.gate
    gate.tell_lines_to(Waiting(gate, sockets, services.tasks, asyncio.get_running_loop().time).begin)
    return sockets, bouncer


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
    app.router.add_routes(audience_routes(services.rooms, services.streams))
    app.router.add_routes(node_routes(services.nodes))
    app.router.add_routes(follow_routes(services.talk.follows))
    app.router.add_routes(moderation_routes(services.talk.moderation, services.talk.board))
    app.router.add_routes(operator_moderation_routes(services.talk.moderation, services.talk.board))
    app.router.add_routes(coupon_routes(services.talk.coupons, services.clock))
    app.router.add_routes(draw_routes(services.talk.draws))
    app.router.add_routes(catalog_routes(services.catalog, services.pictures))
    app.router.add_routes(merchant_routes(services.catalog))
    app.router.add_routes(stream_routes(services.streams, settings.internal_secret.get_secret_value()))
    _add_library_routes(app, services)
    _add_commerce_routes(app, services)
    app.router.add_routes(page_routes(Path(settings.web_folder)))


def _add_library_routes(app: web.Application, services: Services) -> None:
    library = services.library
    app.router.add_routes(course_routes(library.courses, library.search))
    app.router.add_routes(subtitle_routes(library.subtitles))
    app.router.add_routes(teaching_routes(library.editing, library.teaching))
    app.router.add_routes(quiz_routes(library.quizzes))
    app.router.add_routes(certificate_routes(library.certificates))
    app.router.add_routes(lesson_question_routes(library.questions))
    app.router.add_routes(rating_routes(library.ratings))
    app.router.add_routes(fill_routes(library.fills, services.clock, Path(services.settings.upload_folder)))
    app.router.add_routes(clip_routes(library.clips))
    app.router.add_routes(recording_routes(library.recordings, library.courses))
    app.router.add_routes(upload_routes(library.uploads))
    app.router.add_routes(tus_routes(library.uploads))
    app.router.add_routes(showroom_routes(library.showroom, library.panoramas))
    app.router.add_routes(file_routes(services.objects))


def _add_commerce_routes(app: web.Application, services: Services) -> None:
    commerce = services.commerce
    app.router.add_routes(sale_routes(commerce.sales))
    app.router.add_routes(card_routes(services.cards))
    app.router.add_routes(order_routes(commerce.orders))
    app.router.add_routes(return_routes(commerce.returns))
    app.router.add_routes(returned_parcel_routes(commerce.parcels))
    app.router.add_routes(dispute_routes(commerce.returns, commerce.parcels, services.catalog))
    app.router.add_routes(shop_order_routes(commerce.orders))
    app.router.add_routes(payment_routes(commerce.payments))
    app.router.add_routes(address_routes(commerce.addresses))
    app.router.add_routes(cart_routes(commerce.carts))
    app.router.add_routes(audit_routes(commerce.auditor))
    app.router.add_routes(figure_routes(commerce.figures))
    if commerce.till is not None:
        app.router.add_routes(sandbox_routes(commerce.till))


def _start_rounds(services: Services, bouncer: Bouncer, tasks: Tasks, metrics: ServerMetrics) -> None:
    tasks.keep("fan-out", services.fanout.run)
    tasks.keep("slow pages", services.listeners.run)
    tasks.keep("presence", services.presence.run)
    figures = services.commerce.figures
    rounds = [services.streams.sweep, services.talk.draws.sweep, bouncer.sweep, figures.sweep]
    tasks.start("sweep", _sweep(services.settings.sweep_interval_seconds, rounds))
    commerce = services.commerce

    async def audit() -> None:
        done = await commerce.auditor.sweep()
        metrics.sales_audited(done.checked, done.wrong)

    tasks.start("audit", _sweep(services.settings.sweep_interval_seconds, [audit]))
    money = [commerce.clockwork.sweep, commerce.sales.sweep]
    tasks.start("commerce sweep", _sweep(services.settings.sweep_interval_seconds, money))
    # By themselves: they wait for others, and holds are given back in the meantime.
    for look in (*commerce.payments.rounds, commerce.parcels.sweep):
        tasks.start("payment sweep", _sweep(services.settings.sweep_interval_seconds, [look]))
    if commerce.till is not None:
        tasks.start("sandbox callbacks", _sweep(services.settings.sweep_interval_seconds, [commerce.till.sweep]))
    library = services.library
    tasks.start(
        "job sweep",
        _sweep(
            services.settings.job_sweep_seconds,
            [
                library.recordings.queue.sweep,
                library.recordings.chunks.sweep,
                library.recordings.tidy,
                library.clips.queue.sweep,
                library.fills.sweep,
                library.clips.tidy,
            ],
        ),
    )
    tasks.start("upload sweep", _sweep(services.settings.job_sweep_seconds, [library.uploads.sweep]))
    tasks.start("search", _sweep(services.settings.job_sweep_seconds, [library.search.refresh]))
    handler = media_event_handler(services.streams, library.recordings)
    consumer = secrets.token_hex(4)
    tasks.keep("media events", lambda: services.bus.consume_events("servers", consumer, handler))


async def _sweep(interval_seconds: float, rounds: Sequence[Callable[[], Awaitable[None]]]) -> None:
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
