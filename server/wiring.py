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
from server.courses.service import Courses
from server.courses.store import CourseStore
from server.flash.service import Sales
from server.flash.store import SaleStore
from server.infra.announce import Announcer, RedisManager, close_sio_manager
from server.infra.jobs import Jobs, make_celery
from server.infra.limits import RateLimits
from server.infra.mongo import Database, open_mongo
from server.infra.transactions import Transactions
from server.infra.turns import Turns
from server.making.service import Queue
from server.orders.placing import Placing
from server.orders.service import Orders
from server.orders.stock import Stock
from server.orders.store import OrderStore
from server.payments.sandbox.provider import Sandbox
from server.payments.sandbox.store import BillStore
from server.payments.sandbox.till import Till
from server.payments.service import Payments
from server.payments.store import PaymentStore
from server.recordings.jobs import TRANSCODE, transcode_priority
from server.recordings.service import Recordings
from server.recordings.store import AssetStore
from server.rooms.presence import Presence
from server.rooms.service import Rooms
from server.rooms.store import RoomStore
from server.showroom.clips import Clips
from server.showroom.jobs import CUT_CLIP, SOON
from server.showroom.service import Showroom
from server.showroom.store import ClipStore, HallStore
from server.streams.service import Streams
from server.streams.store import StreamStore

LOST_STREAM_SECONDS = 60.0  # a media machine that is away longer than this takes its stream with it


@dataclass(frozen=True, slots=True)
class Library:
    """What streams and uploads become."""

    recordings: Recordings
    courses: Courses
    clips: Clips
    showroom: Showroom


@dataclass(frozen=True, slots=True)
class Commerce:
    """What is sold, to whom, and whether it is paid. `till`: only where the sandbox takes the payments."""

    sales: Sales
    orders: Orders
    payments: Payments
    till: Till | None


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
    commerce: Commerce
    library: Library


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
        manager = RedisManager(settings.redis_url, channel="dongting:sio", write_only=not with_sockets)
        stack.push_async_callback(close_sio_manager, manager)
        tasks = await stack.enter_async_context(Tasks("services"))
        announcer = Announcer(manager, tasks)
        limits = RateLimits(settings)
        stack.push_async_callback(limits.aclose)
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
        commerce = await _build_commerce(
            settings, database, tasks, announcer, clock, room_store, catalog_store, streams, catalog
        )
        streams.tell_ends_to(cards, commerce.sales)
        library = await _build_library(
            settings, database, objects, jobs, announcer, clock, room_store, stream_store, streams, cards, catalog
        )
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
            commerce=commerce,
            library=library,
        )


async def _build_library(
    settings: ServerSettings,
    database: Database,
    objects: S3Objects,
    jobs: Jobs,
    announcer: Announcer,
    clock: SystemClock,
    room_store: RoomStore,
    stream_store: StreamStore,
    streams: Streams,
    cards: Cards,
    catalog: Catalog,
) -> Library:
    asset_store = AssetStore(database)
    course_store = CourseStore(database)
    hall_store = HallStore(database)
    clip_store = ClipStore(database)
    for store in (asset_store, course_store, hall_store, clip_store):
        await store.make_indexes()
    courses = Courses(course_store, asset_store, announcer, clock)
    clip_queue = Queue(
        clip_store, jobs, clock, job=CUT_CLIP, priority=lambda _: SOON, lease_seconds=settings.job_lease_seconds
    )
    clips = Clips(clip_store, clip_queue, catalog, objects, clock)
    asset_queue = Queue(
        asset_store,
        jobs,
        clock,
        job=TRANSCODE,
        priority=transcode_priority,
        lease_seconds=settings.job_lease_seconds,
        changed=courses.asset_changed,
    )
    return Library(
        recordings=Recordings(asset_store, asset_queue, objects, courses, streams, room_store, cards, clips, clock),
        courses=courses,
        clips=clips,
        showroom=Showroom(hall_store, clip_store, catalog, room_store, stream_store, clock),
    )


async def _build_commerce(
    settings: ServerSettings,
    database: Database,
    tasks: Tasks,
    announcer: Announcer,
    clock: SystemClock,
    room_store: RoomStore,
    catalog_store: CatalogStore,
    streams: Streams,
    catalog: Catalog,
) -> Commerce:
    sale_store = SaleStore(database)
    order_store = OrderStore(database)
    payment_store = PaymentStore(database)
    bill_store = BillStore(database)
    for store in (sale_store, order_store, payment_store, bill_store):
        await store.make_indexes()
    transactions = Transactions(database, settings.mongodb_timeout_seconds)
    await transactions.prepare()
    turns = Turns()
    sales = Sales(sale_store, catalog_store, catalog, room_store, streams, transactions, turns, announcer, clock)
    stock = Stock(sale_store, catalog_store, sales, catalog)
    gate = Placing(order_store, stock, transactions, turns, tasks, clock)
    orders = Orders(order_store, stock, gate, catalog, transactions, turns, announcer, clock)
    providers, till = [], None
    if settings.payment_sandbox and settings.payment_sandbox_secret is not None:
        secret = settings.payment_sandbox_secret.get_secret_value()
        providers, till = [Sandbox(bill_store, secret)], Till(bill_store, secret, clock)
    return Commerce(sales, orders, Payments(payment_store, providers, orders, clock), till)
