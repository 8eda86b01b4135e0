"""The composition root: builds clients, stores and services; the server adds transports, workers use it as it is."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import socketio

from config.bus import Bus, open_bus
from config.clock import SystemClock
from config.objects import S3Objects
from config.settings import ServerSettings
from config.tasks import Tasks
from server.accounts.service import Accounts
from server.accounts.store import AccountStore
from server.cards.service import Cards
from server.cards.store import MomentStore
from server.catalog.pictures import Pictures
from server.catalog.service import Catalog
from server.catalog.store import CatalogStore
from server.chat.service import Chat
from server.chat.store import ChatStore
from server.infra.announce import Announcer
from server.infra.jobs import Jobs, make_celery
from server.infra.limits import RateLimits
from server.infra.mongo import Database, open_mongo
from server.rooms.presence import Presence
from server.rooms.service import Rooms
from server.rooms.store import RoomStore
from server.streams.service import Streams
from server.streams.store import StreamStore

LOST_STREAM_SECONDS = 60.0  # a media machine that is away longer than this takes its stream with it


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that people and jobs can ask for."""

    settings: ServerSettings
    clock: SystemClock
    tasks: Tasks
    database: Database
    objects: S3Objects
    bus: Bus
    jobs: Jobs
    sio_manager: socketio.AsyncManager
    announcer: Announcer
    accounts: Accounts
    rooms: Rooms
    presence: Presence
    streams: Streams
    catalog: Catalog
    pictures: Pictures
    cards: Cards
    chat: Chat


@asynccontextmanager
async def open_services(settings: ServerSettings, *, with_sockets: bool) -> AsyncIterator[Services]:
    """Build everything, and close it in the opposite order.

    `with_sockets`: this process has Socket.IO clients of its own; others only send.
    """
    async with AsyncExitStack() as stack:
        clock = SystemClock()
        database = await stack.enter_async_context(open_mongo(settings))
        objects = await stack.enter_async_context(S3Objects(settings))
        bus = await stack.enter_async_context(open_bus(settings))
        manager = socketio.AsyncRedisManager(settings.redis_url, channel="dongting:sio", write_only=not with_sockets)
        tasks = await stack.enter_async_context(Tasks("services"))
        announcer = Announcer(manager, tasks)
        limits = RateLimits(settings)
        jobs = Jobs(make_celery(settings))
        key_secret = settings.internal_secret.get_secret_value()

        account_store = AccountStore(database)
        room_store = RoomStore(database)
        stream_store = StreamStore(database)
        moment_store = MomentStore(database)
        chat_store = ChatStore(database)
        catalog_store = CatalogStore(database)
        for store in (account_store, room_store, stream_store, moment_store, chat_store, catalog_store):
            await store.make_indexes()
        await objects.make_bucket()

        accounts = Accounts(account_store, limits, clock, settings.session_days)
        presence = Presence(bus, announcer, secrets.token_hex(4))
        rooms = Rooms(room_store, stream_store, presence, clock, key_secret)
        streams = Streams(
            stream_store,
            room_store,
            bus,
            announcer,
            clock,
            key_secret=key_secret,
            start_timeout_seconds=settings.stream_start_timeout_seconds,
            lost_after_seconds=LOST_STREAM_SECONDS,
        )
        catalog = Catalog(catalog_store, room_store, clock)
        pictures = Pictures(objects)
        cards = Cards(moment_store, streams, catalog, announcer, clock)
        chat = Chat(chat_store, announcer, limits, clock)
        catalog.tell_changes_to(cards)
        streams.tell_ends_to(cards)
        yield Services(
            settings=settings,
            clock=clock,
            tasks=tasks,
            database=database,
            objects=objects,
            bus=bus,
            jobs=jobs,
            sio_manager=manager,
            announcer=announcer,
            accounts=accounts,
            rooms=rooms,
            presence=presence,
            streams=streams,
            catalog=catalog,
            pictures=pictures,
            cards=cards,
            chat=chat,
        )
